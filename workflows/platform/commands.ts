import { CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type {
  FreezeAllCommand,
  Registration,
  UnfreezeAllCommand,
} from '../../temporal/contracts/platform.js';
import * as messages from '../../temporal/messages.js';
import type { Platform } from './entity.js';

/** How long a freeze waits for the tags; those that did not answer by then are pushed all the same. */
const PATIENCE = '10s';

/** Registers every update of the platform. A validator runs the same transition as its handler. */
export function handleCommands(platform: Platform): void {
  setHandler(
    messages.freezeAll,
    (command: FreezeAllCommand) => order(platform, { type: 'freezeAll', ...command }),
    {
      validator: (command: FreezeAllCommand) => {
        platform.admit({ type: 'freezeAll', ...command });
      },
    },
  );
  setHandler(
    messages.unfreezeAll,
    (command: UnfreezeAllCommand) => order(platform, { type: 'unfreezeAll', ...command }),
    {
      validator: (command: UnfreezeAllCommand) => {
        platform.admit({ type: 'unfreezeAll', ...command });
      },
    },
  );
  // Answered anew each time: what a tag registers for is what holds now.
  setHandler(messages.register, (command) => {
    platform.answeredCount += 1;
    return platform.apply({ type: 'register', ...command }) as Registration;
  });
}

function order(platform: Platform, command: Parameters<Platform['once']>[0]): Promise<LedgerEntry> {
  return CancellationScope.nonCancellable(async () => {
    const entry = platform.once(command);
    const over = (): boolean => platform.state.seq !== entry.seq || platform.closing;
    await condition(() => platform.state.pending.length === 0 || over(), PATIENCE);
    return entry;
  });
}
