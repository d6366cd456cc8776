/** The pages as a person uses them: a real Chromium against a real server, looked over by axe-core. */
import { describe, expect, it } from 'vitest';
import { resyncPeople } from '../../worker/resync.ts';
import { expectAccessible, open, shot, signIn } from './browser.ts';
import { APPROVE, OPERATE, READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

const person = (id: string, more: object = {}) => ({
  id,
  email: `${id}@example.com`,
  name: `Person ${id}`,
  status: 'active',
  region: 'north',
  ...more,
});
const crowd = (count: number) => Array.from({ length: count }, (_, i) => person(`p${i}`));

/** Five linked people who are gone and held, of twenty. */
async function withHeld() {
  const serving = await serve({}, { rules: { policy: 'full' } });
  const { rig } = serving;
  rig.configure({ leaverRules: { limit: { people: 1 } } });
  rig.people.set(crowd(20));
  await rig.reconcile();
  await rig.drain();
  rig.people.set(crowd(15));
  await rig.reconcile();
  return serving;
}

describe('the sign-in page', () => {
  it('refuses a wrong token in words, lets a right one in, and out again', async () => {
    const { server } = await serve();
    const page = await open(server.url);
    await page.getByLabel('Token').fill(`wrong-${'x'.repeat(32)}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This token is not known here.').waitFor();
    await expectAccessible(page);
    await shot(page, 'sign-in');
    await signIn(page, READ);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});

describe('the status page', () => {
  it('follows a run without being asked again', async () => {
    const { rig, server } = await serve();
    const page = await open(server.url, OPERATE);
    await page.getByText('Not run yet').waitFor();
    rig.people.set(crowd(7));
    await rig.reconcile();
    await page.getByText('7 people waiting').waitFor();
    await shot(page, 'working');
    await rig.drain();
    await page.getByText('Omni holds what the directory says.').waitFor();
    await expectAccessible(page);
    await shot(page, 'in-step');
  });

  it('approves two of five held, and keeps one', async () => {
    const { rig, server } = await withHeld();
    const page = await open(server.url, APPROVE);
    await page.getByText('5 held:').waitFor();
    await expectAccessible(page);
    await shot(page, 'held');
    await page.getByLabel('Choose p15@example.com').check();
    await page.getByLabel('Choose p16@example.com').check();
    await page.getByRole('button', { name: 'Approve the chosen' }).click();
    await page.getByText('Done for 2.').waitFor();
    await page.getByText('3 held:').waitFor();
    await page.getByLabel('Choose p17@example.com').check();
    await page.getByRole('button', { name: 'Keep the chosen' }).click();
    await page.getByText('Done for 1.').waitFor();
    await rig.reconcile();
    await rig.drain();
    const gone = rig.sandbox.state().users.filter(({ active }) => !active);
    expect(gone.map(({ userName }) => userName).sort()).toEqual(['p15@example.com', 'p16@example.com']);
  });

  it('retries somebody who is set aside, shown with the request and the answer', async () => {
    const { rig, server } = await serve();
    rig.sandbox.fault({ method: 'POST', times: 1, fault: { kind: 'status', status: 400 } });
    rig.people.set([person('jo')]);
    await rig.reconcile();
    await rig.drain();
    const page = await open(server.url, OPERATE);
    await page.getByText('POST /api/scim/v2/users → 400').waitFor();
    await shot(page, 'failed');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByText('Done for 1.').waitFor();
    await rig.drain();
    expect(rig.sandbox.state().users).toHaveLength(1);
    await page.getByText('Omni holds what the directory says.').waitFor();
  });

  it('names who was changed in Omni by hand, and has one set back', async () => {
    const { rig, server } = await serve();
    rig.people.set([person('jo'), person('kim')]);
    await rig.reconcile();
    await rig.drain();
    const [jo] = await rig.links();
    await rig.omni.updateUser(jo?.omniId ?? '', { displayName: 'By Hand' });
    await rig.verify();
    const page = await open(server.url, OPERATE);
    await page.getByText('Changed by hand', { exact: true }).waitFor();
    await page.getByText('1 person changed in Omni by hand', { exact: true }).click();
    await page.getByText('reported alone').waitFor();
    await expectAccessible(page);
    await shot(page, 'drift');
    await page.getByRole('button', { name: 'Set back' }).click();
    await expect.poll(() => rig.ledger.asks.people()).toHaveLength(1);
    await resyncPeople(rig.deps(), { signal: new AbortController().signal, last: false });
    await rig.drain();
    await page.getByText('Omni holds what the directory says.').waitFor();
    expect(rig.sandbox.state().users[0]).toMatchObject({ displayName: person('jo').name });
  });

  it('pauses and goes on', async () => {
    const { rig, server } = await serve();
    const page = await open(server.url, OPERATE);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Nothing is sent to Omni until you resume.').waitFor();
    expect(await rig.queues.apply.isPaused()).toBe(true);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    expect(await rig.queues.apply.isPaused()).toBe(false);
  });

  it('shows who may only read no button that does anything', async () => {
    const { server } = await withHeld();
    const page = await open(server.url, READ);
    await page.getByText('5 held:').waitFor();
    const buttons = await page.getByRole('button').allTextContents();
    expect(buttons.sort()).toEqual(['Explain', 'Sign out']);
  });

  it('makes no markup of what people wrote', async () => {
    const { rig, server } = await serve();
    rig.people.set([person('<img src=x onerror=alert(1)>', { email: '"><script>alert(2)</script>@x.com' })]);
    await rig.reconcile();
    const page = await open(server.url, READ);
    await page.getByText('1 rejected record').click();
    await page.getByText('<img src=x onerror=alert(1)>').waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
  });

  it('fits a phone, in the dark too', async () => {
    const { server } = await withHeld();
    const phone = { viewport: { width: 360, height: 740 }, colorScheme: 'dark' } as const;
    const page = await open(server.url, APPROVE, phone);
    await page.getByText('5 held:').waitFor();
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(360);
    await expectAccessible(page);
    await shot(page, 'phone-dark');
  });
});

describe("a person's page", () => {
  it('tells the whole story, and asks for the person', async () => {
    const { rig, server } = await serve();
    rig.people.set([person('jo')]);
    await rig.reconcile();
    await rig.drain();
    const page = await open(server.url, OPERATE);
    await page.getByLabel('A person, by id, address or ref').fill('jo@example.com');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('heading', { name: 'jo', exact: true }).waitFor();
    await page.getByText('Nothing: all is in step.').waitFor();
    await page.getByText('In scope and active.').waitFor();
    await page.getByText('region != "nowhere"').first().waitFor();
    await expectAccessible(page);
    await shot(page, 'person');
    await page.getByRole('button', { name: 'Resync this person' }).click();
    await page
      .getByRole('status')
      .getByText(/Waiting|Under way/)
      .waitFor();
  });

  it('says as a page that nobody is called so', async () => {
    const { server } = await serve();
    const page = await open(server.url, READ);
    await page.goto(`${server.url}/people?sync=acme&person=nobody`);
    await page.getByText('Nobody is called so').waitFor();
  });
});
