import type { Client } from '@temporalio/client';
import { asyncLocalStorage } from '@temporalio/activity';
import type { Approvers, LedgerSigner } from '../activities/approvals/port.js';
import type { Artifacts } from '../activities/artifacts/port.js';
import type { Compute } from '../activities/compute/port.js';
import type { Hosting } from '../activities/hosting/port.js';
import type { Monitoring } from '../activities/monitoring/port.js';
import type { Predictions } from '../activities/predictions/port.js';
import type { MlflowCredentials, MlflowOptions } from '../activities/registry/mlflow.js';
import type { Registry } from '../activities/registry/port.js';
import type { Routing } from '../activities/routing/port.js';
import { msOf } from '../temporal/duration.js';
import type { WorkerConfig } from './config.js';
import { secretOf } from './secrets.js';
import { computeTargets, hostingTargets, routingTarget } from './targets.js';

export interface Ports {
  approvers: Approvers;
  ledgerSigner: LedgerSigner;
  artifacts: Artifacts;
  compute: Compute;
  hosting: Hosting;
  monitoring: Monitoring;
  predictions: Predictions;
  registry: Registry;
  routing: Routing;
}

/** The only place that knows kinds: each adapter is loaded when a target of its kind is configured, and not before. */
export async function composePorts(config: WorkerConfig): Promise<Ports> {
  const [{ createMlflowRegistry }, { createArtifacts }] = await Promise.all([
    import('../activities/registry/mlflow.js'),
    import('../activities/artifacts/store.js'),
  ]);
  const { trackingUri, workspace } = config.registry;
  const mlflow: MlflowOptions = {
    trackingUri,
    roots: config.artifacts.roots,
    auth: () => credentialsOf(config),
    signal: activityCancellation,
    ...(workspace !== undefined && { workspace }),
  };
  const artifacts = createArtifacts(mlflow);
  return {
    ...(await composeApprovals(config)),
    artifacts,
    registry: createMlflowRegistry(mlflow),
    compute: computeTargets(
      config.compute.default,
      await targetsOf(config.compute.targets, (target) =>
        target.kind === 'process'
          ? composeProcesses(config, target)
          : composeKubernetes(config, target, artifacts),
      ),
    ),
    hosting: hostingTargets(
      config.hosting.default,
      await targetsOf(config.hosting.targets, composeHosting),
    ),
    monitoring: routingTarget(
      config.routing.default,
      await targetsOf(config.routing.targets, composeMonitoring),
    ),
    predictions: routingTarget(
      config.routing.default,
      await targetsOf(config.routing.targets, composePredictions),
    ),
    routing: routingTarget(
      config.routing.default,
      await targetsOf(config.routing.targets, composeRouting),
    ),
  };
}

export async function composeActivities(
  ports: Ports,
  temporal: { client: Client; taskQueue: string },
  { onForeignAlias = 'restore' }: NonNullable<WorkerConfig['reconcile']> = {},
) {
  const [
    approvals,
    compute,
    hosting,
    monitoring,
    pools,
    predictions,
    reconcile,
    registry,
    routing,
    schedules,
    tags,
    windows,
    { createSchedules },
  ] = await Promise.all([
    import('../activities/approvals/activities.js'),
    import('../activities/compute/activities.js'),
    import('../activities/hosting/activities.js'),
    import('../activities/monitoring/activities.js'),
    import('../activities/pools/activities.js'),
    import('../activities/predictions/activities.js'),
    import('../activities/reconcile/activities.js'),
    import('../activities/registry/activities.js'),
    import('../activities/routing/activities.js'),
    import('../activities/schedules/activities.js'),
    import('../activities/tags/activities.js'),
    import('../activities/windows/activities.js'),
    import('../activities/schedules/temporal.js'),
  ]);
  const poolActivities = pools.createPoolActivities(temporal);
  return {
    ...approvals.createApprovalActivities(ports),
    ...compute.createComputeActivities(ports),
    ...hosting.createHostingActivities(ports),
    ...monitoring.createMonitoringActivities(ports),
    ...poolActivities,
    ...predictions.createPredictionActivities(ports),
    ...reconcile.createReconcileActivities(
      { ...ports, client: temporal.client, pools: poolActivities },
      { onForeignAlias },
    ),
    ...registry.createRegistryActivities(ports),
    ...routing.createRoutingActivities(ports),
    ...schedules.createScheduleActivities({ schedules: createSchedules(temporal) }),
    ...tags.createTagActivities(temporal),
    ...windows.createWindowActivities(),
  };
}

type ComputeTarget = WorkerConfig['compute']['targets'][string];
type ComputeOf<Kind extends ComputeTarget['kind']> = Extract<ComputeTarget, { kind: Kind }>;
type HostingTarget = WorkerConfig['hosting']['targets'][string];
type RoutingTarget = WorkerConfig['routing']['targets'][string];

