/** What a plan shows: causes, calls, leavers as they stand, who is left alone, and that looking writes nothing. */
import { describe, expect, it } from 'vitest';
import { planSync } from '../../worker/plan.ts';
import { crowd, person } from '../support/people.ts';
import { employ, GET, inOmni, rigsOfFile, round } from './living.ts';
import { LIST, type Rig, tally } from './rig.ts';

const rigWith = rigsOfFile();
const HOUR = 3_600_000;
const LONG = { graceMs: { missing: HOUR, inactive: HOUR, outOfScope: HOUR } };
const REGION = { attributes: { region: 'region' } };

/** Everything in Redis but the budget's clocks, and what BullMQ notes of the rig's own queues. */
async function everything(rig: Rig): Promise<Record<string, unknown>> {
  const keys = (await rig.redis.keys('*'))
    .filter((key) => !/^{omni-budget:|:(apply|reconcile|verify):/.test(key))
    .sort();
  const dumps = await Promise.all(keys.map((key) => rig.redis.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('base64')]));
}

const rowsOf = (plan: Awaited<ReturnType<typeof planSync>>) =>
  plan.changes.map(({ sourceId, kind, cause, calls }) => `${sourceId} ${kind} ${cause} ${calls}`).sort();

describe('planSync', () => {
  it('names each change with its cause and its calls', async () => {
    const rig = await rigWith({ mapping: REGION });
    await employ(rig, 20);
    rig.people.set(crowd(20).slice(1));
    await round(rig);
    rig.people.set([
      person(1),
      person(2, { name: 'New Name' }),
      person(3, { email: 'p3.new@acme.example' }),
      person(4, { id: 'E40' }),
      person(5, { status: 'left' }),
      person(6, { region: 'nowhere' }),
      ...crowd(20).slice(7),
      person(21),
    ]);
    const plan = await planSync(rig.parts());
    expect(rowsOf(plan)).toEqual([
      'E1 return back 1',
      'E2 update changed 1',
      'E21 create newHire 1',
      'E3 rename changed 1',
      'E40 relink newId 0',
      'E5 deactivate inactive 1',
      'E6 deactivate outOfScope 1',
      'E7 deactivate missing 1',
    ]);
    expect(plan).toMatchObject({ calls: 7, planCalls: 0, seconds: 8 });
    rig.calls();
    expect((await round(rig)).calls).toHaveLength(plan.calls);
    expect((await planSync(rig.parts())).changes).toEqual([]);
  });

  it('reads the old values of what would change, a request for each such person', async () => {
    const rig = await rigWith({ mapping: REGION });
    await employ(rig, 5);
    rig.people.set([person(1, { name: 'New', region: 'south' }), ...crowd(5).slice(1), person(6)]);
    const told: number[] = [];
    const plan = await planSync(rig.parts(), { old: (calls) => told.push(calls) });
    expect({ told, calls: rig.calls(), planCalls: plan.planCalls }).toEqual({
      told: [1],
      calls: [GET],
      planCalls: 1,
    });
    const [row] = plan.changes;
    expect(row?.fields).toEqual({ displayName: 'New', '@region': 'south' });
    expect(row?.old).toEqual({ displayName: 'Person 1', '@region': 'north' });
  });

  it('notes an account that is gone where an old value is asked for', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'New' })]);
    await rig.omni.deleteUser((await rig.links())[0]?.omniId ?? '');
    const plan = await planSync(rig.parts(), { old: () => undefined });
    expect(plan.changes).toMatchObject([{ kind: 'update', note: 'the account is gone from Omni' }]);
  });

  it('shows where each leaver stands and why, and takes nobody for due who is not', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.configure({ leaverRules: { ...LONG, limit: { people: 2 } }, mapping: { protect: ['E3'] } });
    rig.people.set(crowd(20).filter(({ id }) => id !== 'E1' && id !== 'E3'));
    await round(rig);
    rig.people.set(crowd(20).slice(5));
    const plan = await planSync(rig.parts());
    const shown = plan.leavers.map(({ sourceId, stage, cause }) => `${sourceId} ${stage} ${cause}`).sort();
    expect(shown).toEqual(
      ['E1', 'E2', 'E3', 'E4', 'E5'].map(
        (id) => `${id} ${{ E1: 'grace', E3: 'protected' }[id] ?? 'held'} missing`,
      ),
    );
    const held = plan.leavers.find(({ stage }) => stage === 'held');
    expect(held?.reason).toMatch(/3 people left .* the limit is 2 in 24 hours/);
    expect(Date.parse(held?.due ?? '') - Date.parse(held?.since ?? '')).toBe(HOUR);
    expect(plan.changes).toEqual([]);
    expect(plan.protected).toEqual([{ sourceId: 'E3', userName: 'p3@acme.example' }]);
  });

  it('says of a scope that leaves out many that they would be held', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.configure({
      leaverRules: { limit: { people: 5, percent: 2 } },
      mapping: { where: 'region == "south"' },
    });
    const plan = await planSync(rig.parts());
    expect(plan.changes).toEqual([]);
    expect(new Set(plan.leavers.map(({ stage }) => stage))).toEqual(new Set(['held']));
    expect(plan.leavers).toHaveLength(20);
    expect(plan.leavers[0]?.reason).toContain('20 people left');
  });

  it('says who would be shown only under a policy that takes nobody away', async () => {
    const rig = await rigWith({ rules: { policy: 'upsert' } });
    await employ(rig, 3);
    rig.people.set(crowd(2));
    const plan = await planSync(rig.parts());
    expect(plan.leavers).toMatchObject([{ sourceId: 'E3', stage: 'shown', since: null }]);
  });

  it('counts whose the accounts are, and names those that are nobody’s and another sync’s', async () => {
    const rig = await rigWith();
    rig.sandbox.seed([
      { userName: 'p1@acme.example', displayName: 'Person 1' },
      { userName: 'stranger@acme.example', displayName: 'Stranger' },
      { userName: 'p9@acme.example', displayName: 'Person 9' },
    ]);
    const other = await rigWith({ beside: rig, name: 'other' });
    other.people.set([person(9)]);
    await round(other);
    rig.people.set([person(1), person(2), person(9)]);
    const cold = await planSync(rig.parts());
    expect(cold.changes.find(({ sourceId }) => sourceId === 'E9')).toMatchObject({
      kind: 'withhold',
      provenance: 'foreign',
      calls: 0,
    });
    expect(cold).toMatchObject({
      calls: 2,
      planCalls: 1,
      unmatched: [{ userName: 'stranger@acme.example' }],
    });
    await round(rig);
    const warm = await planSync(rig.parts());
    expect(warm.accounts).toEqual({ created: 1, adopted: 1, protected: 0, deactivated: 0, foreign: 1 });
  });

  it('lists accounts that would be linked for a look though their records are not wanted', async () => {
    const rig = await rigWith();
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.people.set([person(1, { status: 'left' })]);
    const plan = await planSync(rig.parts());
    expect(plan.changes).toMatchObject([{ sourceId: 'E1', kind: 'adopt', calls: 0 }]);
    expect(plan.changes[0]?.note).toContain('held for you to look at');
  });

  it.each(['a ledger that was never begun', 'one that knows everybody', 'one with leavers'])(
    'writes nothing to Redis: %s',
    async (which) => {
      const rig = await rigWith();
      if (which !== 'a ledger that was never begun') await employ(rig, 4);
      if (which === 'one with leavers') {
        rig.configure({ leaverRules: LONG });
        rig.people.set(crowd(3));
        await round(rig);
      }
      rig.people.set([person(1, { name: 'New' }), person(7)]);
      const before = await everything(rig);
      const users = rig.sandbox.state().users;
      const plan = await planSync(rig.parts(), { old: () => undefined });
      expect(plan.changes.length).toBeGreaterThan(0);
      expect(await everything(rig)).toEqual(before);
      expect(rig.sandbox.state().users).toEqual(users);
      expect(Object.keys(tally(rig.calls())).every((call) => call === LIST || call === GET)).toBe(true);
      expect(inOmni(rig).inactive).toEqual([]);
    },
  );
});
