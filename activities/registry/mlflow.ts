import type { Registry } from './port.js';
import { createArtifactProxy } from './mlflow/artifact-proxy.js';
import { createMlflow } from './mlflow/client.js';
import { createDefinitionStore } from './mlflow/definitions.js';
import { createEvidence } from './mlflow/evidence.js';
import { createHomes } from './mlflow/home.js';
import { createJournal } from './mlflow/journal.js';
import { createMetrics } from './mlflow/metrics.js';
import { createObserved } from './mlflow/observed.js';
import { createOpenRuns } from './mlflow/open-runs.js';
import type { MlflowOptions } from './mlflow/options.js';
import type { Parts } from './mlflow/parts.js';
import { createProjection } from './mlflow/projection.js';
import { createResolve } from './mlflow/resolve.js';
import { createRunArtifacts } from './mlflow/run-artifacts.js';
import { createRuns } from './mlflow/runs.js';
import { inFailureTypes } from './mlflow/to-failure.js';
import { createTransport } from './mlflow/transport.js';
import { createVersions } from './mlflow/versions.js';

export type { MlflowCredentials, MlflowOptions } from './mlflow/options.js';

/** The registry kept in an MLflow tracking server of 3.10 or newer that serves its artifacts itself. */
export function createMlflowRegistry(options: MlflowOptions): Registry {
  const transport = createTransport(options);
  const mlflow = createMlflow(transport);
  const proxy = createArtifactProxy(transport);
  const parts: Parts = {
    mlflow,
    homes: createHomes(mlflow),
    artifacts: createRunArtifacts(proxy),
    roots: options.roots,
  };
  return inFailureTypes<Registry>({
    ...createRuns(parts),
    ...createVersions(parts),
    ...createResolve(parts),
    ...createJournal(parts),
    ...createProjection(parts, createDefinitionStore(proxy)),
    ...createObserved(parts),
    ...createOpenRuns(parts),
    ...createEvidence(parts),
    ...createMetrics(parts),
  });
}
