import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { FencedRoute } from '../temporal/contracts/route.js';
import type { HostView } from './hosts/host.js';
import type { MirrorCounts } from './mirror/counts.js';
import { addMirrorCounter } from './mirror/metrics.js';
import type { PredictionCounts } from './predictions/counts.js';
import { addPredictionCounter } from './predictions/metrics.js';

/** Where the gauges read what they show, at the moment of a scrape. */
export interface MetricSources {
  routes: { list(): FencedRoute[] };
  hosts: { list(): HostView[] };
  inFlight: () => number;
  mirror: Pick<MirrorCounts, 'all'>;
  predictions: Pick<PredictionCounts, 'all'>;
}

export interface Answered {
  /** Undefined for a tag without a route, so that callers cannot make series by asking for names. */
  tag: string | undefined;
  /** Undefined when no target was picked. */
  modelId: string | undefined;
  status: number;
  seconds: number;
}

const UNKNOWN_TAG = '(unknown)';
const NO_MODEL = '(none)';
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** The gateway's figures in Prometheus' format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'modelyard_gateway_requests_total',
    help: 'Score requests answered, by tag, answering model and HTTP status.',
    labelNames: ['tag', 'model', 'status'] as const,
    registers: [this.#registry],
  });
  readonly #durations = new Histogram({
    name: 'modelyard_gateway_request_duration_seconds',
    help: 'Time from a score request to its answer, by tag and answering model.',
    labelNames: ['tag', 'model'] as const,
    buckets: BUCKETS_S,
    registers: [this.#registry],
  });
  /** Statuses seen, by tag and model: which series there are. */
  readonly #series = new Map<string, Map<string, Set<number>>>();

  constructor(sources: MetricSources) {
    collectDefaultMetrics({ register: this.#registry });
    addGauges(this.#registry, sources);
    addMirrorCounter(this.#registry, sources.mirror);
    addPredictionCounter(this.#registry, sources.predictions);
  }

  answered(answer: Answered): void {
    const { tag = UNKNOWN_TAG, modelId: model = NO_MODEL, status } = answer;
    this.#requests.inc({ tag, model, status });
    this.#durations.observe({ tag, model }, answer.seconds);
    this.#statusesOf(tag, model).add(status);
  }

  /** Drops a tag's series of models other than those named: a tag's models come and go for years. */
  keepModels(tag: string, modelIds: Iterable<string>): void {
    const kept = new Set([...modelIds, NO_MODEL]);
    const models = this.#series.get(tag);
    for (const [model, statuses] of models ?? []) {
      if (kept.has(model)) continue;
      for (const status of statuses) this.#requests.remove({ tag, model, status });
      this.#durations.remove({ tag, model });
      models?.delete(model);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  #statusesOf(tag: string, model: string): Set<number> {
    const models = this.#series.get(tag) ?? new Map<string, Set<number>>();
    const statuses = models.get(model) ?? new Set<number>();
    this.#series.set(tag, models.set(model, statuses));
    return statuses;
  }
}

function addGauges(registry: Registry, { routes, hosts, inFlight }: MetricSources): void {
  const registers = [registry];
  new Gauge({
    name: 'modelyard_gateway_in_flight_requests',
    help: 'Score requests being answered.',
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  new Gauge({
    name: 'modelyard_gateway_route_fence',
    help: 'Fence of the route in force, by tag.',
    labelNames: ['tag'] as const,
    registers,
    collect() {
      for (const { tag, fence } of routes.list()) this.set({ tag }, fence);
    },
  });
  hostGauge('modelyard_gateway_host_up', '1 while the host is ready.', (host) =>
    Number(host.phase === 'ready'),
  );
  hostGauge(
    'modelyard_gateway_host_restarts',
    'Times the host was started again.',
    (host) => host.restarts,
  );

  function hostGauge(name: string, help: string, valueOf: (host: HostView) => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['host', 'model'] as const,
      registers,
      collect() {
        this.reset();
        for (const host of hosts.list())
          this.set({ host: host.name, model: host.modelId }, valueOf(host));
      },
    });
  }
}
