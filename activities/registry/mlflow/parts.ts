import type { Mlflow } from './client.js';
import type { Homes } from './home.js';
import type { RunArtifacts } from './run-artifacts.js';

/** What the methods of the registry are made of. */
export interface Parts {
  mlflow: Mlflow;
  homes: Homes;
  artifacts: RunArtifacts;
  /** URI prefixes below which a version's source is followed. */
  roots: readonly string[];
}
