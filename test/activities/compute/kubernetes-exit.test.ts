import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { compile } from './compiled.js';
import { eventually, IMAGES, makeKubernetesStand } from './kubernetes-stand.js';

const RESULT = { step: 'train', rows: 3 };
const LONG = { prints: 'working\n', sleepsMs: 600_000, publishes: RESULT };
/** Sooner than a watch that nobody wants ends by itself. */
const TIMEOUT_MS = 45_000;

/** Looks at a job until it watches it, and then has nothing left to do. */
const LOOKER = `
  import { createKubernetesCompute } from './activities/compute/kubernetes.js';
  const [options, ref] = JSON.parse(process.argv[2]);
  const compute = createKubernetesCompute({ ...options, artifacts: {} });
  for (let looks = 0; looks < 20; looks += 1) {
    await compute.observe(ref);
    await new Promise((go) => setTimeout(go, 100));
  }
`;

describe('a process that looked at jobs on Kubernetes', { timeout: TIMEOUT_MS }, () => {
  const cluster = useCluster({ images: IMAGES });

  it('ends when it has nothing else to do, though its watch goes on', async () => {
    using compiled = compile();
    await using stand = await makeKubernetesStand(cluster());
    const ref = await stand.compute.ensure(stand.job(LONG));
    const { artifacts: _, ...options } = stand.options;
    const told = JSON.stringify([options, ref]);
    const looker = spawn(process.execPath, [compiled.script('looker', LOOKER), told], {
      stdio: 'inherit',
    });
    try {
      expect(await once(looker, 'exit')).toEqual([0, null]);
    } finally {
      looker.kill('SIGKILL');
    }
    await eventually('the watch to be noted', async () =>
      (await cluster().audited()).find(
        ({ user, verb }) => user === stand.account.user && verb === 'watch',
      ),
    );
    await stand.compute.cancel(ref);
  });
});
