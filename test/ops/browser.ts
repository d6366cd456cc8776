/** A real Chromium for the tests of pages, with axe-core to look them over, and a folder for screenshots. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const SHOTS = fileURLToPath(new URL('../artifacts/pages', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A machine that does much else takes its time. */
const PATIENCE_MS = 120_000;

let browser: Browser;
let pages: Page[] = [];

beforeAll(async () => {
  if (CHROMIUM === undefined) throw new Error('chromium is missing. Install it: apt-get install -y chromium');
  mkdirSync(SHOTS, { recursive: true });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS, timeout: PATIENCE_MS });
});

afterAll(async () => {
  await browser?.close();
});

afterEach(async () => {
  for (const page of pages) await page.context().close();
  pages = [];
});

/** A fresh browser that has signed in with this token; every error on its console fails the test. */
export async function open(
  url: string,
  token?: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  pages.push(page);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('dialog', (dialog) => void dialog.accept());
  page.on('close', () => expect(faults).toEqual([]));
  await page.goto(url);
  if (token !== undefined) await signIn(page, token);
  return page;
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor();
}

/** No fault that keeps somebody out: axe-core's serious and critical ones. */
export async function expectAccessible(page: Page): Promise<void> {
  // Through the debugger, which the page's Content-Security-Policy does not bind.
  await page.evaluate(AXE);
  const found = await page.evaluate('axe.run()');
  const { violations } = found as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
}

/** Keeps how the page looks, for people to look at. */
export const shot = (page: Page, name: string) =>
  page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
