import type { Holder } from './holder.js';

/** Waits until enough have approved the candidate. Null: they have; else why it ends without their word. */
export async function awaitApproval(holder: Holder): Promise<string | null> {
  const { approval } = holder.plan;
  if (approval === null) return null;
  const { required } = approval;
  await holder.renew({ waitingFor: 'approval' });
  const expiresAt = holder.approvalEnd;
  while (holder.approvals < required) {
    const have = holder.approvals;
    holder.stages.wait('approval', { what: 'approval', until: expiresAt, need: required, have });
    const changed = (): boolean => holder.approvals !== have;
    if (!(await holder.waitFor(changed, Date.parse(expiresAt) - Date.now())))
      return `not approved: ${String(have)} of ${String(required)} approvals until ${expiresAt}`;
  }
  holder.stages.resume('approval');
  await holder.renew({ waitingFor: null });
  return null;
}
