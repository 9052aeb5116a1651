import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RetrainHandle } from 'modelyard';
import type { FrameLocator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, startBrowser, type Browsing } from './support/browser.js';
import { connected, CUTOFF, definitionOf, newTag, type Connected } from './support/platform.js';

const PICTURES = '.modelyard/pictures';
/** What the documents show: written only when asked for, because a picture differs by its times. */
const DOCUMENTED = process.env['MODELYARD_UPDATE_PICTURES'] === '1' ? 'docs/pictures' : null;
const STAGES = ['admission', 'training', 'registration', 'evaluation', 'gate', 'handover'];
const browser = findBrowser();
if (browser === null)
  console.log('web-ui.test.ts is skipped: no chromium on the path, and CHROMIUM names none');

describe.skipIf(browser === null)("Temporal's Web UI", () => {
  const tag = newTag('flight-delay');
  let on: Connected;
  let browsing: Browsing;
  let page: Page;
  let run: RetrainHandle;
  beforeAll(async () => {
    on = await connected();
    for (const night of ['2013-05-31', '2013-06-01']) {
      const better = night === '2013-06-01';
      await on.platform.models.apply(definitionOf(tag, { better }));
      const reason = better ? 'knows the congestion, too' : 'the | <b>very</b> *first*';
      run = await on.platform.retrain(tag, { asOf: CUTOFF, reason, idempotencyKey: night });
      expect(await run.result()).toMatchObject({ decision: 'promoted' });
    }
    browsing = await startBrowser(browser ?? '');
    page = browsing.page;
  });
  afterAll(async () => {
    await browsing[Symbol.asyncDispose]();
    await on.platform.close();
  });

  /** The pages poll for news for ever, so the network is never idle. */
  async function show(path: string): Promise<void> {
    const { uiUrl, namespace } = on.stack.temporal;
    await page.goto(`${uiUrl}/namespaces/${namespace}/${path}`, { waitUntil: 'domcontentloaded' });
  }

  /** What the run or tag says of itself. The Web UI shows people's Markdown in a frame of its own. */
  async function showDetails(workflowId: string): Promise<FrameLocator> {
    await show(`workflows/${encodeURIComponent(workflowId)}`);
    await page.getByText('User Metadata', { exact: true }).click();
    const details = page.locator('iframe').last().contentFrame();
    await details.locator('table').first().waitFor();
    return details;
  }

  async function picture(name: string, directory = PICTURES): Promise<void> {
    await mkdir(directory, { recursive: true });
    const clip = { x: 0, y: 0, width: 1280, height: 760 };
    await page.screenshot({ path: join(directory, `${name}.png`), clip });
  }

  it("C2 shows a retrain's stages with their states and times, and who asked for it and why", async () => {
    const details = await showDetails(run.workflowId);
    const rows = await details.locator('tbody tr').allInnerTexts();
    const cells = rows.map((row) => row.split(/\s+/).filter(Boolean));
    expect(cells.map(([sign, name, state]) => [sign, name, state])).toEqual(
      STAGES.map((name) => ['✔', name, 'done']),
    );
    for (const [, , , took, unit] of cells)
      expect(`${took ?? ''} ${unit ?? ''}`).toMatch(/^\d+\.\d s$/);
    const summary = page.locator('iframe').first().contentFrame();
    await summary.getByText(`retrain ${tag} by tester: knows the congestion, too`).waitFor();
    expect(rows.at(-1)).toContain('promoted');
    await picture('run');
    if (DOCUMENTED) await picture('run', DOCUMENTED);
  });

  it('C2 lists the runs of a tag, its retrains and its rollouts, by search attribute', async () => {
    const query = encodeURIComponent(`ModelTag = '${tag}' AND Decision = 'promoted'`);
    await show(`workflows?query=${query}`);
    const found = page.getByRole('link', { name: new RegExp(`^(retrain|rollout)/${tag}/`) });
    await expect.poll(() => found.count(), { timeout: 30_000 }).toBe(4);
    await picture('runs');
  });

  it("U1 shows a tag's live model, the way back and its newest changes with their reasons", async () => {
    const details = await showDetails(`tag/${tag}`);
    await details.getByRole('row', { name: `live ${tag}/2` }).waitFor();
    await details.getByRole('row', { name: `previous ${tag}/1` }).waitFor();
    const change = details.getByRole('row', { name: /promote to 1/ });
    expect(await change.innerText()).toContain('the | <b>very</b> *first*');
    await picture('tag');
  });
});
