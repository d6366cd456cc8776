/** A full resync: what the links remember is not believed, and Omni is asked. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryRecord } from '../../model/person.ts';
import { fullCost } from '../../worker/full-cost.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, LIST, PATCH, POST, type Rig, type RigOptions, tally } from './rig.ts';

const GET = 'GET /api/scim/v2/users/{id}';
const REGION = { mapping: { attributes: { region: { value: 'office', keep: false } } } } as const;

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

const people = (count: number): DirectoryRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `E${n}`,
    email: `p${n}@acme.example`,
    name: `Person ${n}`,
    status: 'active',
    office: 'Oslo',
  }));

async function inStep(count: number, options: Partial<RigOptions> = {}): Promise<void> {
  rig = await createRig({ server, ...options });
  rig.people.set(people(count));
  await rig.reconcile();
  await rig.drain();
  rig.calls();
}

/** Somebody changes, or deletes, the account of the nth person in Omni. */
async function byHand(n: number, value: Record<string, unknown> | 'delete'): Promise<void> {
  const { omniId } = (await rig.links()).find(({ sourceId }) => sourceId === `E${n}`) ?? {};
  const headers = { authorization: 'Bearer omni-sandbox-key', 'content-type': 'application/json' };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const body = JSON.stringify({ schemas, Operations: [{ op: 'replace', value }] });
  const how = value === 'delete' ? { method: 'DELETE', headers } : { method: 'PATCH', headers, body };
  await fetch(`${rig.sandbox.url}/api/scim/v2/users/${omniId}`, how);
  rig.calls();
}

async function full(): Promise<Record<string, number>> {
  await rig.reconcile({ full: true });
  await rig.drain();
  return tally(rig.calls());
}

const region = (value: string) => ({ 'urn:omni:params:1.0:UserAttribute': { region: value } });

describe('openDistrust', () => {
  it('has everyone read in full where attributes are mapped, and writes what differs alone', async () => {
    await inStep(6, REGION);
    await byHand(1, { displayName: 'Other' });
    await byHand(2, region('Rome'));
    await byHand(3, { userName: 'other@acme.example' });
    expect(await full()).toEqual({ [GET]: 6, [PATCH]: 3 });
    const written = rig.applied.slice(-3).map(({ fields }) => fields);
    expect(written.sort()).toEqual([['@region'], ['displayName'], ['userName']]);
    const users = rig.sandbox
      .state()
      .users.map((user) => [user.userName, user.displayName, user.attributes.region]);
    expect(users).toEqual(people(6).map(({ email, name, office }) => [email, name, office]));
    expect(await full()).toEqual({ [GET]: 6 });
  });

  it('is the list pages alone where no attribute is mapped, and a read of those who differ there', async () => {
    await inStep(130);
    await byHand(1, { displayName: 'Other' });
    await byHand(2, { userName: 'other@acme.example' });
    expect(await full()).toEqual({ [LIST]: 2, [GET]: 2, [PATCH]: 2 });
    expect(await full()).toEqual({ [LIST]: 2 });
  });

  it('tells how many accounts are read', async () => {
    await inStep(4, REGION);
    const run = await rig.reconcile({ full: true });
    expect(run).toMatchObject({ looks: 4, changes: { update: 0 } });
    expect(await rig.ledger.outbox.size()).toBe(4);
    await rig.drain();
    expect(await rig.ledger.outbox.size()).toBe(0);
  });

  it('costs what is told before it is asked for', async () => {
    await inStep(130);
    expect(await fullCost(rig.parts())).toEqual({ reads: 'pages', calls: 2, seconds: 3 });
    expect(await full()).toEqual({ [LIST]: 2 });
    rig.configure(REGION);
    const told = await fullCost(rig.parts());
    expect(told).toEqual({ reads: 'people', calls: 130, seconds: 132 });
    await rig.reconcile();
    await rig.drain();
    rig.calls();
    expect(await full()).toEqual({ [GET]: told.calls });
    rig.configure({ rules: { policy: 'create' } });
    expect(await fullCost(rig.parts())).toMatchObject({ reads: 'nothing', calls: 0 });
  });

  it('outlasts the reconciles that come before all are read', async () => {
    await inStep(4, REGION);
    await byHand(2, region('Rome'));
    await rig.reconcile({ full: true });
    await rig.reconcile();
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [GET]: 4, [PATCH]: 1 });
  });

  it('makes anew whom somebody deleted', async () => {
    await inStep(2, REGION);
    await byHand(0, 'delete');
    expect(await full()).toEqual({ [GET]: 2, [POST]: 1 });
    expect(rig.sandbox.state().users).toHaveLength(2);
    expect(await full()).toEqual({ [GET]: 2 });
  });

  it('brings back whom somebody deactivated only where drift says so', async () => {
    await inStep(2, REGION);
    await byHand(0, { active: false, displayName: 'Other' });
    expect(await full()).toEqual({ [GET]: 2, [PATCH]: 1 });
    expect(rig.sandbox.state().users[0]).toMatchObject({ active: false, displayName: 'Person 0' });
    rig.configure({ drift: { otherwise: 'report', fields: { active: 'repair' } } });
    expect(await full()).toEqual({ [GET]: 2, [PATCH]: 1 });
    expect(rig.sandbox.state().users[0]).toMatchObject({ active: true, displayName: 'Person 0' });
  });

  it('ends the drift that was found before', async () => {
    await inStep(3, REGION);
    await byHand(0, { displayName: 'Other' });
    await byHand(1, { active: false });
    await rig.verify();
    expect(await rig.ledger.drift.count()).toBe(2);
    await full();
    const [left] = [...(await rig.ledger.drift.all()).values()];
    expect([await rig.ledger.drift.count(), left?.sourceId]).toEqual([1, 'E1']);
    await rig.verify();
    expect(await rig.ledger.drift.count()).toBe(1);
  });

  it('asks nothing under the policy create', async () => {
    await inStep(2, { rules: { policy: 'create' }, ...REGION });
    expect(await full()).toEqual({});
  });

  it.each(['reconcile.outbox', 'reconcile.jobs', 'apply.taken', 'apply.intent', 'apply.answered'] as const)(
    'converges where it is broken off at %s',
    async (step) => {
      await inStep(2, REGION);
      await byHand(0, region('Rome'));
      let alive = true;
      rig.onStep = (at) => {
        if (at !== step || !alive) return;
        alive = false;
        throw new Error('died');
      };
      await full().catch(() => undefined);
      await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
      await full();
      expect(rig.sandbox.state().users.map((user) => user.attributes.region)).toEqual(['Oslo', 'Oslo']);
      expect(await rig.ledger.outbox.size()).toBe(0);
    },
  );
});
