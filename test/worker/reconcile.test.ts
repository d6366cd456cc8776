import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addApplyJobs } from '../../jobs/add.ts';
import { isSyncError } from '../../model/errors.ts';
import { reconcile } from '../../worker/reconcile.ts';
import { crowd, person } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, LIST, PATCH, POST, type Rig, type RigOptions, tally } from './rig.ts';

let server: TestRedis;
let rigs: Rig[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  const client = server.client();
  await client.flushall();
  client.disconnect();
});
afterEach(async () => {
  for (const rig of rigs.reverse()) await rig.close();
  rigs = [];
});

async function rigWith(options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = await createRig({ server, ...options });
  rigs.push(rig);
  return rig;
}

const REGION = { attributes: { region: 'region' } };
const never = () => new AbortController().signal;

/** Puts these people into Omni as if they had always been there. */
function seed(rig: Rig, count: number, change: { displayName?: string; active?: boolean } = {}): string[] {
  const users = crowd(count).map(({ email, name }) => {
    return { userName: String(email), displayName: String(name), ...change };
  });
  return rig.sandbox.seed(users);
}

/** What Omni holds of everyone: address → name. */
function held(rig: Rig): Record<string, string> {
  return Object.fromEntries(rig.sandbox.state().users.map((user) => [user.userName, user.displayName]));
}

describe('reconcile, from an empty ledger', () => {
  it('spends one list page and one create a person on people whom Omni does not know', async () => {
    const rig = await rigWith({ mapping: REGION });
    rig.people.set(crowd(7));
    const run = await rig.reconcile();
    expect(run).toMatchObject({ complete: true, read: 7, inScope: 7, calls: 1 });
    expect(run.changes.create).toBe(7);
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [LIST]: 1, [POST]: 7 });
    expect(await rig.links()).toHaveLength(7);
    expect(await rig.ledger.outbox.size()).toBe(0);
    expect(rig.sandbox.state().users.map(({ attributes }) => attributes.region)).toEqual(
      crowd(7).map(() => 'north'),
    );
    expect(await rig.ledger.runs.get(run.id)).toMatchObject({ applied: 7, failed: 0, calls: 8 });
  });

  it('adopts 250 existing people with three list pages and nothing more', async () => {
    const rig = await rigWith();
    const ids = seed(rig, 250);
    rig.people.set(crowd(250));
    const run = await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect(tally(rig.calls())).toEqual({ [LIST]: 3 });
    expect(run).toMatchObject({ applied: 250, calls: 3 });
    const links = await rig.links();
    expect(new Set(links.map(({ omniId }) => omniId))).toEqual(new Set(ids));
    expect(links.every(({ provenance }) => provenance === 'adopted')).toBe(true);
  });

  it('sends existing people with mapped attributes one blind PATCH each', async () => {
    const rig = await rigWith({ mapping: REGION });
    seed(rig, 120);
    rig.people.set(crowd(120));
    await rig.reconcile();
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [LIST]: 2, [PATCH]: 120 });
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect(rig.calls()).toEqual([]);
  });

  it('keeps that cost where the next run comes before the backlog is done', async () => {
    const rig = await rigWith({ mapping: REGION });
    seed(rig, 5);
    rig.people.set(crowd(5));
    await rig.reconcile();
    await rig.reconcile();
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [LIST]: 1, [PATCH]: 5 });
    expect((await rig.links()).map(({ provenance }) => provenance)).toEqual(Array(5).fill('adopted'));
  });

  it('stays cold after a read that was cut off, so that the rest is adopted too', async () => {
    const rig = await rigWith();
    seed(rig, 4);
    rig.people.pages([crowd(2)], true);
    expect(await rig.reconcile()).toMatchObject({ complete: false, read: 2 });
    rig.people.set(crowd(4));
    await rig.reconcile();
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [LIST]: 2 });
    expect(await rig.links()).toHaveLength(4);
  });

  it('is warm after a whole read in which somebody had no id', async () => {
    const rig = await rigWith();
    rig.people.set([...crowd(1), person(2, { id: null })]);
    expect(await rig.reconcile()).toMatchObject({ complete: false, rejected: 1 });
    expect(await rig.ledger.begin()).toMatchObject({ cold: false });
  });

  it('adopts everyone with pages alone after FLUSHALL', async () => {
    const rig = await rigWith();
    rig.people.set(crowd(110));
    await rig.reconcile();
    await rig.drain();
    rig.calls();
    await rig.redis.flushall();
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect(tally(rig.calls())).toEqual({ [LIST]: 2 });
    expect(await rig.links()).toHaveLength(110);
    expect(rig.sandbox.state().users).toHaveLength(110);
  });

  it('is cold again where FLUSHALL came in the middle of its own first run', async () => {
    const rig = await rigWith();
    seed(rig, 2);
    rig.people.pages([[person(1)], [person(2)]]);
    rig.people.before = async (page) => void (page === 1 && (await rig.redis.flushall()));
    const lost = await rig.reconcile().catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(Error);
    rig.people.before = async () => undefined;
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([LIST, LIST]);
    expect(await rig.links()).toHaveLength(2);
  });
});

