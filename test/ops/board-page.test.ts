/** The queue page in a real Chromium, under the same Content-Security-Policy as every page. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { crowd } from '../support/people.ts';
import { open, shot } from './browser.ts';
import { OPERATE, READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

/** Somebody who waits, and somebody whom Omni refused. */
async function withJobs() {
  const serving = await serve();
  const { rig } = serving;
  rig.sandbox.fault({ method: 'POST', times: 1, fault: { kind: 'status', status: 400 } });
  rig.people.set(crowd(1));
  await rig.reconcile();
  await rig.drain();
  rig.people.set(crowd(3));
  await rig.reconcile();
  return serving;
}

/** What goes wrong on a page, and what it asks of others. */
function watched(page: Page, own: string): string[] {
  const faults: string[] = [];
  page.on('console', (said) => {
    if (['error', 'warning'].includes(said.type())) faults.push(said.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== own) faults.push(request.url());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  return faults;
}

/** What may be done to jobs and queues: by name, the menus that would hold more, and the icons of acts on jobs. */
const ACTS = '[class*="jobActions"] button:visible';
const MORE = '[class*="queueActions"]:visible, main [aria-haspopup="menu"]:visible';

describe('the queue page', () => {
  it('shows the jobs of a queue to who may read, with nothing to do, and asks nobody else', async () => {
    const { server } = await withJobs();
    const page = await open(server.url, READ);
    const faults = watched(page, server.url);
    await page.goto(`${server.url}/queues/`);
    await page.getByText('Reconciles – acme').waitFor();
    await shot(page, 'queues');
    await page.getByText('People to apply – acme').click();
    await page.getByText('Omni refused the request (status 400)').waitFor();
    await page.getByText('priority 4').first().waitFor();
    await shot(page, 'queue');
    expect(await page.locator(`${ACTS}, ${MORE}`).count()).toBe(0);
    const [story] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByText('Story').first().click(),
    ]);
    await story.getByText('In scope and active.').waitFor();
    expect(faults).toEqual([]);
  });

  it('offers who may operate to try somebody again, and nothing else', async () => {
    const { rig, server } = await withJobs();
    const page = await open(server.url, OPERATE);
    const faults = watched(page, server.url);
    await page.goto(`${server.url}/queues/queue/acme-people?status=failed`);
    await page.getByText('Omni refused the request (status 400)').waitFor();
    expect(await page.locator(ACTS).count()).toBe(1);
    expect(await page.locator(MORE).count()).toBe(0);
    await shot(page, 'queue-operate');
    await page.locator(ACTS).click();
    await page.getByRole('button', { name: /confirm|yes/i }).click();
    await page.getByText('Omni refused the request (status 400)').waitFor({ state: 'detached' });
    await rig.drain();
    expect(rig.sandbox.state().users).toHaveLength(3);
    expect(faults).toEqual([]);
  });
});
