export interface PredictionLogSettings {
  enabled: boolean;
  /** Columns whose values are not written. */
  redact: readonly string[];
  maxAgeMs: number;
  maxBytes: number;
  /** A file that is older or larger than this gets no more lines. */
  fileAgeMs: number;
  fileBytes: number;
  /** Lines are written when this much waits, or has waited for this long. */
  flushBytes: number;
  flushMs: number;
  /** Records in memory; further ones are lost. */
  pendingBytes: number;
  /** A larger input or output is not written. */
  bodyBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

export const DEFAULT_PREDICTION_LOG: PredictionLogSettings = {
  enabled: true,
  redact: [],
  maxAgeMs: 30 * 24 * HOUR_MS,
  maxBytes: 2 * KIB * MIB,
  fileAgeMs: 6 * HOUR_MS,
  fileBytes: 64 * MIB,
  flushBytes: MIB,
  flushMs: 1_000,
  pendingBytes: 16 * MIB,
  bodyBytes: 256 * KIB,
};
