/** Reads of changes: what they find, what they may not conclude, and from where the next one goes on. */
import { describe, expect, it } from 'vitest';
import { syncStatus } from '../../ops/status.ts';
import { crowd, person, type Told } from '../support/people.ts';
import { employ, expectLedgerRight, inOmni, rigsOfFile, round, stages } from './living.ts';
import { PATCH, POST, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const LONG = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

/** `count` people in Omni, whose directory tells who changed since. */
async function company(count: number, options: Parameters<typeof rigWith>[0] = {}): Promise<[Rig, Told]> {
  const rig = await rigWith(options);
  const told = rig.people.tell();
  await employ(rig, count);
  return [rig, told];
}

const changes = (rig: Rig) => round(rig, { changes: true });

async function rejected(rig: Rig): Promise<string[]> {
  return (await rig.ledger.rejections()).map(({ sourceId, code }) => `${sourceId} ${code}`).sort();
}

async function statusOf(rig: Rig) {
  const { ledger, budget, queues } = rig;
  return syncStatus({ name: 'acme', ledger, budget, queues }, undefined);
}

describe('a read of changes', () => {
  it('goes on from the watermark of the read before, and calls Omni for who changed', async () => {
    const [rig, told] = await company(4);
    told.changed([person(2, { name: 'Changed' }), person(3)]);
    const { calls, run } = await changes(rig);
    expect(calls).toEqual([PATCH]);
    expect(run).toMatchObject({ kind: 'changes', complete: true, ended: true, read: 2 });
    told.changed([person(2, { name: 'Changed' })]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(told.asked).toEqual(['w1', 'w2']);
    await expectLedgerRight(rig);
  });

  it('knows nobody as absent, and says that all is in step', async () => {
    const [rig, told] = await company(4);
    told.changed([person(9)]);
    const { run } = await changes(rig);
    expect(run).toMatchObject({ leavers: 0, inScope: 5, changes: { create: 1 } });
    told.changed([person(9)]);
    await changes(rig);
    expect(await stages(rig)).toEqual({});
    expect(await statusOf(rig)).toMatchObject({
      inStep: 5,
      waiting: 0,
      run: { kind: 'changes', complete: true, problem: null },
    });
  });

  it('says with an empty one how many are in step', async () => {
    const [rig] = await company(4);
    for (let again = 0; again < 12; again++) await changes(rig);
    expect(await statusOf(rig)).toMatchObject({ inStep: 4, run: { kind: 'changes', read: 0 } });
  });

  it.each([
    ['inactive', { status: 'left' }],
    ['out of scope', { region: 'nowhere' }],
  ])('begins the grace of who is %s, and a full read ends it', async (_, change) => {
    const [rig, told] = await company(4);
    told.changed([person(2, change)]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({ E2: 'grace' });
    expect((await changes(rig)).calls).toEqual([]);
    rig.people.set([person(2, change), person(1), person(3), person(4)]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(inOmni(rig)).toEqual({ active: [1, 3, 4], inactive: [2] });
  });

  it('forgets the grace of who is back', async () => {
    const [rig, told] = await company(4);
    rig.configure({ leaverRules: LONG });
    rig.people.set(crowd(4).slice(1));
    await round(rig);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    told.changed([person(2)]);
    await changes(rig);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    told.changed([person(1)]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
  });

  it('holds many who are inactive at once', async () => {
    const [rig, told] = await company(20);
    rig.configure({ leaverRules: { limit: { people: 5, percent: 2 } } });
    told.changed(crowd(6, { status: 'left' }));
    expect((await changes(rig)).run).toMatchObject({ held: 6, leavers: 6, complete: true });
    told.changed([]);
    expect((await changes(rig)).run).toMatchObject({ held: 6, leavers: 6 });
  });

  it('drops a desired state of somebody who is out of scope now', async () => {
    const [rig, told] = await company(2);
    told.changed([person(9)]);
    await rig.reconcile({ changes: true });
    told.changed([person(9, { region: 'nowhere' })]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(inOmni(rig).active).toEqual([1, 2]);
  });
});

describe('somebody whom the directory reports as gone', () => {
  it('begins the grace, and is taken away after a full read', async () => {
    const [rig, told] = await company(4);
    told.changed([], [{ id: 'E2' }, { id: 'a computer' }]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({ E2: 'grace' });
    expect(await rig.ledger.leavers.all()).toMatchObject([{ sourceId: 'E2', cause: 'missing' }]);
    rig.people.set([person(1), person(3), person(4)]);
    expect((await round(rig)).calls).toEqual([PATCH]);
  });

  it('stays where the full read still has them', async () => {
    const [rig, told] = await company(4);
    told.changed([], [{ id: 'E2' }]);
    await changes(rig);
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
  });

  it('is not guessed from fields that do not make the id', async () => {
    const [rig, told] = await company(4, { mapping: { id: 'status == "active" ? id : email' } });
    told.changed([], [{ id: 'E2' }, { email: 'E3' }, {}]);
    await changes(rig);
    expect(await stages(rig)).toEqual({});
  });

  it('is not created any more', async () => {
    const [rig, told] = await company(2);
    told.changed([person(9)]);
    await rig.reconcile({ changes: true });
    told.changed([], [{ id: 'E9' }]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(await statusOf(rig)).toMatchObject({ waiting: 0 });
  });

  it('leaves the account to who has the address now', async () => {
    const [rig, told] = await company(4);
    told.changed([person(9, { email: 'p2@acme.example' })], [{ id: 'E2' }]);
    expect((await changes(rig)).run.changes).toMatchObject({ relink: 1, create: 0 });
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E1', 'E3', 'E4', 'E9']);
  });

  it('is there where the same read has a record of them', async () => {
    const [rig, told] = await company(4);
    told.changed([person(2), person(3, { name: 'Changed' })], [{ id: 'E2' }, { id: 'E3' }]);
    await changes(rig);
    expect(await stages(rig)).toEqual({});
  });
});

describe('an address in a read of changes', () => {
  it('is not given to a second person while the first is not met', async () => {
    const [rig, told] = await company(4);
    const newcomer = person(9, { email: 'P2@acme.example' });
    told.changed([newcomer]);
    const { calls, run } = await changes(rig);
    expect(calls).toEqual([]);
    expect(run).toMatchObject({ complete: true, rejected: 1 });
    expect(run.problem).toBeUndefined();
    expect(await rejected(rig)).toEqual(['E9 record.twin-userName']);
    rig.people.set([person(1), newcomer, person(3), person(4)]);
    expect((await round(rig)).run).toMatchObject({ rejected: 0, changes: { relink: 1 } });
  });

  it('of two whom a full read rejected is given to neither, nor to a third', async () => {
    const [rig, told] = await company(2);
    const twins = [person(8, { email: 'one@acme.example' }), person(9, { email: 'ONE@acme.example' })];
    rig.people.set([...crowd(2), ...twins]);
    await round(rig);
    told.changed([person(8, { email: 'one@acme.example', name: 'Changed' })]);
    expect((await changes(rig)).calls).toEqual([]);
    told.changed([person(7, { email: 'one@acme.example' })]);
    expect((await changes(rig)).calls).toEqual([]);
    expect(await rejected(rig)).toEqual(['E7', 'E8', 'E9'].map((id) => `${id} record.twin-userName`));
  });

  it('that waits for somebody is not given to somebody else', async () => {
    const [rig, told] = await company(2);
    told.changed([person(9)]);
    await rig.reconcile({ changes: true });
    told.changed([person(8, { email: 'p9@acme.example' })]);
    expect((await changes(rig)).calls).toEqual([POST]);
    expect(await rejected(rig)).toEqual(['E8 record.twin-userName']);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E1', 'E2', 'E9']);
  });

  it('is waited for where its holder is about to be renamed', async () => {
    const [rig, told] = await company(2);
    told.changed([person(1, { email: 'new@acme.example' })]);
    await rig.reconcile({ changes: true });
    told.changed([person(2, { email: 'p1@acme.example' })]);
    const { run } = await changes(rig);
    expect(run).toMatchObject({ rejected: 0, changes: { rename: 1 } });
    expect((await rig.links()).map(({ userName }) => userName)).toEqual([
      'new@acme.example',
      'p1@acme.example',
    ]);
  });
});

describe('a record that was rejected', () => {
  it('stays so over reads of changes that do not meet it, and is forgotten once it is mended', async () => {
    const [rig, told] = await company(2);
    rig.people.set([...crowd(2), person(8, { email: 'none' }), person(9, { email: 'none' }), { name: 'x' }]);
    await round(rig);
    const before = await rejected(rig);
    expect(before).toHaveLength(3);
    told.changed([person(1, { name: 'Changed' }), { name: 'x' }]);
    expect((await changes(rig)).run).toMatchObject({ rejected: 3, complete: true });
    expect(await rejected(rig)).toEqual(before);
    told.changed([person(8)]);
    expect((await changes(rig)).calls).toEqual([POST]);
    expect((await rejected(rig)).filter((line) => line.startsWith('E8'))).toEqual([]);
    told.changed([person(8, { email: 'none' })]);
    expect((await changes(rig)).run).toMatchObject({ rejected: 3 });
    told.changed([person(8)]);
    expect((await changes(rig)).run).toMatchObject({ rejected: 2 });
  });

  it('for an id that two records had is not followed before a full read', async () => {
    const [rig, told] = await company(2);
    rig.people.set([...crowd(2), person(9), person(9, { email: 'other@acme.example' })]);
    await round(rig);
    told.changed([person(9)]);
    expect((await changes(rig)).calls).toEqual([]);
    told.changed([person(9, { status: 'left' })], [{ id: 'E9' }]);
    expect((await changes(rig)).run).toMatchObject({ rejected: 1 });
    rig.people.set([...crowd(2), person(9)]);
    expect((await round(rig)).calls).toEqual([POST]);
  });
});

describe('the watermark', () => {
  it('stands where a read was cut off', async () => {
    const [rig, told] = await company(2);
    told.changed([person(9)]);
    told.fails = 'cut';
    const { run, calls } = await changes(rig);
    expect(run).toMatchObject({ kind: 'changes', complete: false, problem: 'it was cut off', inScope: 3 });
    expect(calls).toEqual([POST]);
    told.fails = undefined;
    await changes(rig);
    expect(told.asked).toEqual(['w1', 'w1']);
    rig.people.pages([crowd(1)], true);
    await round(rig);
    await changes(rig);
    expect(told.asked.at(-1)).toBe('w2');
  });

  it.each(['reconcile.read', 'reconcile.outbox', 'reconcile.jobs'] as const)(
    'stands where the reconcile died at %s, and the next one does all of it',
    async (step) => {
      const [rig, told] = await company(2);
      told.changed([person(1, { name: 'Changed' }), person(9)]);
      rig.onStep = (at) => {
        if (at === step) throw new Error('died');
      };
      await expect(rig.reconcile({ changes: true })).rejects.toThrow('died');
      rig.onStep = () => undefined;
      const { calls } = await changes(rig);
      expect(told.asked).toEqual(['w1', 'w1']);
      expect(calls.sort()).toEqual([PATCH, POST]);
      await changes(rig);
      expect(told.asked.at(-1)).not.toBe('w1');
    },
  );

  it('is of no use after a changed mapping, scope, policy or directory', async () => {
    const [rig, told] = await company(2);
    const edits = [
      () => rig.configure({ mapping: { where: 'region != "elsewhere"' } }),
      () => rig.configure({ rules: { policy: 'upsert' } }),
      () => {
        told.basis = 'another filter';
      },
    ];
    for (const edit of edits) {
      edit();
      expect((await changes(rig)).run).toMatchObject({ kind: 'full', read: 2 });
      expect((await changes(rig)).run).toMatchObject({ kind: 'changes' });
    }
  });

  it('is of no use where the ledger was lost', async () => {
    const [rig] = await company(2);
    await rig.redis.flushall();
    expect((await changes(rig)).run).toMatchObject({ kind: 'full', inScope: 2 });
  });

  it('that the directory does not take makes the same run a full one', async () => {
    const [rig, told] = await company(2);
    told.fails = 'refused';
    rig.people.set(crowd(3));
    expect(await changes(rig)).toMatchObject({ run: { kind: 'full', complete: true }, calls: [POST] });
    told.fails = undefined;
    await changes(rig);
    expect(told.asked).toEqual(['w1', 'w2']);
  });

  it('is not needed where one of several asks wants everybody', async () => {
    const [rig, told] = await company(2);
    await rig.ledger.asks.add({ by: 'cron', full: false, changes: true });
    expect((await rig.reconcile()).kind).toBe('full');
    await rig.ledger.asks.add({ by: 'http', full: true, changes: true });
    expect((await rig.reconcile({ changes: true })).kind).toBe('full');
    expect(told.asked).toEqual([]);
  });

  it('is gone, and its directory says why, where the last full read brought none', async () => {
    const [rig, told] = await company(2);
    told.problem = 'this account may not ask for changes';
    await round(rig);
    expect(rig.troubles.map(({ message }) => message)).toEqual([told.problem]);
    expect((await changes(rig)).run.kind).toBe('full');
  });

  it('is not there for a directory that tells no changes', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    expect((await changes(rig)).run.kind).toBe('full');
  });
});
