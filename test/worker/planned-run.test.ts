/** Carrying out a plan: what is as it was planned goes out, and nothing else, whatever waits or has changed meanwhile. */
import { describe, expect, it } from 'vitest';
import { readPlanFile, writePlanFile } from '../../plan/plan-file.ts';
import { planSync } from '../../worker/plan.ts';
import { startPlanned } from '../../worker/planned-run.ts';
import { crowd, person } from '../support/people.ts';
import { employ, inOmni, refOf, rigsOfFile, round, stages } from './living.ts';
import { LIST, PATCH, POST, type Rig, tally } from './rig.ts';

const rigWith = rigsOfFile();
const HOUR = 3_600_000;

/** The plan of now, through its file. */
async function planned(rig: Rig) {
  const [plan] = readPlanFile(writePlanFile([await planSync(rig.parts())]));
  if (plan === undefined) throw new Error('no plan');
  rig.calls();
  return plan;
}

async function carryOut(rig: Rig, plan: Awaited<ReturnType<typeof planned>>) {
  const going = await startPlanned(rig.parts(), plan, new AbortController().signal);
  await expect.poll(() => going.waiting()).toBe(0);
  await going.stop();
  return going.result();
}

const names = (rows: readonly { sourceId: string }[]) => rows.map(({ sourceId }) => sourceId).sort();
const namesInOmni = (rig: Rig) =>
  rig.sandbox
    .state()
    .users.map(({ displayName }) => displayName)
    .sort();

