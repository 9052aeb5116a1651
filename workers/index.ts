/// <reference lib="esnext.disposable" />
import type { WorkerConfigInput } from './config.js';

export { createWorker, type RunningWorker } from './create-worker.js';
export type { WorkerConfigInput } from './config.js';

/** For `modelyard.config.ts`: gives the file its type and nothing else. */
export const defineConfig = (config: WorkerConfigInput): WorkerConfigInput => config;
