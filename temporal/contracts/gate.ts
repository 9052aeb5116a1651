import { z } from 'zod';
import { durationMs } from '../duration.js';
import { Digest, Duration, MetricName } from './scalars.js';

export const Verdict = z.enum(['passed', 'failed', 'inconclusive', 'error', 'cancelled']);
export type Verdict = z.infer<typeof Verdict>;

export const MetricRule = z
  .strictObject({
    name: MetricName,
    direction: z.enum(['higher', 'lower']),
    threshold: z.number().optional(),
    minImprovement: z.number().optional(),
    minRelativeImprovement: z.number().min(-1).max(10).optional(),
    confidence: z.number().gt(0.5).lt(1).optional(),
    slice: z
      .string()
      .regex(/^[^=]+=.*$/, { error: () => "expected 'column=value'" })
      .optional(),
    dryRun: z.boolean().optional(),
    onMissing: z.enum(['inconclusive', 'fail']).optional(),
  })
  .refine(
    (rule) =>
      rule.threshold !== undefined ||
      rule.minImprovement !== undefined ||
      rule.minRelativeImprovement !== undefined ||
      rule.confidence !== undefined,
    {
      error:
        'expected at least one bound: threshold, minImprovement, minRelativeImprovement or confidence',
    },
  );
export type MetricRule = z.infer<typeof MetricRule>;

const LONGEST_APPROVAL_MS = 30 * 24 * 3_600_000;

/** Of what is no duration the contract of durations says so. */
function isTimeToApprove(text: string): boolean {
  const given = durationMs(text);
  return given === undefined || (given > 0 && given <= LONGEST_APPROVAL_MS);
}

export const ApprovalPolicy = z
  .strictObject({
    required: z.int().min(1).max(20),
    from: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
    expiresAfter: Duration.refine(
      isTimeToApprove,
      "expected more than '0s', in which nobody could approve, and at most '30d', for which a candidate may hold its tag",
    ).optional(),
  })
  .refine((policy) => policy.from === undefined || new Set(policy.from).size >= policy.required, {
    path: ['from'],
    error: 'expected at least as many approvers as are required; fewer can never pass',
  });
export type ApprovalPolicy = z.infer<typeof ApprovalPolicy>;

export const GatePolicy = z.strictObject({
  metrics: z.array(MetricRule).min(1).max(100),
  autoPromote: z.boolean().optional(),
  approval: ApprovalPolicy.optional(),
  minHoldoutRows: z.int().min(1).optional(),
  minDwell: Duration.optional(),
  firstModel: z.enum(['thresholds', 'hold']).optional(),
  allowOwnEvaluation: z.boolean().optional(),
});
export type GatePolicy = z.infer<typeof GatePolicy>;

export const GateCheck = z.object({
  rule: z.string(),
  verdict: Verdict,
  candidate: z.number().nullable(),
  incumbent: z.number().nullable(),
  difference: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  reason: z.string(),
  decides: z.boolean(),
});
export type GateCheck = z.infer<typeof GateCheck>;

export const GateReport = z.object({
  verdict: Verdict,
  checks: z.array(GateCheck),
  holdout: z.object({
    digest: Digest,
    rows: z.int(),
    from: z.string().optional(),
    to: z.string().optional(),
  }),
  policyDigest: Digest,
});
export type GateReport = z.infer<typeof GateReport>;
