/** Many who leave at once, reads that cannot be believed, and what an operator lets go. */
import { describe, expect, it } from 'vitest';
import { heldDigest } from '../../plan/held.ts';
import { crowd, person } from '../support/people.ts';
import { approve, aside, employ, expectLedgerRight, inOmni, rigsOfFile, round, stages } from './living.ts';
import { LIST, PATCH, POST, type Rig, tally } from './rig.ts';

const rigWith = rigsOfFile();
const LIMIT = { limit: { people: 5, percent: 2 } };
const LONG = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

/** A company of `count` people who were in Omni already, under the usual limit. */
async function company(count: number): Promise<Rig> {
  const rig = await rigWith();
  rig.sandbox.seed(
    crowd(count).map(({ email, name }) => ({ userName: String(email), displayName: String(name) })),
  );
  await employ(rig, count);
  rig.configure({ leaverRules: LIMIT });
  return rig;
}

const from = (first: number, count: number) => crowd(count).slice(first - 1);

describe('a read that cannot be believed', () => {
  it('takes nobody away where it was cut off, however long that goes on', async () => {
    const rig = await company(20);
    for (const pages of [[], [crowd(3)], [crowd(19)]]) {
      rig.people.pages(pages, true);
      expect(await round(rig)).toMatchObject({ calls: [], run: { complete: false, held: 0 } });
    }
    expect(await stages(rig)).toEqual({});
  });

  it('takes nobody away whose time had come, before the next whole one', async () => {
    const rig = await company(20);
    rig.configure({ leaverRules: LONG });
    rig.people.set(from(2, 20));
    await round(rig);
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    rig.people.pages([from(2, 20)], true);
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    rig.people.set(from(2, 20));
    expect((await round(rig)).calls).toEqual([PATCH]);
  });

  it('takes nobody away where a record has no id', async () => {
    const rig = await company(20);
    rig.people.set([...from(2, 20), person(99, { id: '' })]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { complete: false } });
  });

  it('is a bug of a directory that throws something else: nothing happens to anybody', async () => {
    const rig = await company(20);
    rig.people.set(crowd(3));
    rig.people.before = () => Promise.reject(new TypeError('a bug'));
    await expect(rig.reconcile()).rejects.toThrow(TypeError);
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(await stages(rig)).toEqual({});
  });

  it.each([
    ['an empty directory', () => []],
    ['30 % gone', () => from(31, 100)],
    ['the last page missing', () => crowd(50)],
    ['a scope that leaves everyone out', () => crowd(100, { region: 'nowhere' })],
    ['a status column that changed', () => crowd(100, { status: 'ACTIVE' })],
  ])('is held, and over when it is mended: %s', async (_, records) => {
    const rig = await company(100);
    rig.people.set(records());
    for (let again = 0; again < 3; again++) {
      const { calls, run } = await round(rig);
      expect(calls).toEqual([]);
      expect(run.held).toBe(run.leavers);
      expect(run.held).toBeGreaterThanOrEqual(30);
    }
    const [one] = await rig.ledger.leavers.all();
    expect(one?.reason).toMatch(/\d+ people left .* the limit is 5 in 24 hours \(of 100\)/);
    rig.people.set(crowd(100));
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
    expect(inOmni(rig).inactive).toEqual([]);
  });
});

describe('an id column that changed', () => {
  it('is held: nobody is taken away, created or moved, and no call is made', async () => {
    const rig = await company(40);
    const before = await rig.links();
    rig.people.set(crowd(40).map((record) => ({ ...record, id: `new-${record.id}` })));
    for (let again = 0; again < 2; again++) {
      const { calls, run } = await round(rig);
      expect(calls).toEqual([]);
      expect(run).toMatchObject({ held: 40, leavers: 0 });
      expect(run.changes).toMatchObject({ create: 0, relink: 0, deactivate: 0 });
    }
    expect(await rig.links()).toEqual(before);
    expect(await rig.ledger.outbox.size()).toBe(0);
    rig.people.set(crowd(40));
    expect((await round(rig)).calls).toEqual([]);
    await expectLedgerRight(rig);
  });

  it('is held where it comes in slices, too', async () => {
    const rig = await company(40);
    const renamed = (count: number) =>
      crowd(40).map((record, i) => (i < count ? { ...record, id: `new-${record.id}` } : record));
    rig.people.set(renamed(4));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 0, changes: { relink: 4 } } });
    rig.people.set(renamed(8));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 4, changes: { relink: 0 } } });
    expect((await rig.links()).filter(({ sourceId }) => sourceId.startsWith('new-'))).toHaveLength(4);
  });

  it('is not held a second time while the first jobs wait', async () => {
    const rig = await company(40);
    rig.people.set(crowd(40).map((record, i) => (i < 4 ? { ...record, id: `new-${record.id}` } : record)));
    await rig.reconcile();
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 0, changes: { relink: 4 } } });
    expect((await rig.links()).filter(({ sourceId }) => sourceId.startsWith('new-'))).toHaveLength(4);
    await expectLedgerRight(rig);
  });
});

