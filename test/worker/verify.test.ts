import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DirectoryRecord } from '../../model/person.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, LIST, PATCH, POST, type Rig, type RigOptions, tally } from './rig.ts';

const GET = 'GET /api/scim/v2/users/{id}';

let server: TestRedis;
let rig: Rig;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});
afterEach(async () => {
  await rig.close();
  await server.client().flushall();
});

function person(n: number, change: DirectoryRecord = {}): DirectoryRecord {
  return {
    id: `E${n}`,
    email: `p${n}@acme.example`,
    name: `Person ${n}`,
    status: 'active',
    office: 'Oslo',
    ...change,
  };
}

const people = (count: number) => Array.from({ length: count }, (_, n) => person(n));
const REGION = { mapping: { attributes: { region: { value: 'office', keep: false } } } } as const;
const REPAIR = { drift: { otherwise: 'repair', fields: {} } } as const;

/** So many people, all in Omni. */
async function inStep(count: number, options: Partial<RigOptions> = {}): Promise<void> {
  rig = await createRig({ server, ...options });
  rig.people.set(people(count));
  await rig.reconcile();
  await rig.drain();
  rig.calls();
}

/** Somebody changes an account in Omni. */
async function byHand(n: number, value: Record<string, unknown>): Promise<void> {
  const id = await accountOf(n);
  const response = await fetch(`${rig.sandbox.url}/api/scim/v2/users/${id}`, {
    method: 'PATCH',
    headers: { authorization: 'Bearer omni-sandbox-key', 'content-type': 'application/json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', value }],
    }),
  });
  expect(response.status).toBe(200);
  rig.calls();
}

async function deletedByHand(n: number): Promise<void> {
  const headers = { authorization: 'Bearer omni-sandbox-key' };
  await fetch(`${rig.sandbox.url}/api/scim/v2/users/${await accountOf(n)}`, { method: 'DELETE', headers });
  rig.calls();
}

async function accountOf(n: number): Promise<string> {
  return (await rig.links()).find(({ sourceId }) => sourceId === `E${n}`)?.omniId ?? '';
}

const attributes = (value: Record<string, unknown>) => ({ 'urn:omni:params:1.0:UserAttribute': value });

/** Who differs in which fields, as it is remembered. */
async function drift(): Promise<Record<string, Record<string, string>>> {
  const rows = [...(await rig.ledger.drift.all()).values()];
  return Object.fromEntries(
    rows.map(({ sourceId, fields }) => [
      sourceId,
      Object.fromEntries(
        Object.entries(fields).map(([field, { mode, handed }]) => [field, handed ? `${mode}, handed` : mode]),
      ),
    ]),
  );
}

/** What a reconcile and the workers make of it. */
async function goOn(): Promise<Record<string, number>> {
  rig.calls();
  await rig.reconcile();
  await rig.drain();
  return tally(rig.calls());
}

