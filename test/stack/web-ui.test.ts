import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RetrainHandle } from 'modelyard';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, startBrowser, type Browsing } from './support/browser.js';
import { connected, CUTOFF, definitionOf, newTag, type Connected } from './support/platform.js';

const PICTURES = '.modelyard/pictures';
const browser = findBrowser();
if (browser === null)
  console.log('web-ui.test.ts is skipped: no chromium on the path, and CHROMIUM names none');

describe.skipIf(browser === null)("in Temporal's Web UI", () => {
  const tag = newTag('seen');
  let on: Connected;
  let browsing: Browsing;
  let page: Page;
  let run: RetrainHandle;
  beforeAll(async () => {
    on = await connected();
    await mkdir(PICTURES, { recursive: true });
    for (const better of [false, true]) {
      await on.platform.models.apply(definitionOf(tag, { better }));
      run = await on.platform.retrain(tag, { asOf: CUTOFF, reason: 'the *weekly* retrain', idempotencyKey: better ? '2013-06-01' : '2013-05-31' });
      expect(await run.result()).toMatchObject({ decision: 'promoted' });
    }
    await on.platform.rollback(tag, { reason: 'late | flights [were] <b>missed</b>' });
    browsing = await startBrowser(browser ?? '');
    page = browsing.page;
  });
  afterAll(async () => {
    await browsing[Symbol.asyncDispose]();
    await on.platform.close();
  });

  const pageOf = (workflowId: string): string => `workflows/${encodeURIComponent(workflowId)}`;

  /** The pages poll for news for ever, so the network is never idle. */
  async function show(path: string): Promise<void> {
    const { uiUrl, namespace } = on.stack.temporal;
    await page.goto(`${uiUrl}/namespaces/${namespace}/${path}`, { waitUntil: 'domcontentloaded' });
  }

  it('C2 explore', async () => {
    await show(pageOf(run.workflowId));
    const tab = page.getByText('User Metadata');
    await tab.first().waitFor({ timeout: 30000 });
    console.log(await tab.first().evaluate((n: any) => n.closest('a,button').outerHTML));
    await tab.first().click();
    await page.waitForTimeout(5000);
    console.log(page.url());
    await page.screenshot({ path: join(PICTURES, 'run.png') });
    await show('workflows');
    await page.waitForTimeout(5000);
    await page.screenshot({ path: join(PICTURES, 'list.png') });
    console.log((await page.locator('main').innerText()).slice(0, 1500));
    await show(pageOf(`tag/${tag}`));
    await page.getByText('User Metadata').first().click();
    await page.waitForTimeout(5000);
    await page.screenshot({ path: join(PICTURES, 'tag.png') });
  });
});