describe('the guard', () => {
  it('counts over the last 24 hours, not by the run', async () => {
    const rig = await company(100);
    rig.people.set(from(4, 100));
    expect((await round(rig)).calls).toEqual([PATCH, PATCH, PATCH]);
    rig.people.set(from(7, 100));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 3 } });
    rig.people.set([person(4), ...from(7, 100)]);
    expect((await round(rig)).calls).toEqual([PATCH, PATCH]);
    expect(inOmni(rig).inactive).toEqual([1, 2, 3, 5, 6]);
  });

  it('looks again when they are due', async () => {
    const rig = await company(100);
    rig.configure({ leaverRules: { ...LONG, limit: { people: 50 } } });
    rig.people.set(from(11, 100));
    await round(rig);
    rig.configure({ leaverRules: { ...LIMIT, graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 10 } });
    expect((await rig.ledger.leavers.all()).every(({ heldBy }) => heldBy === 'due')).toBe(true);
  });

  it('lets joiners and movers go on meanwhile', async () => {
    const rig = await company(20);
    rig.people.set([person(18, { name: 'Renamed' }), person(19), person(20), person(21)]);
    const { calls, run } = await round(rig);
    expect(calls.sort()).toEqual([PATCH, POST]);
    expect(run).toMatchObject({ held: 17, changes: { create: 1, update: 1, deactivate: 0 } });
  });
});

describe('what an operator lets go', () => {
  it('is 3 of 500, and the rest is kept; a changed set has another digest', async () => {
    const rig = await company(1000);
    rig.people.set(from(501, 1000));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 500 } });
    const digest = heldDigest(await rig.ledger.leavers.all());
    await round(rig);
    expect(heldDigest(await rig.ledger.leavers.all())).toBe(digest);
    await approve(rig, 'E7', 'E8', 'E9');
    expect(heldDigest(await rig.ledger.leavers.all())).not.toBe(digest);
    expect((await round(rig)).calls).toEqual([PATCH, PATCH, PATCH]);
    expect(inOmni(rig).inactive).toEqual([7, 8, 9]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 497 } });
    await expectLedgerRight(rig);
  });

  it('is not let go with another cause than was shown', async () => {
    const rig = await company(20);
    rig.configure({ leaverRules: LONG });
    rig.people.set(from(11, 20));
    await round(rig);
    await approve(rig, 'E1', 'E2');
    await round(rig);
    expect(await stages(rig)).toMatchObject({ E1: 'approved', E2: 'approved', E3: 'held' });
    rig.people.set([person(1, { status: 'left' }), ...from(11, 20)]);
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(inOmni(rig).inactive).toEqual([2]);
    expect(await stages(rig)).toMatchObject({ E1: 'held' });
  });

  it('stays where the person comes back', async () => {
    const rig = await company(20);
    rig.configure({ leaverRules: LONG });
    rig.people.set(from(11, 20));
    await round(rig);
    await approve(rig, 'E1');
    rig.people.set([person(1), ...from(11, 20)]);
    await round(rig);
    rig.people.set(from(11, 20));
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toMatchObject({ E1: 'held' });
  });
});

describe('a ledger that was wiped', () => {
  const OUT = [person(1, { status: 'left' }), person(2, { region: 'nowhere' })];

  /** Six people in Omni, of whom two are out, and a ledger that knows nobody. */
  async function wiped(more: Parameters<typeof rigWith>[0] = {}): Promise<Rig> {
    const rig = await rigWith(more);
    await employ(rig, 6);
    await rig.redis.flushall();
    rig.people.set([...OUT, ...from(3, 6)]);
    return rig;
  }

  it('knows the accounts of who is out, and holds them until somebody has looked', async () => {
    const rig = await wiped();
    expect((await round(rig)).calls).toEqual([LIST]);
    for (let again = 0; again < 2; again++) {
      expect(await round(rig)).toMatchObject({ calls: [], run: { held: 2, leavers: 2 } });
    }
    expect((await rig.links()).map(({ unreviewed = false }) => unreviewed)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    // Nor does the way in which they are out make a difference.
    rig.people.set(from(3, 6));
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 2 } });
    await approve(rig, 'E2');
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(inOmni(rig).inactive).toEqual([2]);
    await expectLedgerRight(rig);
  });

  it('takes nobody away, nor makes anybody twice, whom the directory has no more', async () => {
    const rig = await wiped();
    rig.people.set(from(3, 6));
    expect((await round(rig)).calls).toEqual([LIST]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { held: 0, leavers: 0 } });
    expect(inOmni(rig).active).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('has looked at who was wanted in between', async () => {
    const rig = await wiped();
    await round(rig);
    rig.people.set(crowd(6));
    await round(rig);
    rig.people.set([...OUT, ...from(3, 6)]);
    expect((await round(rig)).calls).toEqual([PATCH, PATCH]);
  });

  it('keeps the protected among them, and does not guess whose account two records mean', async () => {
    const rig = await wiped({ mapping: { protect: ['E1'] } });
    rig.people.set([...OUT, person(9, { status: 'left', email: 'p2@acme.example' }), ...from(3, 6)]);
    await round(rig);
    await round(rig);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E1', 'E3', 'E4', 'E5', 'E6']);
    expect(await stages(rig)).toEqual({});
    expect(await aside(rig)).toEqual({});
  });

  it('forgets a grace that ran: it begins again', async () => {
    const rig = await wiped();
    rig.configure({ leaverRules: LONG });
    rig.people.set(from(2, 6));
    await round(rig);
    rig.people.set(from(3, 6));
    await round(rig);
    await rig.redis.flushall();
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    expect(tally((await round(rig)).calls)).toEqual({ [LIST]: 1 });
    expect((await round(rig)).calls).toEqual([]);
  });
});
