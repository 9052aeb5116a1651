/**
 * The rings of ARCHITECTURE.md as data: what the files of a folder may import. ESLint warns while one types, and
 * test/architecture.test.ts walks every import.
 *
 * @typedef {{ imports: string, instead: string, typesAllowed?: boolean }} Restriction
 *   `imports` is a regular expression over the specifier as it is written.
 * @typedef {{
 *   folder: string,
 *   siblings: readonly string[],
 *   typesOf: readonly string[],
 *   packages: readonly string[],
 *   node: boolean,
 *   except?: readonly string[],
 *   restricted: readonly Restriction[],
 * }} Ring
 *   `siblings` and `typesOf`: top-level folders; `packages`: npm packages; `except`: folders below with a row of their own.
 */

const INWARDS =
  'Arrows point inwards: move what you need into an inner ring, or hand it in as an argument.';

/** @param {string} folders @returns {Restriction} */
const noSibling = (folders) => ({ imports: `^(\\.\\./)+(${folders})/`, instead: INWARDS });

/** @type {readonly Ring[]} */
export const RINGS = [
  {
    folder: 'temporal',
    except: ['temporal/connection', 'temporal/server'],
    siblings: [],
    typesOf: [],
    packages: [
      'zod',
      'ms',
      'canonicalize',
      'croner',
      '@noble/hashes',
      '@temporalio/common',
      '@temporalio/workflow',
    ],
    node: false,
    restricted: [
      noSibling('workflows|activities|gateway|workers|sdk|testing'),
      {
        imports: '^node:',
        instead: 'Ring 0 also runs in the workflow sandbox, which has no Node modules.',
      },
    ],
  },
  {
    folder: 'temporal/connection',
    siblings: ['temporal'],
    typesOf: [],
    packages: ['@temporalio/client', '@temporalio/proto'],
    node: true,
    restricted: [noSibling('workflows|activities|gateway|workers|sdk|testing')],
  },
  {
    folder: 'temporal/server',
    siblings: ['temporal'],
    typesOf: [],
    packages: ['@temporalio/client'],
    node: true,
    restricted: [noSibling('workflows|activities|gateway|workers|sdk|testing')],
  },
  {
    folder: 'workflows',
    siblings: ['temporal'],
    typesOf: ['activities', 'temporal'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    node: false,
    restricted: [
      {
        ...noSibling('activities'),
        instead: 'Import the type only; call it through workflows/proxies.ts.',
        typesAllowed: true,
      },
      noSibling('gateway|workers|sdk|testing'),
      {
        imports: '^(\\.\\./)+temporal/contracts/',
        instead: 'Import the type only: zod costs 0.7 MB for each cached workflow.',
        typesAllowed: true,
      },
      { imports: '^node:', instead: 'Replayed code has no Node modules: do it in an activity.' },
      {
        imports: '^@temporalio/(client|worker|activity)',
        instead: 'Replayed code talks to the world through activities only.',
      },
    ],
  },
  {
    folder: 'activities',
    siblings: ['temporal'],
    typesOf: ['temporal'],
    packages: [
      '@duckdb/node-api',
      '@kubernetes/client-node',
      '@temporalio/activity',
      '@temporalio/client',
      '@temporalio/common',
      'canonicalize',
      'openapi-fetch',
      'undici',
      'zod',
    ],
    node: true,
    restricted: [noSibling('workflows|gateway|workers|sdk|testing')],
  },
  {
    folder: 'gateway',
    siblings: ['temporal'],
    typesOf: ['temporal'],
    packages: ['fastify', 'undici', 'prom-client', 'zod'],
    node: true,
    restricted: [
      noSibling('workflows|activities|workers|sdk|testing'),
      {
        imports: '^@temporalio/',
        instead: 'The data plane serves while Temporal is away: it knows routes, not runs.',
      },
    ],
  },
  {
    folder: 'workers',
    siblings: ['temporal', 'activities', 'workflows'],
    typesOf: ['temporal', 'activities', 'workflows'],
    packages: [
      '@temporalio/activity',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/worker',
      'zod',
    ],
    node: true,
    restricted: [noSibling('sdk|testing|gateway')],
  },
  {
    folder: 'sdk',
    except: ['sdk/dev'],
    siblings: ['temporal'],
    typesOf: ['workflows', 'temporal'],
    packages: [
      '@temporalio/client',
      '@temporalio/common',
      'commander',
      'ignore',
      'tar-stream',
      'zod',
    ],
    node: true,
    restricted: [
      {
        ...noSibling('workflows'),
        instead: 'Start workflows by name (temporal/names.ts); import their types only.',
        typesAllowed: true,
      },
      noSibling('activities|workers|gateway|testing'),
      {
        imports: '^@(aws-sdk|kubernetes)/',
        instead: "The SDK holds no vendor's client: ask the worker by a `read` workflow.",
      },
    ],
  },
  {
    folder: 'sdk/dev',
    siblings: ['sdk', 'temporal'],
    typesOf: ['sdk', 'temporal'],
    packages: ['@temporalio/client', '@temporalio/common'],
    node: true,
    restricted: [noSibling('activities|workers|gateway|testing|workflows')],
  },
  {
    folder: 'testing',
    siblings: ['temporal', 'activities', 'sdk/dev/setup'],
    typesOf: ['temporal', 'activities'],
    packages: [],
    node: true,
    restricted: [noSibling('workflows|workers|sdk(?!/dev/setup)|gateway')],
  },
  {
    folder: 'examples',
    siblings: [],
    typesOf: [],
    packages: ['modelyard'],
    node: true,
    restricted: [
      {
        imports: '^(\\.\\./)+(temporal|workflows|activities|gateway|workers|sdk|testing)/',
        instead: "Examples are what users read: import from 'modelyard'.",
      },
    ],
  },
];