async function composeApprovals({
  approvers,
  ledger,
}: WorkerConfig): Promise<Pick<Ports, 'approvers' | 'ledgerSigner'>> {
  const [{ createApprovers }, { readRoster }, { createLedgerSigner }] = await Promise.all([
    import('../activities/approvals/listed-keys.js'),
    import('../activities/approvals/roster.js'),
    import('../activities/approvals/ledger-key.js'),
  ]);
  return {
    approvers: createApprovers(approvers === undefined ? [] : readRoster(approvers).listed),
    ledgerSigner: createLedgerSigner(ledger === undefined ? null : secretOf(ledger.signingKey)),
  };
}

async function composeProcesses(
  config: WorkerConfig,
  target: ComputeOf<'process'>,
): Promise<Compute> {
  const { kind: _, ...settings } = target;
  const { createProcessCompute } = await import('../activities/compute/process.js');
  return createProcessCompute({
    ...settings,
    home: config.home,
    registry: { trackingUri: config.registry.trackingUri, env: jobEnvironment(config) },
    ...(config.classes && { classes: config.classes }),
    secrets: (name: string) => {
      const reference = config.secrets?.[name];
      return reference && secretOf(reference);
    },
  });
}

async function composeKubernetes(
  config: WorkerConfig,
  target: ComputeOf<'kubernetes'>,
  artifacts: Artifacts,
): Promise<Compute> {
  const { kind: _, trackingUri, startDeadline, grace, ttl, results, ...settings } = target;
  const { createKubernetesCompute } = await import('../activities/compute/kubernetes.js');
  return createKubernetesCompute({
    ...settings,
    artifacts,
    results: results ?? config.artifacts.roots[0] ?? '',
    registry: {
      trackingUri: trackingUri ?? config.registry.trackingUri,
      allowedTypes: config.artifacts.allowedTypes ?? [],
    },
    ...(config.classes && { classes: config.classes }),
    ...(startDeadline !== undefined && { startDeadlineMs: msOf(startDeadline) }),
    ...(grace !== undefined && { graceMs: msOf(grace) }),
    ...(ttl !== undefined && { ttlMs: msOf(ttl) }),
  });
}

async function composeHosting({ url, adminToken }: HostingTarget): Promise<Hosting> {
  const { createProcessHosting } = await import('../activities/hosting/process.js');
  return createProcessHosting({ url, adminToken: secretOf(adminToken) });
}

/** The gateway that a tag's traffic goes through is the one that counts it. */
async function composeMonitoring({ url, adminToken }: RoutingTarget): Promise<Monitoring> {
  const { createGatewayMonitoring } = await import('../activities/monitoring/gateway.js');
  return createGatewayMonitoring({ url, adminToken: secretOf(adminToken) });
}

async function composePredictions({ url, adminToken }: RoutingTarget): Promise<Predictions> {
  const { createGatewayPredictions } = await import('../activities/predictions/gateway.js');
  return createGatewayPredictions({ url, adminToken: secretOf(adminToken) });
}

async function composeRouting({ url, adminToken }: RoutingTarget): Promise<Routing> {
  const { createGatewayRouting } = await import('../activities/routing/gateway.js');
  return createGatewayRouting({ url, adminToken: secretOf(adminToken) });
}

async function targetsOf<Target, Port>(
  targets: Record<string, Target>,
  compose: (target: Target) => Promise<Port>,
) {
  const composed = Object.entries(targets).map(
    async ([name, target]) => [name, await compose(target)] as const,
  );
  return new Map(await Promise.all(composed));
}

function credentialsOf({ registry }: WorkerConfig): MlflowCredentials {
  const { username, password, token } = registry;
  if (username && password)
    return { kind: 'basic', username: secretOf(username), password: secretOf(password) };
  return token ? { kind: 'bearer', token: secretOf(token) } : { kind: 'none' };
}

/** The signal of the activity that is running, so that its calls end with it. */
function activityCancellation(): AbortSignal | undefined {
  return asyncLocalStorage.getStore()?.cancellationSignal;
}

/** For jobs: MLflow's own variables, which its client reads the same everywhere, and the types their models may contain. */
function jobEnvironment({ registry, artifacts }: WorkerConfig): Record<string, string> {
  const { username, password, token } = registry;
  return {
    MODELYARD_ALLOWED_TYPES: JSON.stringify(artifacts.allowedTypes ?? []),
    ...(username && { MLFLOW_TRACKING_USERNAME: secretOf(username) }),
    ...(password && { MLFLOW_TRACKING_PASSWORD: secretOf(password) }),
    ...(token && { MLFLOW_TRACKING_TOKEN: secretOf(token) }),
  };
}
