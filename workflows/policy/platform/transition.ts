import type {
  FreezeAllCommand,
  RegisterCommand,
  UnfreezeAllCommand,
} from '../../../temporal/contracts/platform.js';
import { register } from './directory.js';
import { freezeAll, unfreezeAll, type PlatformOutcome } from './freeze.js';
import type { PlatformState } from './state.js';

/** Everything that can be asked of the platform's workflow. */
export type PlatformCommand =
  | ({ type: 'freezeAll' } & FreezeAllCommand)
  | ({ type: 'unfreezeAll' } & UnfreezeAllCommand)
  | ({ type: 'register' } & RegisterCommand);

/** What a command does, or why it is refused. Pure and total, like a tag's. */
export function transition(
  state: PlatformState,
  command: PlatformCommand,
  at: string,
): PlatformOutcome<unknown> {
  switch (command.type) {
    case 'freezeAll':
      return freezeAll(state, command, at);
    case 'unfreezeAll':
      return unfreezeAll(state, command, at);
    case 'register':
      return register(state, command, at);
  }
}
