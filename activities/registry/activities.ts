import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { GateReport } from '../../temporal/contracts/gate.js';
import type { RegisteredModel } from '../../temporal/contracts/model.js';
import type { ShadowReport } from '../../temporal/contracts/shadow.js';
import type { RecordedEvidence } from '../../temporal/contracts/runs.js';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../../temporal/names.js';
import type { Artifacts } from '../artifacts/port.js';
import type {
  MetricPoint,
  MetricQuestion,
  OpenedRun,
  Projection,
  Registration,
  Registry,
  RunOpening,
} from './port.js';

export interface GateRecord {
  tag: string;
  runId: string;
  version: number;
  incumbent: number | null;
  report: GateReport;
  policy: unknown;
  judgedUnder: string;
}

export interface ShadowRecord {
  tag: string;
  runId: string;
  version: number;
  report: ShadowReport;
  /** When the run was over. */
  at: string;
  policy: unknown;
}

export interface RunEnd {
  runId: string;
  status: 'FINISHED' | 'FAILED' | 'KILLED';
  at: string;
  tags: Record<string, string>;
}

interface Ports {
  registry: Registry;
  artifacts: Artifacts;
}

export function createRegistryActivities(ports: Ports) {
  return { ...recordingActivities(ports), ...readingActivities(ports) };
}
export type RegistryActivities = ReturnType<typeof createRegistryActivities>;

function recordingActivities({ registry, artifacts }: Ports) {
  return {
    openRun: (opening: RunOpening): Promise<OpenedRun> => registry.openRun(opening),

    /** Registers the candidate only when its files are, byte for byte, the ones its job published. */
    async registerCandidate(registration: Registration): Promise<{ version: number }> {
      const { uri, files } = registration.result.model;
      await artifacts.verify(uri, files);
      return registry.registerVersion(registration);
    },

    /** The verdict, the policy it was reached by and the version it is about, on the run and on the version. */
    async recordGate(record: GateRecord): Promise<void> {
      const { report, policy } = record;
      const tags = gateTags(record);
      const documents = { [RUN_ARTIFACTS.gateReport]: report, [RUN_ARTIFACTS.policy]: policy };
      await registry.record(record.runId, { tags, artifacts: documents });
      await registry.annotateVersion(record.tag, record.version, tags);
    },

    /** What a window showed and what it came to, on the run and on the version; the run ends with its window. */
    async recordShadow({ report, policy, ...of }: ShadowRecord): Promise<void> {
      const { tag, runId, version, at } = of;
      const tags = { [REGISTRY_TAGS.shadowVerdict]: report.verdict };
      const metrics = Object.entries(report.metrics).map(
        ([name, value]) => [`shadow.${name}`, value] as const,
      );
      await registry.record(runId, {
        tags,
        metrics: Object.fromEntries(metrics),
        artifacts: { [RUN_ARTIFACTS.shadowReport]: report, [RUN_ARTIFACTS.shadowPolicy]: policy },
      });
      await registry.annotateVersion(tag, version, tags);
      await registry.closeRun(runId, { status: 'FINISHED', at });
    },

    async closeRun({ runId, ...end }: RunEnd): Promise<void> {
      await registry.closeRun(runId, end);
    },

    async recordDecision({ runId, decision }: { runId: string; decision: string }): Promise<void> {
      await registry.record(runId, { tags: { [REGISTRY_TAGS.decision]: decision } });
    },

    async journalEntries(entries: LedgerEntry[]): Promise<void> {
      await registry.journal(entries);
    },

    async projectToRegistry(projection: Projection): Promise<void> {
      await registry.project(projection);
    },
  };
}

function readingActivities({ registry, artifacts }: Ports) {
  return {
    experimentOf: (tag: string): Promise<{ experimentId: string }> => registry.ensureModel(tag),

    /** A version as the registry has it; with `verify`, only when its files still are what was registered. */
    async resolveModel(asked: {
      tag: string;
      version: number;
      verify: boolean;
    }): Promise<RegisteredModel> {
      const model = await registry.resolve(asked.tag, asked.version);
      if (asked.verify) await artifacts.verify(model.uri, model.files);
      return model;
    },

    readJournal: (asked: { tag: string; before: number; limit: number }): Promise<LedgerEntry[]> =>
      registry.readJournal(asked.tag, asked.before, asked.limit),

    readMetric: (asked: MetricQuestion): Promise<MetricPoint | null> =>
      registry.newestMetric(asked),

    readEvidence: (asked: { tag: string; since: string | null }): Promise<RecordedEvidence[]> =>
      registry.readEvidence(asked.tag, asked.since),
  };
}

function gateTags({ report, incumbent, judgedUnder }: GateRecord): Record<string, string> {
  return {
    [REGISTRY_TAGS.gateVerdict]: report.verdict,
    [REGISTRY_TAGS.gateIncumbent]: incumbent === null ? '' : String(incumbent),
    [REGISTRY_TAGS.gatePolicy]: report.policyDigest,
    [REGISTRY_TAGS.judgedUnder]: judgedUnder,
  };
}
