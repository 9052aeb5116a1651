import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../../temporal/digest.js';
import { codeUri, storeCode } from '../../sdk/code-store.js';
import { ConfigError, IntegrityError, UnavailableError } from '../../sdk/errors.js';
import { resolveOptions } from '../../sdk/options.js';
import { startMlflow, type MlflowServer } from '../support/mlflow-server.js';

let mlflow: MlflowServer;
beforeAll(async () => {
  mlflow = await startMlflow();
});
afterAll(() => mlflow.stop());

const archiveOf = (text: string) => {
  const content = new TextEncoder().encode(text);
  return { content, digest: `sha256:${sha256Hex(content)}` };
};
const options = () => resolveOptions({ mlflow: { trackingUri: mlflow.url } }, {});
/** The artifact as MLflow serves it, read and changed behind the store's back. */
const stored = (uri: string, request: RequestInit = {}): Promise<Response> =>
  fetch(
    `${mlflow.url}/api/2.0/mlflow-artifacts/artifacts/${uri.slice('mlflow-artifacts:/'.length)}`,
    request,
  );

describe('the code store, on a real MLflow', () => {
  it('S5 writes an archive once, under the name of its content', async () => {
    const archive = archiveOf('one');
    const uri = await storeCode(options(), archive);
    expect(uri).toBe(codeUri(archive.digest));
    expect(await (await stored(uri)).text()).toBe('one');
    const sent = vi.spyOn(globalThis, 'fetch');
    await storeCode(options(), archive);
    expect(sent.mock.calls.map(([, request]) => request?.method)).toEqual(['GET']);
    sent.mockRestore();
  });

  it('F20 mends an archive that was truncated or removed', async () => {
    const archive = archiveOf('two');
    const uri = await storeCode(options(), archive);
    for (const damage of [{ method: 'PUT', body: 'tw' }, { method: 'DELETE' }]) {
      expect((await stored(uri, damage)).ok).toBe(true);
      await storeCode(options(), archive);
      expect(await (await stored(uri)).text()).toBe('two');
    }
  });

  it('reports no success that it did not read back', async () => {
    const lie = { content: new TextEncoder().encode('three'), digest: `sha256:${'3'.repeat(64)}` };
    await expect(storeCode(options(), lie)).rejects.toBeInstanceOf(IntegrityError);
  });

  it('says what to set, or what does not answer', async () => {
    await expect(storeCode(resolveOptions({}, {}), archiveOf('x'))).rejects.toBeInstanceOf(
      ConfigError,
    );
    const away = resolveOptions({ mlflow: { trackingUri: 'http://127.0.0.1:1' } }, {});
    await expect(storeCode(away, archiveOf('x'))).rejects.toMatchObject({ dependency: 'mlflow' });
    await expect(storeCode(away, archiveOf('x'))).rejects.toBeInstanceOf(UnavailableError);
  });
});
