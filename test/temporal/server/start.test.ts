import { join } from 'node:path';

import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { freePort } from '../../../sdk/dev/ports.js';
import { obtainTemporalCli } from '../../../sdk/dev/setup/tools.mjs';
import { runCommand } from '../../../temporal/server/command.mjs';
import { isAlive } from '../../../temporal/server/process-identity.mjs';
import { ensureKeywordAttributes } from '../../../temporal/connection/search-attributes.js';
import { stopService, type RecordedService } from '../../../temporal/server/service.js';
import { startDevServer, type DevServerOptions } from '../../../temporal/server/start.js';
import { temporaryDirectory } from './stand-in.js';

let options: DevServerOptions;
let server: RecordedService;
let connection: Connection;

beforeAll(async () => {
  const directory = await temporaryDirectory();
  const cli = await obtainTemporalCli({ report: () => undefined });
  const port = await freePort();
  options = {
    cli,
    directory,
    port,
    uiPort: await freePort([port]),
    namespace: 'default',
    keywordAttributes: ['ModelTag', 'Owner'],
    logFile: join(directory, 'temporal.log'),
    recordFile: join(directory, 'temporal.json'),
  };
  server = await startDevServer(options);
  connection = await Connection.connect({ address: `127.0.0.1:${String(port)}` });
}, 600_000);

afterAll(async () => {
  await connection.close();
  await stopService(server, 10_000);
  expect(isAlive(server)).toBe(false);
});

describe('the development server', () => {
  test('has the search attributes it was asked for', async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    expect(customAttributes).toMatchObject({ ModelTag: 2, Owner: 2 });
  });

  test('that runs already is adopted, and given the attributes it lacks', async () => {
    await ensureKeywordAttributes(connection, 'default', ['ModelTag', 'Stage']);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    expect(customAttributes).toMatchObject({ Stage: 2 });
    expect((await startDevServer(options)).pid).toBe(server.pid);
  });

  test('with an attribute of another type is refused, naming the attribute', async () => {
    const address = `127.0.0.1:${String(options.port)}`;
    await runCommand(options.cli, [
      'operator',
      'search-attribute',
      'create',
      '--name',
      'Decision',
      '--type',
      'Double',
      '--address',
      address,
    ]);
    await expect(ensureKeywordAttributes(connection, 'default', ['Decision'])).rejects.toThrow(
      /Decision has type number 4/,
    );
  });
});
