import { startGateway, type Gateway } from '../../../gateway/gateway.js';
import {
  DEFAULT_INSTANCES,
  DEFAULT_LIMITS,
  DEFAULT_SHARED_ROOM,
  type GatewayOptions,
} from '../../../gateway/options.js';
import { DEFAULT_MIRROR } from '../../../gateway/mirror/settings.js';
import { DEFAULT_PREDICTION_LOG } from '../../../gateway/predictions/settings.js';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import { Client, modelSpec, type ModelBehaviour } from './client.js';
import { ADMIN_TOKEN, PYTHON, STAND_IN_HARNESS, temporaryDirectory } from './gateway-process.js';

/** A gateway in this process, with real model servers, on a directory of its own. */
export interface Bed {
  client: Client;
  gateway: Gateway;
  options: GatewayOptions;
  directory: string;
  /** What the gateway logged. */
  events: { event: string; [field: string]: unknown }[];
  model(version: number, behaviour?: Partial<ModelBehaviour>): Promise<HostSpec>;
  dispose(): Promise<void>;
}

export type Changes = {
  limits?: Partial<GatewayOptions['limits']>;
  instances?: Partial<GatewayOptions['instances']>;
  mirror?: Partial<GatewayOptions['mirror']>;
  predictions?: Partial<GatewayOptions['predictions']>;
  modelServer?: Partial<GatewayOptions['modelServer']>;
};

export function optionsFor(
  dataDirectory: string,
  { limits, instances, mirror, predictions, modelServer }: Changes = {},
): GatewayOptions {
  return {
    dataDirectory,
    host: '127.0.0.1',
    port: 0,
    adminToken: ADMIN_TOKEN,
    modelServer: {
      python: PYTHON,
      harness: STAND_IN_HARNESS,
      home: `${dataDirectory}/home`,
      trackingUri: null,
      allowedTypes: [],
      shared: DEFAULT_SHARED_ROOM,
      passedOn: { PATH: process.env['PATH'] ?? '' },
      ...modelServer,
    },
    limits: { ...DEFAULT_LIMITS, ...limits },
    instances: { ...DEFAULT_INSTANCES, pingEveryMs: { starting: 20, ready: 50 }, ...instances },
    mirror: { ...DEFAULT_MIRROR, ...mirror },
    predictions: { ...DEFAULT_PREDICTION_LOG, flushMs: 20, ...predictions },
  };
}

export async function makeBed(changes: Changes = {}): Promise<Bed> {
  const directory = await temporaryDirectory();
  const options = optionsFor(directory.path, changes);
  const events: Bed['events'] = [];
  const gateway = await startGateway(options, (event, fields) => events.push({ ...fields, event }));
  const client = new Client(gateway.url);
  return {
    client,
    gateway,
    options,
    directory: directory.path,
    events,
    model: (version, behaviour) => modelSpec(directory.path, version, behaviour),
    dispose: async () => {
      await client.close();
      await gateway.close();
      await directory.remove();
    },
  };
}