describe('startPlanned', () => {
  it('carries out every row of a plan, with the calls that it said', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.people.set([person(1, { name: 'New' }), ...crowd(21).slice(2)]);
    const plan = await planSync(rig.parts());
    const result = await carryOut(rig, await planned(rig));
    expect(result).toMatchObject({ planned: 3, inOmni: 3, already: 0, left: [], failed: [], notInPlan: [] });
    expect(rig.calls()).toHaveLength(plan.calls);
    expect(inOmni(rig).inactive).toEqual([2]);
    expect((await round(rig)).calls).toEqual([]);
  });

  it('leaves whoever has changed meanwhile, and what is new, and says so', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.people.set([
      person(1, { name: 'New 1' }),
      person(2, { name: 'New 2' }),
      person(3, { name: 'New 3' }),
      ...crowd(20).slice(4),
      person(21),
      person(22),
    ]);
    const plan = await planned(rig);
    rig.people.set([
      person(1, { name: 'New 1' }),
      person(2, { name: 'Newer 2' }),
      ...crowd(20).slice(2),
      person(21),
      person(23),
    ]);
    const result = await carryOut(rig, plan);
    expect(result).toMatchObject({ planned: 6, inOmni: 2, failed: [] });
    expect(Object.fromEntries(result.left.map(({ sourceId, why }) => [sourceId, why]))).toEqual({
      E2: 'what the directory says of this person has changed',
      E3: 'nothing is to be done for this person any more',
      E4: 'not to be taken away any more: back, kept, or protected',
      E22: 'not wanted any more',
    });
    expect(names(result.notInPlan)).toEqual(['E23']);
    expect(tally(rig.calls())).toEqual({ [PATCH]: 1, [POST]: 1 });
    expect(namesInOmni(rig)).toContain('New 1');
    expect(inOmni(rig).active).not.toContain(23);
    // A run does the rest.
    expect(tally((await round(rig)).calls)).toEqual({ [PATCH]: 1, [POST]: 1 });
  });

  it('lets nobody out who waited before and is not in the plan', async () => {
    const rig = await rigWith();
    await employ(rig, 5);
    rig.people.set([person(1, { name: 'Waits' }), ...crowd(5).slice(1), person(6)]);
    await rig.reconcile();
    rig.people.set([...crowd(4), person(5, { name: 'Planned' })]);
    const plan = await planned(rig);
    rig.people.set([
      person(1, { name: 'Waits' }),
      ...crowd(4).slice(1),
      person(5, { name: 'Planned' }),
      person(6),
    ]);
    const result = await carryOut(rig, plan);
    expect(result).toMatchObject({ planned: 1, inOmni: 1, left: [] });
    expect(names(result.notInPlan)).toEqual(['E1', 'E6']);
    expect(rig.calls()).toEqual([PATCH]);
    expect(await rig.ledger.outbox.size()).toBe(2);
    expect(tally((await round(rig)).calls)).toEqual({ [PATCH]: 1, [POST]: 1 });
  });

  it('carries out a planned row whose older desired state waits far behind', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    rig.people.set(crowd(40, {}).map((one, i) => (i < 3 ? { ...one, name: `First ${i}` } : one)));
    await rig.reconcile();
    rig.people.set(crowd(40).map((one, i) => (i < 3 ? { ...one, name: `Second ${i}` } : one)));
    const whole = await planned(rig);
    const plan = { ...whole, changes: whole.changes.filter(({ kind }) => kind === 'update') };
    const result = await carryOut(rig, plan);
    expect(result).toMatchObject({ planned: 3, inOmni: 3 });
    expect(result.notInPlan).toHaveLength(37);
    expect(tally(rig.calls())).toEqual({ [PATCH]: 3 });
  });

  it('does nothing twice, and goes on where it was broken off', async () => {
    const rig = await rigWith();
    await employ(rig, 20);
    rig.people.set([person(1, { name: 'New' }), ...crowd(22).slice(2)]);
    const plan = await planned(rig);
    rig.onStep = (step) => {
      if (step === 'reconcile.jobs') throw new Error('killed');
    };
    await expect(startPlanned(rig.parts(), plan, new AbortController().signal)).rejects.toThrow('killed');
    rig.onStep = () => undefined;
    expect(await carryOut(rig, plan)).toMatchObject({ planned: 4, inOmni: 4, left: [] });
    expect(rig.calls()).toHaveLength(4);
    expect(await carryOut(rig, plan)).toMatchObject({ planned: 4, inOmni: 4, already: 4, left: [] });
    expect(rig.calls()).toEqual([]);
  });

  it('takes away whom the plan showed as due, and only while every rule still says so', async () => {
    const rig = await rigWith();
    await employ(rig, 40);
    rig.people.set(crowd(40).slice(3));
    const plan = await planned(rig);
    expect(names(plan.changes)).toEqual(['E1', 'E2', 'E3']);
    rig.configure({ leaverRules: { graceMs: { missing: HOUR, inactive: HOUR, outOfScope: HOUR } } });
    const notDue = await carryOut(rig, plan);
    expect(notDue.left.map(({ why }) => why)).toEqual(
      Array(3).fill(expect.stringMatching(/^not due before /)),
    );
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    await rig.ledger.leavers.keep([await refOf(rig, 'E2')]);
    rig.people.set(crowd(40).slice(4));
    const result = await carryOut(rig, plan);
    expect(names(result.left)).toEqual(['E2']);
    expect(names(result.notInPlan)).toEqual(['E4']);
    expect(inOmni(rig).inactive).toEqual([1, 3]);
    expect(await stages(rig)).toEqual({});
  });

  it('takes nobody away where the guard would not, or the read was cut off', async () => {
    const rig = await rigWith();
    await employ(rig, 40);
    rig.configure({ leaverRules: { limit: { people: 5 } } });
    rig.people.set(crowd(40).slice(3));
    const plan = await planned(rig);
    rig.people.pages([crowd(40).slice(3)], true);
    expect((await carryOut(rig, plan)).left).toHaveLength(3);
    rig.people.set(crowd(40).slice(10));
    const { left } = await carryOut(rig, plan);
    expect(left[0]?.why).toMatch(/held: 10 people left/);
    expect(inOmni(rig).inactive).toEqual([]);
  });

  it('begins the graces that the plan showed, and no other', async () => {
    const rig = await rigWith();
    await employ(rig, 40);
    rig.configure({ leaverRules: { graceMs: { missing: HOUR, inactive: HOUR, outOfScope: HOUR } } });
    rig.people.set(crowd(40).slice(2));
    const plan = await planned(rig);
    rig.people.set(crowd(40).slice(3));
    const result = await carryOut(rig, plan);
    expect(result).toMatchObject({ planned: 0, inOmni: 0, notInPlan: [{ sourceId: 'E3' }] });
    expect(await stages(rig)).toEqual({ E1: 'grace', E2: 'grace' });
  });

  it('notices an account that changed meanwhile', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    const changed = [person(1, { name: 'New' }), ...crowd(3).slice(1)];
    rig.people.set(changed);
    const plan = await planned(rig);
    rig.people.set([person(1, { name: 'Between' }), ...crowd(3).slice(1)]);
    await round(rig);
    rig.calls();
    rig.people.set(changed);
    const result = await carryOut(rig, plan);
    expect(result.left).toMatchObject([
      { sourceId: 'E1', why: 'what is known of the account in Omni has changed' },
    ]);
    expect(rig.calls()).toEqual([]);
  });

  it('carries a plan of a first run out, and lists Omni anew after one that was only in part', async () => {
    const rig = await rigWith();
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.people.set(crowd(3));
    const plan = await planned(rig);
    rig.people.set(crowd(4));
    expect(await carryOut(rig, plan)).toMatchObject({ planned: 3, inOmni: 3 });
    expect(tally(rig.calls())).toEqual({ [LIST]: 1, [POST]: 2 });
    expect((await rig.ledger.begin()).cold).toBe(true);
    expect(tally((await round(rig)).calls)).toEqual({ [LIST]: 1, [POST]: 1 });
    expect((await round(rig)).calls).toEqual([]);
  });

  it('says who failed, and leaves them set aside', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([...crowd(2), person(3)]);
    const plan = await planned(rig);
    rig.sandbox.fault({ method: 'POST', times: 1, fault: { kind: 'status', status: 400 } });
    const result = await carryOut(rig, plan);
    expect(result).toMatchObject({ planned: 1, inOmni: 0, failed: [{ sourceId: 'E3' }] });
  });

  it('refuses a plan that was made for another Omni, directory or id', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    const plan = await planned(rig);
    const other = { ...plan, identity: { ...plan.identity, idExpression: 'mail' } };
    await expect(startPlanned(rig.parts(), other, new AbortController().signal)).rejects.toMatchObject({
      kind: 'config',
      code: 'plan.identity',
    });
  });
});
