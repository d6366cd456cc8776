/** What waits for an operator's word: accounts to adopt under `adopt: ask`, links that a changed id column would move; and what is kept. */
import { describe, expect, it } from 'vitest';
import { operationsOf } from '../../worker/operations.ts';
import { crowd, person } from '../support/people.ts';
import { aside, employ, expectLedgerRight, inOmni, refOf, rigsOfFile, round, stages } from './living.ts';
import { LIST, PATCH, POST, type Rig, tally } from './rig.ts';

const rigWith = rigsOfFile();
const ASK = { rules: { adopt: 'ask' } } as const;
const REGION = { attributes: { region: 'region' } };

const seeded = (rig: Rig, count: number) =>
  rig.sandbox.seed(
    crowd(count).map(({ email, name }) => ({ userName: String(email), displayName: String(name) })),
  );

const operations = (rig: Rig) => operationsOf(rig.parts());

async function waiting(rig: Rig): Promise<string[]> {
  const { changes } = await operations(rig).leavers();
  return changes.map(({ sourceId, what, answer }) => `${sourceId} ${what} ${answer ?? 'waits'}`);
}

async function approve(rig: Rig, people: readonly string[] | 'all') {
  const { changesDigest } = await operations(rig).leavers();
  return operations(rig).approve(people, changesDigest ?? '', 'test');
}

describe('adopt: ask', () => {
  it('holds whom Omni has already as a named list, at the list pages alone, and fails nobody', async () => {
    const rig = await rigWith({ ...ASK, mapping: REGION });
    seeded(rig, 250);
    rig.people.set(crowd(250));
    const { calls, run } = await round(rig);
    expect(calls).toEqual([LIST, LIST, LIST]);
    expect(run).toMatchObject({ held: 250, failed: 0 });
    expect(await operations(rig).status()).toMatchObject({ inStep: 0, waiting: 0, failed: 0 });
    expect(await waiting(rig)).toHaveLength(250);
    expect((await round(rig)).calls).toEqual([]);
    expect(await approve(rig, 'all')).toMatchObject({ stillHeld: 0 });
    expect(tally((await round(rig)).calls)).toEqual({ [PATCH]: 250 });
    expect(await waiting(rig)).toEqual([]);
    expect((await round(rig)).calls).toEqual([]);
    expect(await rig.ledger.held.answers()).toEqual(new Map());
    expect(await operations(rig).status()).toMatchObject({ inStep: 250 });
    await expectLedgerRight(rig);
  });

  it('adopts without a call where nothing differs, only whom the operator named', async () => {
    const rig = await rigWith(ASK);
    seeded(rig, 4);
    rig.people.set(crowd(5));
    expect(tally((await round(rig)).calls)).toEqual({ [LIST]: 1, [POST]: 1 });
    const { done, stillHeld } = await approve(rig, ['E1', 'P2@acme.example']);
    expect({ done: [...done].sort(), stillHeld }).toEqual({ done: ['E1', 'E2'], stillHeld: 2 });
    expect((await round(rig)).calls).toEqual([]);
    expect((await rig.links()).map(({ sourceId, provenance }) => `${sourceId} ${provenance}`)).toEqual([
      'E1 adopted',
      'E2 adopted',
      'E5 created',
    ]);
    expect(await waiting(rig)).toEqual(['E3 adopt waits', 'E4 adopt waits']);
  });

  it('refuses a digest of another set, and approves nobody where a name is nobody’s', async () => {
    const rig = await rigWith(ASK);
    seeded(rig, 3);
    rig.people.set(crowd(2));
    await round(rig);
    const { changesDigest } = await operations(rig).leavers();
    rig.people.set(crowd(3));
    await round(rig);
    expect(await waiting(rig)).toHaveLength(3);
    await expect(operations(rig).approve('all', changesDigest ?? '', 'test')).rejects.toMatchObject({
      code: 'approve.changed',
    });
    expect(await approve(rig, ['E1', 'nobody'])).toMatchObject({ done: [], unknown: ['nobody'] });
    await round(rig);
    expect(await rig.links()).toEqual([]);
  });

  it('links no account that was approved and somebody has deactivated in Omni since', async () => {
    const rig = await rigWith(ASK);
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'By Login' }]);
    rig.people.set(crowd(1));
    await round(rig);
    await approve(rig, 'all');
    const id = rig.sandbox.state().users[0]?.id ?? '';
    await rig.omni.setActive(id, false);
    rig.calls();
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(await rig.links()).toEqual([]);
    expect(await aside(rig)).toEqual({ E1: 'omni.inactive' });
    await rig.omni.setActive(id, true);
    await rig.ledger.quarantine.release([await refOf(rig, 'E1')]);
    await round(rig);
    expect((await rig.links())[0]).toMatchObject({ sourceId: 'E1', provenance: 'adopted', omniId: id });
  });

  it('holds a new hire whose account came by itself, and asks Omni about them once', async () => {
    const rig = await rigWith(ASK);
    await employ(rig, 2);
    rig.sandbox.seed([{ userName: 'p3@acme.example', displayName: 'By Login' }]);
    rig.people.set(crowd(3));
    const first = await round(rig);
    expect(tally(first.calls)).toEqual({ [POST]: 1, [LIST]: 1 });
    expect(await aside(rig)).toEqual({});
    expect(await waiting(rig)).toEqual(['E3 adopt waits']);
    expect((await round(rig)).calls).toEqual([]);
    await approve(rig, 'all');
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect((await rig.links())[2]).toMatchObject({ sourceId: 'E3', provenance: 'adopted' });
    await expectLedgerRight(rig);
  });

  it('takes a word for one account alone, and until it is used', async () => {
    const rig = await rigWith(ASK);
    seeded(rig, 2);
    rig.people.set(crowd(2));
    await round(rig);
    await approve(rig, ['E1']);
    // Gone for a read, and back.
    rig.people.set(crowd(2).slice(1));
    await round(rig);
    expect(await waiting(rig)).toEqual(['E2 adopt waits']);
    // Somebody else's address now: the word was for another account.
    rig.people.set([person(1, { email: 'p2@acme.example' }), person(2, { email: 'p9@acme.example' })]);
    await round(rig);
    expect(await waiting(rig)).toEqual(['E1 adopt waits']);
    rig.people.set(crowd(2));
    await round(rig);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toContain('E1');
  });

  it('never adopts whom an operator keeps, whatever the rule becomes, until that is taken back', async () => {
    const rig = await rigWith(ASK);
    seeded(rig, 2);
    rig.people.set(crowd(2));
    await round(rig);
    expect(await operations(rig).keep(['E1'], 'test')).toEqual({ done: ['E1'], unknown: [] });
    await approve(rig, 'all');
    rig.configure({ rules: { adopt: 'always' } });
    expect((await round(rig)).calls).toEqual([]);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E2']);
    expect(await waiting(rig)).toEqual(['E1 adopt kept']);
    expect(await operations(rig).unkeep(['E1', 'E2'], 'test')).toEqual({ done: ['E1'], unknown: ['E2'] });
    await round(rig);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E1', 'E2']);
  });

  it('names an inactive account as one that it does not reactivate, and asks nobody', async () => {
    const rig = await rigWith(ASK);
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1', active: false }]);
    rig.people.set(crowd(1));
    await round(rig);
    expect(await aside(rig)).toEqual({ E1: 'omni.inactive' });
    expect(await waiting(rig)).toEqual([]);
  });
});

