/** Temporal appends the slot's nominal time to the id its schedule names: '…/slot-2026-11-21T02:00:00Z'. */
const SLOT = /\/slot-(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)$/;

/** The nominal time of the slot a run belongs to, ISO-8601; null when it belongs to none. */
export function nominalTime(workflowId: string): string | null {
  const at = SLOT.exec(workflowId)?.[1];
  return at === undefined ? null : new Date(at).toISOString();
}
