import type { Context } from './context.ts';
import { runArm, type Measured, type Plan } from './jobs/arm.ts';
import { startServers } from './jobs/servers.ts';
import { rounded } from './statistics.ts';

const AT_ONCE = 50;
const FLEET = 1_000;
const COMPARED = 100;
const LASTING_SECONDS = 10;

const IMAGES = { instant: imageOf('instant'), lasting: imageOf('lasting') };

/**
 * Jobs on Kubernetes through one worker, at a fleet's pace: how often the apiserver is asked for one job, and what the worker
 * keeps of it. In turns with a worker that may not watch, so that it finds out by asking alone.
 */
export async function measureJobs(context: Context): Promise<object> {
  const script = resultScript();
  await using servers = await startServers(context, {
    [IMAGES.instant]: script,
    [IMAGES.lasting]: `sleep ${String(LASTING_SECONDS)}; ${script}`,
  });
  const run = (plan: Omit<Plan, 'atOnce'>) =>
    runArm(servers, { ...plan, atOnce: AT_ONCE }, context);
  const compare = async (kind: keyof typeof IMAGES): Promise<object> => {
    const plan = { jobs: COMPARED, image: IMAGES[kind] };
    const watched = await run({ ...plan, name: `${kind}-watched`, watch: true });
    const asked = await run({ ...plan, name: `${kind}-asked`, watch: false });
    return { watched, asked, requestsWatchedByAsked: ratio(watched, asked) };
  };
  return {
    fleet: await run({ name: 'fleet', jobs: FLEET, image: IMAGES.instant, watch: true }),
    atOnce: AT_ONCE,
    instant: await compare('instant'),
    lasting: { lastSeconds: LASTING_SECONDS, ...(await compare('lasting')) },
  };
}

const ratio = (above: Measured, below: Measured): number =>
  rounded(above.requests.perJob / below.requests.perJob);

function imageOf(name: string): string {
  return `registry.test/${name}@sha256:${'ab'.repeat(32)}`;
}

/** Does nothing but publish what a training job publishes. */
function resultScript(): string {
  const digest = `sha256:${'1'.repeat(64)}`;
  const result = {
    step: 'train',
    key: 'bench',
    model: {
      uri: 'mlflow-artifacts:/bench/model',
      loggedModelId: 'm-1',
      digest,
      files: [{ path: 'model.bin', sha256: '1'.repeat(64), bytes: 1 }],
    },
    features: ['distance'],
    dataDigest: digest,
    rows: { train: 9_000, holdout: 1_000, unlabelled: 0, tooYoung: 0 },
    holdout: { digest, rows: 1_000 },
    trainedOn: { from: null, until: null, holdout: null, timeColumn: null },
    metrics: {},
    ownEvaluation: false,
  };
  return `echo '${JSON.stringify({ result })}' > "$MODELYARD_TERMINATION_LOG"`;
}
