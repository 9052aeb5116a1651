import { Decision, type RecordedEvidence } from '../../../temporal/contracts/runs.js';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../../../temporal/names.js';
import type { Registry } from '../port.js';
import type { Run } from './answers.js';
import { searchRuns } from './keyed-runs.js';
import type { Parts } from './parts.js';
import { OWN_TAGS } from './tags.js';

export function createEvidence({
  mlflow,
  homes,
  artifacts,
}: Parts): Pick<Registry, 'readEvidence'> {
  async function evidenceOf(run: Run): Promise<RecordedEvidence | null> {
    const evidence = await artifacts.read(run.artifactUri, RUN_ARTIFACTS.evidence);
    if (evidence === undefined) return null;
    const policy = await artifacts.read(run.artifactUri, RUN_ARTIFACTS.policy);
    return {
      runId: run.runId,
      at: new Date(run.startTimeMs).toISOString(),
      decision: Decision.safeParse(run.tags[REGISTRY_TAGS.decision]).data ?? null,
      evidence,
      policy: policy ?? null,
    };
  }

  return {
    async readEvidence(tag, since) {
      const home = await homes.find(tag);
      if (home === null) return [];
      const runs = await searchRuns(mlflow, home.experimentId, retrainsSince(since));
      const read = await Promise.all(runs.filter(isOriginal).map(evidenceOf));
      return read.filter((found) => found !== null);
    },
  };
}

function retrainsSince(since: string | null): string {
  const retrains = `tags.\`${OWN_TAGS.kind}\` = 'retrain'`;
  if (since === null) return retrains;
  return `${retrains} AND attributes.start_time >= ${String(Date.parse(since))}`;
}

const isOriginal = ({ tags }: Run): boolean => tags[REGISTRY_TAGS.duplicateOf] === undefined;
