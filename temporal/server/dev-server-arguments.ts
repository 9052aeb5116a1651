/**
 * The development server has one history shard and reads its queues twenty times a second by default, which makes every
 * step wait 50 ms and every timer up to a second. These settings make a step cost what it costs on a real cluster.
 */
const DYNAMIC_CONFIG: Readonly<Record<string, unknown>> = {
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxTimeShift': '10ms',
  'history.visibilityProcessorMaxPollRPS': 2000,
  'system.enableActivityEagerExecution': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'matching.useNewMatcher': true,
};

/** A crash of the server loses nothing with these; only a power failure may lose the last moments. */
const SQLITE_PRAGMAS = { journal_mode: 'WAL', synchronous: 'NORMAL' };

export interface DevServerAddress {
  port: number;
  uiPort: number;
}

export function devServerArguments(
  address: DevServerAddress,
  database: string,
  keywordAttributes: readonly string[],
): string[] {
  return [
    ...[
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(address.port),
      '--ui-port',
      String(address.uiPort),
    ],
    ...['--db-filename', database],
    ...repeated(
      '--sqlite-pragma',
      Object.entries(SQLITE_PRAGMAS).map(([name, value]) => `${name}=${value}`),
    ),
    ...repeated(
      '--search-attribute',
      keywordAttributes.map((name) => `${name}=Keyword`),
    ),
    ...repeated(
      '--dynamic-config-value',
      Object.entries(DYNAMIC_CONFIG).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
    ),
  ];
}

function repeated(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value]);
}
