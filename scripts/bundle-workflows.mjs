import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode } from '@temporalio/worker';

const dist = new URL('../dist/workflows/', import.meta.url);

const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('index.js', dist)),
});
writeFileSync(new URL('bundle.js', dist), code);
