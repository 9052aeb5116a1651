import type { UpdateDefinition } from '@temporalio/common';
import { setHandler } from '@temporalio/workflow';
import * as messages from '../../temporal/messages.js';
import type { PoolCommand } from '../policy/pool/transition.js';
import type { Pool } from './entity.js';

/** Registers every update of a pool. A validator runs the same transition as its handler. */
export function handleCommands(pool: Pool): void {
  handle(pool, messages.applyPool, (command) => ({ type: 'applyPool', ...command }));
  handle(pool, messages.book, (command) => ({ type: 'book', ...command }));
  handle(pool, messages.takeBooking, (command) => ({ type: 'takeBooking', ...command }));
  handle(pool, messages.extendBooking, (command) => ({ type: 'extendBooking', ...command }));
  handle(pool, messages.freeBooking, (command) => ({ type: 'freeBooking', ...command }));
}

function handle<Result, Given extends object>(
  pool: Pool,
  update: UpdateDefinition<Result, [Given]>,
  named: (command: Given) => PoolCommand,
): void {
  setHandler(update, (command: Given) => pool.once(named(command)) as Result, {
    validator: (command: Given) => {
      pool.admit(named(command));
    },
  });
}
