import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import { after, msOf } from '../../../temporal/duration.js';

const DEFAULT_EXPIRY = '72h';

/** Until when a candidate may be approved that begins to wait for it now. */
export const approvalExpiry = ({ gate: { approval } }: ModelDefinition, at: string): string =>
  after(at, msOf(approval?.expiresAfter ?? DEFAULT_EXPIRY));
