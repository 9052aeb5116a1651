import { join } from 'node:path';

export const SERVICES = ['temporal', 'mlflow', 'gateway', 'worker'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Where a stack keeps its state: everything is below one directory. */
export interface Layout {
  root: string;
  stackFile: string;
  tokenFile: string;
  workerConfigFile: string;
  lock: string;
  mlflow: string;
  gateway: string;
  jobs: string;
  logs: string;
  log(name: ServiceName): string;
  record(name: ServiceName): string;
}

export function layoutOf(root: string): Layout {
  return {
    root,
    stackFile: join(root, 'stack.json'),
    tokenFile: join(root, 'gateway-admin.token'),
    workerConfigFile: join(root, 'worker.config.json'),
    lock: join(root, 'locks', 'stack'),
    mlflow: join(root, 'mlflow'),
    gateway: join(root, 'gateway'),
    jobs: join(root, 'jobs'),
    logs: join(root, 'logs'),
    log: (name) => join(root, 'logs', `${name}.log`),
    record: (name) => join(root, 'processes', `${name}.json`),
  };
}
