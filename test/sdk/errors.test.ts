import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { FAILURES } from '../../temporal/errors.js';
import * as sdk from '../../sdk/index.js';
import { refusal } from '../../sdk/refusals.js';

const CODES = {
  ModelyardError: 'Modelyard',
  ConfigError: 'Config',
  InvalidDefinitionError: 'InvalidDefinition',
  InvalidRequestError: 'InvalidRequest',
  UnknownTagError: 'UnknownTag',
  UnknownModelError: 'UnknownModel',
  LiveChangedError: 'LiveChanged',
  BusyError: 'Busy',
  FrozenError: 'Frozen',
  QuarantinedError: 'Quarantined',
  NoRollbackTargetError: 'NoRollbackTarget',
  NoSlotError: 'NoSlot',
  SelfApprovalError: 'SelfApproval',
  IdempotencyConflictError: 'IdempotencyConflict',
  IntegrityError: 'Integrity',
  ApprovalRefusedError: 'ApprovalRefused',
  UnknownRunError: 'UnknownRun',
  RunCancelledError: 'RunCancelled',
  RunFailedError: 'RunFailed',
  UnavailableError: 'Unavailable',
};
type AnyError = new (message: string, fields: object) => sdk.ModelyardError;
const classes = Object.fromEntries(
  Object.entries(sdk).filter(([name]) => name.endsWith('Error')),
) as unknown as Record<string, AnyError>;

describe('errors', () => {
  it('are exported, each with its own code and name', () => {
    const made = Object.entries(classes).map(
      ([name, errorClass]) => [name, new errorClass('m', {})] as const,
    );
    expect(Object.fromEntries(made.map(([name, error]) => [name, error.code]))).toEqual(CODES);
    for (const [name, error] of made) expect(error.name).toBe(name);
  });

  it('know their own kind and the base, and no other', () => {
    const error = new sdk.UnknownTagError('m', 'x');
    expect([
      error instanceof sdk.UnknownTagError,
      error instanceof sdk.ModelyardError,
      error instanceof Error,
    ]).toEqual([true, true, true]);
    expect([
      error instanceof sdk.ConfigError,
      new Error('x') instanceof sdk.ModelyardError,
    ]).toEqual([false, false]);
  });

  it('are recognised across two copies of the package and across realms', async () => {
    vi.resetModules();
    const copy = await import('../../sdk/errors.js');
    expect(copy.BusyError).not.toBe(sdk.BusyError);
    expect(new copy.BusyError('m', 'w') instanceof sdk.BusyError).toBe(true);
    const marker = Symbol.for('modelyard.error.BusyError');
    expect(
      runInNewContext('Object.assign(new Error("m"), { [marker]: true })', { marker }) instanceof
        sdk.BusyError,
    ).toBe(true);
  });

  it('keep the ordinary meaning of instanceof for classes that users derive', () => {
    class Mine extends sdk.ConfigError {}
    expect(new Mine('m') instanceof sdk.ConfigError).toBe(true);
    expect(new sdk.ConfigError('m') instanceof Mine).toBe(false);
  });

  it('carry the fields of the failure they were made from', () => {
    const changed = refusal({
      type: 'LiveChanged',
      message: 'm',
      details: { expected: 't/1', actual: null },
    });
    expect(changed).toMatchObject({ expected: 't/1', actual: null });
    const frozen = refusal({
      type: 'Frozen',
      message: 'm',
      details: { by: 'bob', until: '2026-01-02T00:00:00Z' },
    });
    expect(frozen).toMatchObject({ by: 'bob', until: new Date('2026-01-02T00:00:00Z') });
    expect(
      refusal({ type: 'NoSlot', message: 'm', details: { nextFree: '2026-01-02T00:00:00Z' } }),
    ).toMatchObject({ nextFree: new Date('2026-01-02T00:00:00Z') });
    expect(
      refusal({ type: 'Frozen', message: 'm', details: { by: 'bob', until: null } }),
    ).toMatchObject({ until: null });
  });

  it('exist for every failure type that has a class of its own', () => {
    for (const code of Object.keys(FAILURES)) {
      const error = refusal({ type: code, message: 'what happened', details: {} });
      expect(error).toBeInstanceOf(sdk.ModelyardError);
      expect(error.message).toContain('what happened');
      if (Object.values(CODES).includes(code)) expect(error.name).toBe(`${code}Error`);
    }
  });
});