describe('verify', () => {
  it('costs the list pages, and a read of each person where attributes are mapped', async () => {
    await inStep(130);
    await rig.verify();
    expect(tally(rig.calls())).toEqual({ [LIST]: 2 });
    expect(rig.passes).toMatchObject([{ compared: 130, calls: 2, drifted: 0, repairs: 0 }]);
  });

  it('reads on where it has left off, so that all are read over the passes', async () => {
    await inStep(130, REGION);
    const read = new Set<string>();
    for (const _ of [1, 2]) {
      const from = rig.sandbox.calls().at(-1)?.seq ?? 0;
      await rig.verify();
      const calls = rig.sandbox.calls(from).filter(({ route }) => route.endsWith('{id}'));
      // Whole buckets are read: somebody more may share the last one.
      expect(calls.length).toBeGreaterThanOrEqual(100);
      expect(calls.length).toBeLessThan(110);
      for (const { id } of calls) if (id !== undefined) read.add(id);
    }
    expect(read.size).toBe(130);
  });

  it('finds nothing where nobody changed anything, however often it looks', async () => {
    await inStep(20, REGION);
    await rig.verify();
    await rig.verify();
    expect(await drift()).toEqual({});
    expect(rig.drifted).toEqual([]);
    expect(await goOn()).toEqual({});
  });

  it('reports by field what somebody changed, once in the log, until it is so no more', async () => {
    await inStep(5, REGION);
    await byHand(1, { displayName: 'Other' });
    await byHand(2, attributes({ region: 'Rome' }));
    await byHand(3, { userName: 'other@acme.example', active: false });
    await rig.verify();
    await rig.verify();
    const found = {
      E1: { displayName: 'report' },
      E2: { '@region': 'report' },
      E3: { active: 'report', userName: 'report' },
    };
    expect(await drift()).toEqual(found);
    expect(rig.drifted).toHaveLength(3);
    // Reported alone: nothing of it is written, nor counted as a change.
    expect(await goOn()).toEqual({});
    await byHand(1, { displayName: 'Person 1' });
    await rig.verify();
    expect(Object.keys(await drift()).sort()).toEqual(['E2', 'E3']);
  });

  it('keeps when it was first seen', async () => {
    await inStep(1);
    await byHand(0, { displayName: 'Other' });
    await rig.verify();
    const [first] = [...(await rig.ledger.drift.all()).values()];
    await rig.verify();
    const [second] = [...(await rig.ledger.drift.all()).values()];
    expect(second?.fields.displayName?.since).toBe(first?.fields.displayName?.since);
    expect(second?.fields.displayName?.seen).toBeGreaterThan(first?.fields.displayName?.seen ?? 0);
  });

  it('says nothing of what is to be ignored', async () => {
    await inStep(2);
    rig.configure({ drift: { otherwise: 'report', fields: { displayName: 'ignore' } } });
    await byHand(0, { displayName: 'Other', active: false });
    await rig.verify();
    expect(await drift()).toEqual({ E0: { active: 'report' } });
  });

  it('asks for an account that the list lacks before it is gone', async () => {
    await inStep(3, { sandbox: { listInactive: false } });
    await byHand(0, { active: false });
    await deletedByHand(1);
    await rig.verify();
    expect(tally(rig.calls())).toEqual({ [LIST]: 1, [GET]: 2 });
    expect(await drift()).toEqual({ E0: { active: 'report' }, E1: { gone: 'report' } });
  });

  it('takes a list that ends early for a failed pass, and nobody for gone', async () => {
    await inStep(130);
    rig.sandbox.fault({
      method: 'GET',
      path: '/api/scim/v2/users',
      skip: 1,
      fault: { kind: 'status', status: 200, body: { totalResults: 130, Resources: [] } },
    });
    await rig.verify();
    expect(await drift()).toEqual({});
    expect(rig.passes[0]?.problem).toContain('130 were announced, 100 came');
    expect((await rig.ledger.drift.lastPass())?.problem).toBe(rig.passes[0]?.problem);
  });

  it('never takes what Omni made of a value for drift', async () => {
    // Omni keeps a number as text, drops the attribute that it does not define, and spells addresses in its own way.
    const attributes = {
      region: { value: 'office', keep: false },
      undefined_there: { value: 'id', keep: false },
    };
    const sandbox = { coercion: 'strings', lowerCaseAddresses: true } as const;
    await inStep(0, { mapping: { attributes }, sandbox });
    const many = people(3).map((one) => ({ ...one, office: 7, email: String(one.email).toUpperCase() }));
    rig.people.set(many);
    await goOn();
    expect(rig.sandbox.state().users.map((user) => user.attributes)).toEqual(Array(3).fill({ region: '7' }));
    await rig.verify();
    rig.people.set(many.map((one) => ({ ...one, name: 'Renamed' })));
    expect(await goOn()).toEqual({ [PATCH]: 3 });
    await rig.verify();
    expect(await drift()).toEqual({});
    expect(await goOn()).toEqual({});
  });

  it('tells that somebody brought back whom we took away, and takes nobody away for it', async () => {
    await inStep(8, { rules: { policy: 'full' } });
    rig.configure(REPAIR);
    rig.people.set(people(7));
    await goOn();
    await goOn();
    expect(rig.sandbox.state().users[7]?.active).toBe(false);
    await byHand(7, { active: true });
    await rig.verify();
    expect(await drift()).toEqual({ E7: { active: 'report' } });
    expect(await goOn()).toEqual({});
    expect(rig.sandbox.state().users[7]?.active).toBe(true);
  });

  it('leaves alone whose change waits or is being sent', async () => {
    await inStep(3);
    await byHand(0, { displayName: 'Other' });
    await byHand(1, { displayName: 'Other' });
    rig.people.set(people(3).map((one) => (one.id === 'E0' ? { ...one, name: 'New' } : one)));
    await rig.reconcile();
    const { ref } = await rig.ledger.begin();
    await rig.redis.hset(rig.keys.intents, ref('E1'), JSON.stringify({ at: '0', version: 'x' }));
    // What waits would keep the pass waiting too.
    await rig.queues.apply.obliterate({ force: true });
    await rig.verify();
    expect(await drift()).toEqual({});
  });

  it('leaves alone who was changed by us since the pass began', async () => {
    await inStep(130);
    rig.sandbox.fault({
      method: 'GET',
      path: '/api/scim/v2/users',
      skip: 1,
      times: 1,
      fault: { kind: 'delay', ms: 300 },
    });
    const passing = rig.verify();
    await expect.poll(() => rig.sandbox.calls().at(-1)?.method).toBe('GET');
    rig.people.set(people(130).map((one) => ({ ...one, name: `New ${one.id}` })));
    await rig.reconcile();
    await rig.drain();
    await passing;
    expect(await drift()).toEqual({});
  });

  it('waits while changes do', async () => {
    await inStep(2);
    rig.people.set([...people(2), person(2)]);
    await rig.reconcile();
    rig.calls();
    const looks = vi.spyOn(rig.queues.apply, 'isPaused');
    const passing = rig.verify();
    await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(2);
    expect(rig.calls()).toEqual([]);
    await rig.drain();
    await passing;
    expect(tally(rig.calls())).toEqual({ [POST]: 1, [LIST]: 1 });
  });

  it('ends at a stop, and leaves what it found', async () => {
    await inStep(2);
    await rig.queues.apply.pause();
    const stopping = new AbortController();
    const passing = rig.verify(stopping.signal);
    stopping.abort();
    await expect(passing).rejects.toThrow();
    expect(await rig.ledger.drift.lastPass()).toBeUndefined();
  });

  describe('under repair', () => {
    it('has one PATCH each write just the drifted field', async () => {
      await inStep(4, REGION);
      rig.configure(REPAIR);
      await byHand(0, { displayName: 'Other' });
      await byHand(1, attributes({ region: 'Rome' }));
      await byHand(2, { userName: 'other@acme.example' });
      await rig.verify();
      expect(rig.passes).toMatchObject([{ repairs: 3 }]);
      const handed = 'repair, handed';
      expect(await drift()).toEqual({
        E0: { displayName: handed },
        E1: { '@region': handed },
        E2: { userName: handed },
      });
      expect(await goOn()).toEqual({ [PATCH]: 3 });
      expect(
        rig.applied
          .slice(-3)
          .map(({ kind, fields }) => [kind, fields])
          .sort(),
      ).toEqual([
        ['rename', ['userName']],
        ['update', ['@region']],
        ['update', ['displayName']],
      ]);
      const users = rig.sandbox
        .state()
        .users.map((user) => [user.userName, user.displayName, user.attributes.region]);
      expect(users).toEqual(people(4).map(({ email, name }) => [email, name, 'Oslo']));
      await rig.verify();
      expect(await drift()).toEqual({});
      expect(await goOn()).toEqual({});
    });

    it('counts a repair apart from ordinary changes, and says its cause', async () => {
      await inStep(3);
      rig.configure(REPAIR);
      await byHand(0, { displayName: 'Other' });
      await byHand(1, { displayName: 'Other' });
      await rig.verify();
      rig.people.set([person(0), person(1, { email: 'new@acme.example' }), person(2, { name: 'New' })]);
      const run = await rig.reconcile();
      expect(run).toMatchObject({ repairs: 1, changes: { update: 1, rename: 1 } });
      await rig.drain();
      expect(
        rig.applied
          .slice(-3)
          .map(({ kind, cause }) => [kind, cause ?? ''])
          .sort(),
      ).toEqual([
        ['rename', ''],
        ['update', ''],
        ['update', 'drift'],
      ]);
      const audit = await rig.redis.xrange(rig.keys.audit, '-', '+');
      const causes = audit.map(([, [, json]]) => (JSON.parse(json ?? '') as { cause?: string }).cause);
      expect(causes.filter((cause) => cause === 'drift')).toHaveLength(1);
      expect(Object.keys(await drift())).toEqual(['E1']);
      await rig.verify();
      expect(await drift()).toEqual({});
    });

    it('brings back whom somebody deactivated, and makes anew whom somebody deleted', async () => {
      await inStep(3);
      rig.configure(REPAIR);
      await byHand(0, { active: false });
      await deletedByHand(1);
      await rig.verify();
      expect(await goOn()).toEqual({ [PATCH]: 1, [POST]: 1 });
      expect(
        rig.applied
          .slice(-2)
          .map(({ kind, fields }) => [kind, fields])
          .sort(),
      ).toEqual([
        ['create', ['userName', 'displayName']],
        ['return', ['active']],
      ]);
      expect(rig.sandbox.state().users.filter(({ active }) => active)).toHaveLength(3);
      await rig.verify();
      expect(await drift()).toEqual({});
    });

    it('leaves deactivated whom drift only reports, whatever else is written', async () => {
      await inStep(2);
      rig.configure({ drift: { otherwise: 'repair', fields: { active: 'report' } } });
      await byHand(0, { active: false, displayName: 'Other' });
      await rig.verify();
      expect(await goOn()).toEqual({ [PATCH]: 1 });
      rig.people.set([person(0, { name: 'Changed' }), person(1)]);
      expect(await goOn()).toEqual({ [PATCH]: 1 });
      expect(rig.sandbox.state().users[0]).toMatchObject({ active: false, displayName: 'Changed' });
      await rig.verify();
      expect(await drift()).toEqual({ E0: { active: 'report' } });
    });

    it('does not write again and again what Omni keeps', async () => {
      await inStep(1, { sandbox: { rename: 'allow' } });
      rig.configure(REPAIR);
      await byHand(0, { userName: 'other@acme.example' });
      rig.sandbox.set({ rename: 'ignore' });
      await rig.verify();
      expect(await goOn()).toEqual({ [PATCH]: 1 });
      await rig.verify();
      expect(await drift()).toEqual({});
      expect(await goOn()).toEqual({});
    });

    it('waits for a reconcile that runs, so that nobody is held to be in step', async () => {
      await inStep(1);
      rig.configure(REPAIR);
      await byHand(0, { displayName: 'Other' });
      const lease = await rig.ledger.lease('another');
      const passing = rig.verify();
      await expect.poll(() => rig.drifted.length).toBe(1);
      expect(await goOnAs(lease)).toBe('released');
      await passing;
      expect(await goOn()).toEqual({ [PATCH]: 1 });
    });
  });
});

async function goOnAs(lease: { release(): Promise<void> } | undefined): Promise<string> {
  await lease?.release();
  return lease === undefined ? 'not had' : 'released';
}
