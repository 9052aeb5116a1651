import { Readable } from 'node:stream';
import { createLedgerSigner } from '../../dist/activities/approvals/ledger-key.js';
import { createApprovers } from '../../dist/activities/approvals/listed-keys.js';
import type { Artifacts } from '../../dist/activities/artifacts/port.js';
import type { Hosting } from '../../dist/activities/hosting/port.js';
import type { Monitoring } from '../../dist/activities/monitoring/port.js';
import type { Predictions } from '../../dist/activities/predictions/port.js';
import type { Registry } from '../../dist/activities/registry/port.js';
import type { Routing } from '../../dist/activities/routing/port.js';
import type { RegisteredModel } from '../../dist/temporal/contracts/model.js';
import type { FencedRoute, HostSpec } from '../../dist/temporal/contracts/route.js';
import type { Ports } from '../../dist/workers/compose.js';
import { instantJobs } from './instant-jobs.ts';

const EXPERIMENT = { experimentId: '1' };
const NO_ALIASES = { champion: null, previous: null, challenger: null };
/** No shadow window takes place. */
const NO_PREDICTIONS: Predictions = {
  read: () => Readable.from([]),
  last: () => Promise.resolve([]),
  invoke: () => Promise.reject(new Error('expected no shadow window')),
};
const done = (): Promise<void> => Promise.resolve();

/** Ports that answer at once. */
export function instantPorts(): Ports {
  const sha256 = '1'.repeat(64);
  const model = {
    uri: 'mlflow-artifacts:/bench/model',
    loggedModelId: 'm-1',
    digest: `sha256:${sha256}`,
    files: [{ path: 'model.bin', sha256, bytes: 1 }],
  };
  return {
    approvers: createApprovers([]),
    ledgerSigner: createLedgerSigner(null),
    artifacts: instantArtifacts(),
    registry: instantRegistry(),
    compute: instantJobs(model),
    hosting: instantHosting(),
    monitoring: instantMonitoring(),
    predictions: NO_PREDICTIONS,
    routing: instantRouting(),
  };
}

/** Remembers only what a later answer is made of. */
function instantRegistry(): Registry {
  const models: RegisteredModel[] = [];
  return {
    ensureModel: () => Promise.resolve(EXPERIMENT),
    openRun: ({ key }) => Promise.resolve({ runId: key, ...EXPERIMENT }),
    record: done,
    closeRun: done,
    registerVersion: ({ tag, runId, result, tags }) => {
      const version = models.length + 1;
      const { uri, digest, files } = result.model;
      const { features, trainedOn } = result;
      const record = { version, digest, uri, features, trainedOn, files, tags };
      const task = 'regression' as const;
      models.push({ ...record, tag, task, serving: null, registryRunId: runId, gate: null });
      return Promise.resolve({ version });
    },
    annotateVersion: done,
    resolve: (tag, version) => {
      const model = models[version - 1];
      return model
        ? Promise.resolve(model)
        : Promise.reject(new Error(`nothing was registered as ${tag}/${String(version)}`));
    },
    journal: done,
    readJournal: () => Promise.resolve([]),
    project: done,
    aliases: () => Promise.resolve(NO_ALIASES),
    statuses: () => Promise.resolve({}),
    allAliases: () => Promise.resolve([]),
    openRuns: () => Promise.resolve([]),
    newestMetric: () => Promise.resolve(null),
    readEvidence: () => Promise.resolve([]),
  };
}

function instantArtifacts(): Artifacts {
  return {
    put: done,
    get: () => Promise.resolve(new Uint8Array()),
    stat: () => Promise.resolve(null),
    verify: done,
  };
}

function instantHosting(): Hosting {
  const specs = new Map<string, HostSpec>();
  return {
    ensure: (host) => {
      specs.set(host.name, host);
      return Promise.resolve();
    },
    observe: (name) =>
      Promise.resolve({ phase: 'ready', digest: specs.get(name)?.digest ?? null, detail: '' }),
    retire: done,
    list: () => Promise.resolve([...specs.values()]),
  };
}

function instantMonitoring(): Monitoring {
  return {
    figures: (tag) =>
      Promise.resolve({ tag, epoch: 'bench', at: new Date().toISOString(), models: {} }),
    mirror: (tag) =>
      Promise.resolve({
        ...{ tag, epoch: 'bench', at: new Date().toISOString(), candidates: {} },
        log: { written: 0, lost: 0 },
      }),
  };
}

function instantRouting(): Routing {
  const routes = new Map<string, FencedRoute>();
  return {
    write: (tag, route, fence) => {
      const written = { tag, route, fence };
      routes.set(tag, written);
      return Promise.resolve(written);
    },
    read: (tag) => Promise.resolve(routes.get(tag) ?? { tag, fence: 0, route: { live: null } }),
    list: () => Promise.resolve([...routes.values()]),
  };
}