describe('an id column that changed', () => {
  it('is listed, and done for whom an operator lets pass, over the half that the guard never passes', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.configure({ leaverRules: { limit: { people: 5 } } });
    rig.people.set(crowd(20).map((record) => ({ ...record, id: `new-${record.id}` })));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 20 } });
    const listed = await waiting(rig);
    expect(listed).toHaveLength(20);
    expect(listed[0]).toBe('new-E1 relink waits');
    expect(await approve(rig, ['new-E1', 'new-E2', 'new-E3'])).toMatchObject({ stillHeld: 17 });
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 17, changes: { relink: 3 } } });
    expect(await waiting(rig)).toHaveLength(17);
    await operations(rig).keep(['new-E4'], 'test');
    await approve(rig, 'all');
    expect(await round(rig)).toMatchObject({ calls: [], run: { changes: { relink: 16 } } });
    expect(await waiting(rig)).toEqual(['new-E4 relink kept']);
    expect(inOmni(rig)).toEqual({ active: Array.from({ length: 20 }, (_, i) => i + 1), inactive: [] });
    expect(await stages(rig)).toEqual({});
    await operations(rig).unkeep(['new-E4'], 'test');
    await round(rig);
    expect((await rig.links()).every(({ sourceId }) => sourceId.startsWith('new-'))).toBe(true);
    await expectLedgerRight(rig);
  });
});

describe('keep of a leaver', () => {
  it('can be taken back', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.configure({ leaverRules: { graceMs: { missing: 3_600_000, inactive: 0, outOfScope: 0 } } });
    rig.people.set(crowd(20).slice(1));
    await round(rig);
    await operations(rig).keep(['E1'], 'test');
    await round(rig);
    expect(await stages(rig)).toEqual({});
    expect((await operations(rig).leavers()).kept).toMatchObject([
      { sourceId: 'E1', userName: 'p1@acme.example' },
    ]);
    expect(await operations(rig).unkeep(['p1@acme.example'], 'test')).toEqual({ done: ['E1'], unknown: [] });
    await round(rig);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    expect(await operations(rig).unkeep(['E1'], 'test')).toEqual({ done: [], unknown: ['E1'] });
  });
});

describe('foreign and protected accounts', () => {
  const POLICIES = ['create', 'upsert', 'full'] as const;
  const RULES = ['always', 'never', 'ask'] as const;
  const cases = POLICIES.flatMap((policy) => RULES.map((adopt) => ({ policy, adopt })));

  it.each(cases)(
    'are never written under $policy and $adopt, discovered and then out of scope',
    async (rules) => {
      const rig = await rigWith({ rules, mapping: { protect: ['p2@acme.example'] } });
      rig.sandbox.seed([
        { userName: 'stranger@acme.example', displayName: 'Stranger' },
        { userName: 'p2@acme.example', displayName: 'Protected' },
        { userName: 'p3@acme.example', displayName: 'Another Sync' },
      ]);
      const other = await rigWith({ beside: rig, name: 'other', rules: { policy: 'create' } });
      other.people.set([person(3, { name: 'Another Sync' })]);
      await round(other);
      const before = rig.sandbox.state().users.map((user) => structuredClone(user));
      // Discovered, then nobody is in scope, then everybody is gone, then back with other names.
      const records = [person(2), person(3), person(4)];
      for (const read of [
        records,
        records.map((record) => ({ ...record, region: 'nowhere' })),
        [person(5)],
        [...records.map((record) => ({ ...record, name: 'Renamed' })), person(5)],
      ]) {
        rig.people.set(read);
        await round(rig);
        await round(rig);
      }
      const now = new Map(rig.sandbox.state().users.map((user) => [user.id, user]));
      for (const user of before) expect(now.get(user.id)).toEqual(user);
    },
  );
});
