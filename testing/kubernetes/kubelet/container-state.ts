import { constants } from 'node:os';
import type { Exit } from '../watched-process.js';

/** As the status of a pod says it. */
export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | { terminated: Terminated };

export interface Terminated {
  exitCode: number;
  reason: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  containerID?: string;
}

/** A program that was not there, or not to be run, ends with this one. */
const NO_PROGRAM = 128;

/** What a container that ended is said to have ended by. */
export function endOf(exit: Exit, { outOfMemory = false } = {}): Terminated {
  const exitCode = exit.code ?? 128 + (exit.signal ? constants.signals[exit.signal] : 0);
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return { exitCode, reason: outOfMemory ? 'OOMKilled' : reason };
}

export const notStarted = (message: string): Terminated => ({
  exitCode: NO_PROGRAM,
  reason: 'StartError',
  message,
});

/** Of a container that was never made when its pod had to end. */
export const NEVER_STARTED: Terminated = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
};

/** Kubernetes' times have no fractions. */
export const timeOf = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
