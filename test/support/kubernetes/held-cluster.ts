import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../../testing/index.js';

/**
 * A process of its own that holds a cluster with one pod: `held-cluster.ts <folder of the programs> <file>`. The pod's
 * program writes its own process id and that of one it started to the file. SIGTERM stops the cluster.
 */
const [binaries = '', file = ''] = process.argv.slice(2);
const script = `sleep 1000 & echo $$ $! > '${file}'; wait`;
const cluster = await startCluster({
  binaries,
  images: { 'registry.test/program:1': { command: ['/bin/sh', '-c', script] } },
});
await cluster.api.post('/api/v1/namespaces/default/pods', {
  metadata: { name: 'held' },
  spec: { containers: [{ name: 'main', image: 'registry.test/program:1' }] },
});
while (cluster.kubelet.running().length === 0) await delay(50);
process.once('SIGTERM', () => void cluster.stop());
console.log(JSON.stringify(Object.values(cluster.pids)));