describe('reconcile, when it knows everyone', () => {
  async function known(count: number, options: Partial<RigOptions> = {}): Promise<Rig> {
    const rig = await rigWith(options);
    rig.people.set(crowd(count));
    await rig.reconcile();
    await rig.drain();
    rig.calls();
    rig.applied.length = 0;
    return rig;
  }

  it('calls nobody and leaves no job while everyone is in step', async () => {
    const rig = await known(30, { mapping: REGION });
    expect(await rig.reconcile()).toMatchObject({ complete: true, read: 30, inScope: 30, calls: 0 });
    expect(await rig.drain()).toBe(0);
    expect(rig.calls()).toEqual([]);
  });

  it('makes one call for one changed person, with the changed field alone', async () => {
    const rig = await known(30, { mapping: REGION });
    rig.people.set([...crowd(29), person(30, { region: 'south' })]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([PATCH]);
    expect(rig.applied).toMatchObject([{ kind: 'update', sourceId: 'E30', fields: ['@region'] }]);
  });

  it('renames', async () => {
    const rig = await known(2);
    rig.people.set([person(1), person(2, { email: 'new@acme.example' })]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([PATCH]);
    expect((await rig.links()).map(({ userName }) => userName)).toEqual([
      'p1@acme.example',
      'new@acme.example',
    ]);
  });

  it('makes no call where a change was taken back while it waited', async () => {
    const rig = await known(1);
    rig.people.set([person(1, { name: 'B' })]);
    await rig.reconcile();
    rig.people.set([person(1)]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(await rig.ledger.outbox.size()).toBe(0);
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
  });

  it('makes no call for a joiner who is gone before the create is applied', async () => {
    const rig = await known(1);
    rig.people.set(crowd(2));
    await rig.reconcile();
    rig.people.set(crowd(1));
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(await rig.ledger.outbox.size()).toBe(0);
  });

  it('makes no call for a joiner who left the scope, even where the read was cut off', async () => {
    const rig = await known(1);
    rig.people.set(crowd(2));
    await rig.reconcile();
    rig.people.pages([[person(2, { region: 'nowhere' })]], true);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
  });

  it('keeps a joiner who waits and was not met by a read that was cut off', async () => {
    const rig = await known(1);
    rig.people.set(crowd(2));
    await rig.reconcile();
    rig.people.pages([[person(1)]], true);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([POST]);
  });

  it('counts who is gone as a leaver and takes nobody away', async () => {
    const rig = await known(3);
    rig.people.set([person(1), person(2, { status: 'left' })]);
    expect(await rig.reconcile()).toMatchObject({ leavers: 2, complete: true });
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    rig.people.pages([[person(1)]], true);
    expect(await rig.reconcile()).toMatchObject({ leavers: 0, complete: false });
    expect(await rig.links()).toHaveLength(3);
  });

  it('adds the jobs of an earlier run that died between the outbox and the queue', async () => {
    const rig = await known(1);
    rig.people.set(crowd(3));
    rig.onStep = (step) => {
      if (step === 'reconcile.outbox') throw new Error('killed');
    };
    await expect(rig.reconcile()).rejects.toThrow('killed');
    rig.onStep = () => undefined;
    expect(await rig.drain()).toBe(0);
    rig.people.pages([[person(1)]], true);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([POST, POST]);
  });

  it('creates anew whom Omni answers 404 for, in the same run', async () => {
    const rig = await known(2);
    const [gone] = await rig.links();
    await rig.omni.deleteUser(gone?.omniId ?? '');
    rig.people.set([person(1, { name: 'Other' }), person(2)]);
    rig.calls();
    await rig.reconcile();
    await rig.drain();
    const calls = rig.calls();
    expect([calls[0], calls.at(-1)]).toEqual([PATCH, POST]);
    expect(await rig.links()).toHaveLength(2);
    expect(held(rig)).toEqual({ 'p1@acme.example': 'Other', 'p2@acme.example': 'Person 2' });
  });

  it('writes a protection that changed on the link, without a call', async () => {
    const rig = await known(2);
    rig.configure({ mapping: { protect: ['p1@acme.example'] } });
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect((await rig.links()).map((link) => link.protected)).toEqual([true, false]);
    rig.people.set([person(1, { name: 'Kept as it is' }), person(2)]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
  });
});

describe('reconcile, a desired state whose job was lost', () => {
  /** Three wait, the job of the first is lost, and as many jobs as are missing wait for nobody. */
  async function lostJob(): Promise<Rig> {
    const rig = await rigWith();
    rig.people.set(crowd(3));
    await rig.reconcile();
    const { ref } = await rig.ledger.begin();
    const id = await rig.queues.apply.getDeduplicationJobId(ref('E1'));
    await (await rig.queues.apply.getJob(id ?? ''))?.remove();
    const strays = [1, 2].map((n) => ({ ref: `stray-${n}`, kind: 'change', urgency: 'change' as const }));
    await addApplyJobs(rig.queues.apply, strays);
    return rig;
  }

  it.each([
    ['who is gone', []],
    ['who is inactive', [person(1, { status: 'left' })]],
    ['who is wanted', [person(1)]],
  ])('gets another one, of somebody %s', async (_, record) => {
    const rig = await lostJob();
    rig.people.set([...record, ...crowd(3).slice(1)]);
    await rig.reconcile();
    await rig.drain();
    expect(await rig.ledger.outbox.size()).toBe(0);
  });

  it('gets another one where it was gone in the read before, too', async () => {
    const rig = await lostJob();
    const { ref } = await rig.ledger.begin();
    rig.people.set(crowd(3).slice(1));
    await rig.reconcile();
    const id = await rig.queues.apply.getDeduplicationJobId(ref('E1'));
    await (await rig.queues.apply.getJob(id ?? ''))?.remove();
    await rig.reconcile();
    await rig.drain();
    expect(await rig.ledger.outbox.size()).toBe(0);
  });
});

describe('reconcile under policy and adopt', () => {
  it('never updates under policy create, and sends what was never sent after a switch to upsert', async () => {
    const rig = await rigWith({ rules: { policy: 'create' }, mapping: REGION });
    seed(rig, 1, { displayName: 'Old Name' });
    rig.people.set(crowd(2));
    await rig.reconcile();
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [LIST]: 1, [POST]: 1 });
    rig.people.set([person(1), person(2, { name: 'Changed' })]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    rig.configure({ rules: { policy: 'upsert' } });
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([PATCH, PATCH]);
    expect(rig.applied.slice(-2).map(({ fields }) => fields)).toEqual(
      expect.arrayContaining([['displayName', '@region'], ['displayName']]),
    );
    expect(held(rig)).toEqual({ 'p1@acme.example': 'Person 1', 'p2@acme.example': 'Changed' });
  });

  it('sets existing people aside under adopt never, and creates the others', async () => {
    const rig = await rigWith({ rules: { adopt: 'never' } });
    seed(rig, 1);
    rig.people.set(crowd(2));
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([LIST, POST]);
    expect(await rig.ledger.quarantine.all()).toMatchObject([
      { sourceId: 'E1', code: 'omni.exists', until: 'change' },
    ]);
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect(rig.calls()).toEqual([]);
  });

  it.each(['never', 'ask'] as const)(
    'looks again at those whom adopt %s set aside once it is always',
    async (adopt) => {
      const rig = await rigWith({ rules: { adopt } });
      seed(rig, 1);
      rig.people.set(crowd(1));
      await rig.reconcile();
      await rig.drain();
      rig.calls();
      rig.configure({ rules: { adopt: 'always' } });
      await rig.reconcile();
      await rig.drain();
      expect(rig.calls()).toEqual([]);
      expect(await rig.ledger.quarantine.all()).toEqual([]);
      expect(await rig.links()).toMatchObject([{ sourceId: 'E1', provenance: 'adopted' }]);
    },
  );

  it('withholds an account that is inactive in Omni, in every later run too', async () => {
    const rig = await rigWith();
    seed(rig, 1, { active: false });
    rig.people.set(crowd(1));
    await rig.reconcile();
    await rig.drain();
    expect(await rig.ledger.quarantine.all()).toMatchObject([{ code: 'omni.inactive' }]);
    await rig.reconcile();
    await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([LIST]);
    expect(rig.sandbox.state().users).toMatchObject([{ active: false }]);
  });

  it('leaves the account of another sync alone', async () => {
    const first = await rigWith();
    first.people.set(crowd(1));
    await first.reconcile();
    await first.drain();
    const second = await rigWith({ beside: first, name: 'other' });
    second.people.set(crowd(1, { name: 'Taken over' }));
    await second.reconcile();
    await second.drain();
    expect(await second.ledger.quarantine.all()).toMatchObject([{ code: 'omni.foreign' }]);
    expect(await second.links()).toEqual([]);
    expect(held(first)).toEqual({ 'p1@acme.example': 'Person 1' });
  });

  it('leaves it alone where nothing would have to be written either', async () => {
    const first = await rigWith();
    first.people.set(crowd(1));
    await first.reconcile();
    await first.drain();
    const second = await rigWith({ beside: first, name: 'other' });
    second.people.set(crowd(1));
    await second.reconcile();
    await second.drain();
    expect(await second.ledger.quarantine.all()).toMatchObject([{ code: 'omni.foreign' }]);
  });

  it('claims no account that it may not adopt', async () => {
    const first = await rigWith({ rules: { adopt: 'never' } });
    await first.reconcile();
    const [omniId = ''] = seed(first, 1);
    first.people.set(crowd(1));
    await first.reconcile();
    await first.drain();
    expect(await first.ledger.quarantine.all()).toMatchObject([{ code: 'omni.exists' }]);
    expect(await first.ledger.register.holder(omniId)).toBe('nobody');
  });
});

describe('reconcile and its asks', () => {
  it('does nothing where nothing was asked', async () => {
    const rig = await rigWith();
    rig.people.set(crowd(1));
    await reconcile(rig.deps(), { signal: never(), last: false });
    expect(rig.calls()).toEqual([]);
    expect(await rig.ledger.runs.recent(5)).toEqual([]);
  });

  it('is refused while another holds the lease, and loses no ask', async () => {
    const rig = await rigWith();
    const lease = await rig.ledger.lease('another');
    const failed = await rig.reconcile().catch((error: unknown) => error);
    expect(isSyncError(failed, 'transient')).toBe(true);
    expect(await rig.ledger.asks.open()).toHaveLength(1);
    await lease?.release();
    await rig.reconcile();
    expect(await rig.ledger.asks.open()).toEqual([]);
  });

  it('leaves the ask open, and says so, where it is stopped in the middle of a read', async () => {
    const rig = await rigWith();
    const stop = new AbortController();
    rig.people.pages([crowd(1), [person(2)]]);
    rig.people.before = async (page) => void (page === 1 && stop.abort());
    await expect(rig.reconcile({ signal: stop.signal })).rejects.toThrow();
    expect(await rig.ledger.asks.open()).toHaveLength(1);
    const [run] = await rig.ledger.runs.recent(1);
    expect(run?.problem).toContain('stopped');
    expect(await rig.ledger.begin()).toMatchObject({ cold: true });
  });

  it('writes nothing more once it was overtaken', async () => {
    const rig = await rigWith();
    rig.people.pages([crowd(1), [person(2)]]);
    rig.people.before = async (page) =>
      void (page === 1 && (await rig.redis.set(rig.keys.lease, 'another:9')));
    const failed = await rig.reconcile().catch((error: unknown) => error);
    expect(isSyncError(failed, 'unsafe')).toBe(true);
    expect(await rig.ledger.outbox.size()).toBe(0);
    expect(await rig.redis.get(rig.keys.lease)).toBe('another:9');
  });

  it('asks Omni about everyone for an ask in full, and writes nothing to who is in step', async () => {
    const rig = await rigWith({ mapping: REGION });
    rig.people.set(crowd(5));
    await rig.reconcile();
    await rig.drain();
    rig.calls();
    await rig.reconcile({ full: true });
    expect(await rig.drain()).toBe(5);
    expect(tally(rig.calls())).toEqual({ 'GET /api/scim/v2/users/{id}': 5 });
  });
});

describe('reconcile, accounts that nobody has', () => {
  it('lists them for review, and touches none', async () => {
    const rig = await createRig({ server });
    rigs.push(rig);
    const [, stray = ''] = rig.sandbox.seed([
      { userName: 'p1@acme.example', displayName: 'Person 1' },
      { userName: 'Nobody@acme.example', displayName: 'Nobody' },
    ]);
    rig.people.set([person(1)]);
    await rig.reconcile();
    await rig.drain();
    expect(await rig.ledger.unmatched()).toEqual([{ omniId: stray, userName: 'nobody@acme.example' }]);
    expect(rig.calls()).toEqual(['GET /api/scim/v2/users']);
  });
});
