// Every function exported here is a workflow type that people see in the Web UI: never rename one, only add.
export { evaluate } from './evaluate.js';
export { platform } from './platform/index.js';
export { pool } from './pool/index.js';
export { read } from './read.js';
export { reconcile } from './reconcile.js';
export { retrain } from './retrain.js';
export { rollout } from './rollout.js';
export { shadow } from './shadow.js';
export { tag } from './tag/index.js';
