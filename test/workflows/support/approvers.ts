import { createApprovers } from '../../../activities/approvals/listed-keys.js';
import type { Approvers, Identity } from '../../../activities/approvals/port.js';
import { readRoster, type KeysByName } from '../../../activities/approvals/roster.js';
import type { Statement } from '../../../temporal/contracts/statement.js';

/** The worker's own verifier: no keys at first, then the ones a test lists. */
export class ReplaceableApprovers implements Approvers {
  #inForce = createApprovers([]);

  /** Lists these keys for the test, until what it returns is disposed of. */
  list(approvers: KeysByName): Disposable {
    return this.replace(createApprovers(readRoster(approvers).listed));
  }

  replace(approvers: Approvers): Disposable {
    const before = this.#inForce;
    this.#inForce = approvers;
    return { [Symbol.dispose]: () => (this.#inForce = before) };
  }

  identify(statement: Statement, signature: string | null): Promise<Identity> {
    return this.#inForce.identify(statement, signature);
  }

  signaturesRequired(): boolean {
    return this.#inForce.signaturesRequired();
  }
}
