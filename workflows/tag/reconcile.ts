import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { ReconcileCommand, Reconciled } from '../../temporal/contracts/reconcile.js';
import { failure } from '../../temporal/errors.js';
import * as messages from '../../temporal/messages.js';
import { differences, stampOf, type Difference } from '../policy/tag/findings.js';
import { looks } from '../proxies.js';
import type { Entity } from './entity.js';
import { putRight } from './put-right.js';

/** A tag that moves during each of so many looks is at work: the next sweep looks again. */
const MOST_LOOKS = 3;

/** Registers what compares a tag with the stores it writes, and puts them right. */
export function handleReconcile(entity: Entity): void {
  let looking = false;
  const taking = async (command: ReconcileCommand): Promise<Reconciled> => {
    looking = true;
    try {
      return await reconcile(entity, command);
    } finally {
      looking = false;
    }
  };
  const admit = (_command: ReconcileCommand): void => {
    if (looking) throw failure('Overloaded', `${entity.state.tag} is being reconciled already`);
  };
  setHandler(
    messages.reconcile,
    (command) => CancellationScope.nonCancellable(() => taking(command)),
    { validator: admit },
  );
  setHandler(messages.differences, ({ seen, adopt }) =>
    differences(entity.state, seen, adopt).map(({ kind, what }) => ({ kind, what })),
  );
}

async function reconcile(entity: Entity, { dryRun, adopt }: ReconcileCommand): Promise<Reconciled> {
  const found = await look(entity, adopt);
  const { tag, live, seq } = entity.state;
  const adopted = dryRun ? undefined : found.find(({ kind }) => kind === 'adopted');
  const findings = found.map(async (difference) => {
    const repaired = !dryRun && (await putRight(entity, difference));
    return { tag, what: difference.what, repaired };
  });
  return {
    findings: await Promise.all(findings),
    adopt: adopted?.kind === 'adopted' ? { version: adopted.version, live, seq } : null,
  };
}

/**
 * Without the lock, so that no command waits for MLflow: what was seen counts only when the tag stood still meanwhile, and
 * the repairs begin before anything else can move it.
 */
async function look(entity: Entity, adopt: boolean): Promise<Difference[]> {
  for (let turn = 0; turn < MOST_LOOKS; turn += 1) {
    const { tag, lease } = entity.state;
    const stamp = stampOf(entity.state);
    const seen = await looks.observeTag({ tag, holder: lease?.workflowId ?? null });
    if (stampOf(entity.state) === stamp) return differences(entity.state, seen, adopt);
  }
  return [];
}
