import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../sdk/errors.js';
import { required, resolveOptions } from '../../sdk/options.js';

describe('options', () => {
  it('take the option before the environment before the default', () => {
    const environment = {
      TEMPORAL_ADDRESS: 'env:1',
      MODELYARD_TASK_QUEUE: 'from-env',
      MODELYARD_ACTOR: 'eve',
    };
    const resolved = resolveOptions({ temporal: { address: 'option:2' } }, environment);
    expect(resolved).toMatchObject({
      temporal: { address: 'option:2', namespace: 'default' },
      taskQueue: 'from-env',
      actor: 'eve',
    });
    expect(resolveOptions({}, {})).toMatchObject({
      temporal: { address: 'localhost:7233' },
      taskQueue: 'modelyard',
      gateway: { url: null },
    });
  });

  it('treat an empty variable as unset', () => {
    expect(resolveOptions({}, { TEMPORAL_NAMESPACE: '' }).temporal.namespace).toBe('default');
  });

  it('name every bad value at once, by option and by variable', () => {
    const resolve = (): unknown =>
      resolveOptions({ gateway: { url: 'not a url' } }, { TEMPORAL_ADDRESS: 'no-port' });
    expect(resolve).toThrow(ConfigError);
    expect(resolve).toThrow(
      /temporal\.address.*TEMPORAL_ADDRESS.*gateway\.url.*MODELYARD_GATEWAY_URL/s,
    );
  });

  it('refuse a misspelt option rather than ignore it', () => {
    expect(() => resolveOptions({ taskqueue: 'x' } as never, {})).toThrow(/taskqueue/);
  });

  it('say both ways to set what a verb misses', () => {
    const setting = { option: 'gateway.url', variable: 'MODELYARD_GATEWAY_URL', neededBy: 'score' };
    expect(() => required(null, setting)).toThrow(/gateway\.url.*MODELYARD_GATEWAY_URL/);
  });

  it('turn on TLS with an API key, and off where that is said', () => {
    expect(resolveOptions({ temporal: { apiKey: 'k' } }, {}).temporal.tls).toBe(true);
    expect(
      resolveOptions({ temporal: { apiKey: 'k' } }, { TEMPORAL_TLS: 'false' }).temporal.tls,
    ).toBe(false);
  });

  it("carry MLflow's own credentials", () => {
    expect(resolveOptions({}, { MLFLOW_TRACKING_TOKEN: 't' }).mlflow.authorization).toBe(
      'Bearer t',
    );
    expect(
      resolveOptions({}, { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p' }).mlflow
        .authorization,
    ).toBe('Basic dTpw');
  });
});
