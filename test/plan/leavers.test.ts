import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LeaverCause, Tombstone } from '../../model/leaver.ts';
import {
  begunAnew,
  decideLeavers,
  type LeaversDecision,
  type LeaversInput,
  type Unwelcome,
} from '../../plan/leavers.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;
const GRACE = { missing: 7 * DAY, inactive: HOUR, outOfScope: 3 * DAY };

function unwelcome(n: number, change: Partial<Unwelcome> = {}): Unwelcome {
  return {
    sourceId: `E${n}`,
    omniId: `account-${n}`,
    userName: `p${n}@acme.example`,
    cause: 'missing',
    ...change,
  };
}

function tombstone(n: number, change: Partial<Tombstone> = {}): Tombstone {
  const since = NOW - DAY;
  const { unseen: _, ...person } = unwelcome(n);
  return { ...person, since, due: since + GRACE.missing, stage: 'grace', ...change };
}

function decided(change: Partial<LeaversInput> = {}): LeaversDecision {
  return decideLeavers({
    now: NOW,
    endedAt: change.now ?? NOW,
    complete: true,
    unwelcome: [],
    back: new Set(),
    tombstones: [],
    graceMs: GRACE,
    limit: { people: 2 },
    linked: 100,
    relinks: 0,
    recent: { missing: 0, due: 0 },
    ...change,
  });
}

/** The one tombstone that comes of one remembered person who is still not wanted. */
function next(before: Partial<Tombstone>, change: Partial<LeaversInput> = {}, now: Partial<Unwelcome> = {}) {
  const { tombstones } = decided({
    tombstones: [tombstone(1, before)],
    unwelcome: [unwelcome(1, now)],
    ...change,
  });
  expect(tombstones).toHaveLength(1);
  return tombstones[0];
}

const DUE = { since: NOW - 7 * DAY, due: NOW };

describe('decideLeavers, somebody who was not remembered', () => {
  it('begins their grace, by the cause', () => {
    const { tombstones, passed } = decided({
      unwelcome: [unwelcome(1), unwelcome(2, { cause: 'inactive' })],
    });
    expect(tombstones).toEqual([
      { ...tombstone(1), since: NOW, due: NOW + 7 * DAY },
      { ...tombstone(2), cause: 'inactive', since: NOW, due: NOW + HOUR },
    ]);
    expect(passed).toEqual({ missing: ['E1', 'E2'], due: [] });
  });

  it('begins it when the read has ended: they may have left while it went on', () => {
    const endedAt = NOW + HOUR;
    const { tombstones } = decided({ unwelcome: [unwelcome(1)], endedAt });
    expect(tombstones).toMatchObject([{ since: endedAt, due: endedAt + 7 * DAY }]);
  });

  it('lets them go at once where there is no grace', () => {
    const graceMs = { ...GRACE, missing: 0 };
    const { tombstones } = decided({ unwelcome: [unwelcome(1)], endedAt: NOW + HOUR, graceMs });
    expect(tombstones).toMatchObject([{ stage: 'leaving' }]);
  });

  it('holds the whole set where it is beyond the limit, with the figures', () => {
    const { tombstones, passed } = decided({ unwelcome: [1, 2, 3].map((n) => unwelcome(n)) });
    expect(tombstones.map(({ stage, heldBy }) => [stage, heldBy])).toEqual(
      Array(3).fill(['held', 'missing']),
    );
    expect(tombstones[0]?.reason).toBe(
      '3 people left or changed their id at once, the limit is 2 in 24 hours (of 100)',
    );
    expect(passed.missing).toEqual([]);
  });

  it('counts those of the last 24 hours', () => {
    const recent = { missing: 2, due: 0 };
    expect(decided({ unwelcome: [unwelcome(1)], recent }).tombstones[0]?.stage).toBe('held');
  });

  it('holds for a review whose account was adopted so, though the guard has room', () => {
    const { tombstones, passed } = decided({ unwelcome: [unwelcome(1, { unseen: true })] });
    expect(tombstones).toMatchObject([{ stage: 'held', heldBy: 'review' }]);
    expect(tombstones[0]).not.toHaveProperty('unseen');
    expect(passed.missing).toEqual([]);
  });

  it('is at once due with no grace at all, after a complete read alone', () => {
    const graceMs = { missing: 0, inactive: 0, outOfScope: 0 };
    const gone = { unwelcome: [unwelcome(1, { cause: 'inactive' })], graceMs };
    expect(decided(gone).tombstones[0]?.stage).toBe('leaving');
    expect(decided({ ...gone, complete: false }).tombstones[0]?.stage).toBe('grace');
  });
});

describe('decideLeavers, somebody who is remembered and back', () => {
  it.each(['grace', 'held', 'approved', 'leaving'] as const)('forgets who was in %s', (stage) => {
    const about = { tombstones: [tombstone(1, { stage, ...DUE })], back: new Set(['E1']) };
    for (const complete of [true, false]) {
      expect(decided({ ...about, complete })).toMatchObject({ tombstones: [], forgotten: ['E1'] });
    }
  });

  it('begins afresh when they leave again', () => {
    const again = decided({ unwelcome: [unwelcome(1)] });
    expect(again.tombstones[0]?.since).toBe(NOW);
  });
});

describe('decideLeavers, somebody who is remembered and still not wanted', () => {
  it('waits while the grace runs', () => {
    expect(next({})).toEqual(tombstone(1));
  });

  it('takes the cause and its grace as they are now, since when it was', () => {
    expect(next({}, { complete: false }, { cause: 'outOfScope' })).toEqual({
      ...tombstone(1),
      cause: 'outOfScope',
      due: NOW - DAY + 3 * DAY,
    });
  });

  it('leaves once the grace has passed', () => {
    const about = { tombstones: [tombstone(1, DUE)], unwelcome: [unwelcome(1)] };
    expect(decided(about)).toMatchObject({ tombstones: [{ stage: 'leaving' }], passed: { due: ['E1'] } });
    expect(next({ ...DUE, since: DUE.since + 1 })?.stage).toBe('grace');
  });

  it('does not leave after an incomplete read', () => {
    expect(next(DUE, { complete: false })?.stage).toBe('grace');
    expect(next({ ...DUE, stage: 'approved' }, { complete: false })?.stage).toBe('approved');
  });

  it('is kept as it was where an incomplete read did not meet them', () => {
    const remembered = [tombstone(1, DUE), tombstone(2, { stage: 'leaving' })];
    expect(decided({ tombstones: remembered, complete: false }).tombstones).toEqual(remembered);
  });

  it('is held at the second look where too many are due at once', () => {
    const people = [1, 2, 3];
    const { tombstones, passed } = decided({
      tombstones: people.map((n) => tombstone(n, DUE)),
      unwelcome: people.map((n) => unwelcome(n)),
    });
    expect(tombstones.map(({ heldBy }) => heldBy)).toEqual(['due', 'due', 'due']);
    expect(tombstones[0]?.reason).toBe('the time of 3 people has come at once, the limit is 2 in 24 hours');
    expect(passed.due).toEqual([]);
  });

  it('leaves from the second look once they fit, and blocks no newcomer meanwhile', () => {
    const held = tombstone(1, { ...DUE, stage: 'held', heldBy: 'due', reason: 'too many' });
    const blocked = decided({
      tombstones: [held],
      unwelcome: [unwelcome(1), unwelcome(2), unwelcome(3)],
      recent: { missing: 0, due: 2 },
    });
    expect(blocked.tombstones.map(({ stage }) => stage)).toEqual(['held', 'grace', 'grace']);
    expect(decided({ tombstones: [held], unwelcome: [unwelcome(1)] }).tombstones).toEqual([
      tombstone(1, { ...DUE, stage: 'leaving' }),
    ]);
    expect(next({ ...held }, { complete: false })).toEqual(held);
  });

  it('goes from held into grace once the held set fits', () => {
    const held = { stage: 'held', heldBy: 'missing', reason: 'too many' } as const;
    const about = { tombstones: [tombstone(1, held), tombstone(2, held)], back: new Set(['E2']) };
    const { tombstones, passed } = decided({ ...about, unwelcome: [unwelcome(1)] });
    expect(tombstones).toEqual([tombstone(1)]);
    expect(passed.missing).toEqual(['E1']);
  });

  it('holds with it who leaves while a set is held, though they alone would fit', () => {
    const held = { stage: 'held', heldBy: 'missing', reason: 'too many' } as const;
    const before = [1, 2, 3].map((n) => tombstone(n, held));
    const { tombstones, passed } = decided({
      tombstones: before,
      unwelcome: [1, 2, 3, 4].map((n) => unwelcome(n)),
    });
    expect(tombstones.map(({ heldBy }) => heldBy)).toEqual(Array(4).fill('missing'));
    expect(passed.missing).toEqual([]);
    const looked = before.map((one) => tombstone(Number(one.sourceId.slice(1)), { stage: 'approved' }));
    const after = decided({ tombstones: looked, unwelcome: [1, 2, 3, 4].map((n) => unwelcome(n)) });
    expect(after.tombstones.map(({ stage }) => stage)).toEqual([...Array(3).fill('approved'), 'grace']);
  });

  it('stays held for a review whatever the guard says', () => {
    const held = { stage: 'held', heldBy: 'review', reason: 'look', ...DUE } as const;
    expect(next(held, {}, { unseen: true })).toEqual(tombstone(1, held));
  });

  it('leaves when approved and due, without the guard', () => {
    const { tombstones, passed } = decided({
      tombstones: [1, 2, 3, 4].map((n) => tombstone(n, { ...DUE, stage: 'approved' })),
      unwelcome: [1, 2, 3, 4].map((n) => unwelcome(n)),
      recent: { missing: 2, due: 2 },
    });
    expect(tombstones.map(({ stage }) => stage)).toEqual(Array(4).fill('leaving'));
    // Nor do they use up what others may: an operator has looked at them.
    expect(passed.due).toEqual([]);
    expect(next({ stage: 'approved' })?.stage).toBe('approved');
  });

  it.each(['approved', 'leaving'] as const)(
    'is new again with another cause or account where it was %s',
    (stage) => {
      const full = { recent: { missing: 2, due: 0 } };
      const held = { stage: 'held', heldBy: 'missing', since: NOW - 7 * DAY };
      expect(next({ ...DUE, stage }, full, { cause: 'inactive' })).toMatchObject({
        ...held,
        cause: 'inactive',
      });
      expect(next({ ...DUE, stage }, full, { omniId: 'another' })).toMatchObject({
        ...held,
        omniId: 'another',
      });
      expect(next({ ...DUE, stage }, {}, { cause: 'inactive', unseen: true })).toMatchObject({
        heldBy: 'review',
      });
    },
  );

  it('stays leaving, and waits again where its grace has become longer', () => {
    expect(next({ ...DUE, stage: 'leaving' })?.stage).toBe('leaving');
    const graceMs = { ...GRACE, missing: 30 * DAY };
    expect(next({ ...DUE, stage: 'leaving' }, { graceMs })).toMatchObject({
      stage: 'grace',
      due: NOW + 23 * DAY,
    });
  });
});

describe('decideLeavers, changed ids', () => {
  it('lets a few pass', () => {
    expect(decided({ relinks: 2 }).relinksAllowed).toBe(true);
    expect(decided().relinksAllowed).toBe(true);
  });

  it('counts them together with the leavers, and holds both', () => {
    const { relinksAllowed, tombstones } = decided({ relinks: 2, unwelcome: [unwelcome(1)] });
    expect(relinksAllowed).toBe(false);
    expect(tombstones[0]?.heldBy).toBe('missing');
  });
});

/*
 * The model knows nothing of stages: it keeps what was read and approved, and says of everyone who is told to leave
 * whether that is right.
 */
interface Person {
  /** The time of the read that first missed them, since they were last wanted. */
  since?: number;
  cause?: LeaverCause;
  unseen: boolean;
  /** Approved for this cause, since they were last wanted. */
  approved?: LeaverCause;
  leaving: boolean;
}

const IDS = ['E0', 'E1', 'E2', 'E3', 'E4', 'E5', 'E6', 'E7'];
const CAUSES: readonly LeaverCause[] = ['missing', 'inactive', 'outOfScope'];
const seen = fc.oneof(
  { weight: 4, arbitrary: fc.constant('wanted' as const) },
  { weight: 5, arbitrary: fc.constantFrom(...CAUSES) },
  { weight: 1, arbitrary: fc.constant('unmet' as const) },
);
const read = fc.record({
  kind: fc.constant('read' as const),
  afterHours: fc.nat({ max: 30 }),
  complete: fc.boolean(),
  people: fc.tuple(...IDS.map(() => seen)),
  relinks: fc.constantFrom(0, 0, 0, 1),
});
const approval = fc.record({ kind: fc.constant('approve' as const), people: fc.subarray(IDS) });
const story = fc.array(fc.oneof({ weight: 4, arbitrary: read }, { weight: 1, arbitrary: approval }), {
  maxLength: 25,
});

type Read = typeof read extends fc.Arbitrary<infer T> ? T : never;

interface World {
  now: number;
  tombstones: readonly Tombstone[];
  readonly people: Map<string, Person>;
  /** Who passed which look, when. */
  passed: { look: 'missing' | 'due'; id: string; at: number }[];
}

const ODD_GRACE = { missing: 20 * HOUR, inactive: 0, outOfScope: 5 * HOUR };
const LIMIT = 3;

function personOf(world: World, id: string): Person {
  const person = world.people.get(id) ?? { unseen: IDS.indexOf(id) >= 6, leaving: false };
  world.people.set(id, person);
  return person;
}

function recent(world: World, look: 'missing' | 'due'): Set<string> {
  const inWindow = world.passed.filter((pass) => pass.look === look && pass.at >= world.now - DAY);
  return new Set(inWindow.map(({ id }) => id));
}

/** What the model takes from a read: absence counts only where the read is complete. */
function note(world: World, id: string, state: Read['people'][number], complete: boolean): void {
  const person = personOf(world, id);
  const unmet = state === 'unmet' || (state === 'missing' && !complete);
  if (unmet && !complete) return;
  if (unmet || state === 'wanted') {
    world.people.set(id, { unseen: person.unseen, leaving: false });
    return;
  }
  const approved = person.approved === state ? { approved: person.approved } : {};
  const { unseen, leaving } = person;
  world.people.set(id, { unseen, since: person.since ?? world.now, cause: state, leaving, ...approved });
}

function follow(world: World, { afterHours, complete, people, relinks }: Read): void {
  world.now += afterHours * HOUR;
  const entries = IDS.map((id, i) => [id, people[i] ?? 'unmet'] as const);
  for (const [id, state] of entries) note(world, id, state, complete);
  const missed = entries.flatMap(([id, state]) =>
    state === 'wanted' || state === 'unmet' || (state === 'missing' && !complete)
      ? []
      : [{ id, cause: state }],
  );
  const out = missed.map(({ id, cause }) => {
    return { sourceId: id, omniId: id, userName: id, cause, unseen: personOf(world, id).unseen };
  });
  const back = entries.filter(([, state]) => state === 'wanted' || (state === 'unmet' && complete));
  const decision = decideLeavers({
    now: world.now,
    endedAt: world.now,
    complete,
    unwelcome: out,
    back: new Set(back.map(([id]) => id)),
    tombstones: world.tombstones,
    graceMs: ODD_GRACE,
    limit: { people: LIMIT },
    linked: 50,
    relinks,
    recent: { missing: recent(world, 'missing').size, due: recent(world, 'due').size },
  });
  judge(world, decision, complete);
  world.passed = world.passed.filter(({ look, id }) => look === 'due' || !decision.forgotten.includes(id));
  for (const id of decision.passed.missing) world.passed.push({ look: 'missing', id, at: world.now });
  for (const id of decision.passed.due) world.passed.push({ look: 'due', id, at: world.now });
  expect(recent(world, 'missing').size).toBeLessThanOrEqual(LIMIT);
  expect(recent(world, 'due').size).toBeLessThanOrEqual(LIMIT);
  world.tombstones = decision.tombstones;
}

function judge(world: World, decision: LeaversDecision, complete: boolean): void {
  const remembered = decision.tombstones.map(({ sourceId }) => sourceId);
  const expected = [...world.people].filter(([, { since }]) => since !== undefined).map(([id]) => id);
  expect(remembered.toSorted()).toEqual(expected.toSorted());
  for (const { sourceId, stage, since, cause } of decision.tombstones) {
    const person = personOf(world, sourceId);
    expect({ since, cause }).toEqual({ since: person.since, cause: person.cause });
    if (stage === 'leaving' && !person.leaving) judgeLeaving(sourceId, person, { world, decision, complete });
    person.leaving = stage === 'leaving';
  }
}

function judgeLeaving(
  id: string,
  person: Person,
  { world, decision, complete }: { world: World; decision: LeaversDecision; complete: boolean },
): void {
  expect(complete).toBe(true);
  expect(world.now - (person.since ?? Number.NaN)).toBeGreaterThanOrEqual(
    ODD_GRACE[person.cause ?? 'missing'],
  );
  const approved = person.approved === person.cause;
  if (!approved) expect(decision.passed.due).toContain(id);
  if (person.unseen) expect(approved).toBe(true);
}

/** As the ledger does: an approval makes a held one approved. */
function approve(world: World, ids: readonly string[]): void {
  world.tombstones = world.tombstones.map((one) => {
    if (one.stage !== 'held' || !ids.includes(one.sourceId)) return one;
    const person = personOf(world, one.sourceId);
    person.approved = one.cause;
    const { heldBy: _, reason: __, ...rest } = one;
    return { ...rest, stage: 'approved' };
  });
}

describe('decideLeavers, through any story of reads and approvals', () => {
  it('lets nobody leave early, unseen, after an incomplete read, or beyond the limit unless approved', () => {
    let left = 0;
    fc.assert(
      fc.property(story, (steps) => {
        const world: World = { now: NOW, tombstones: [], people: new Map(), passed: [] };
        for (const step of steps) {
          if (step.kind === 'read') follow(world, step);
          else approve(world, step.people);
        }
        left += [...world.people.values()].filter(({ leaving }) => leaving).length;
      }),
      { numRuns: 3_000 },
    );
    // The stories do come to people leaving.
    expect(left).toBeGreaterThan(500);
  });

  it('comes to the same when it is asked twice', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...CAUSES), { maxLength: 8 }), (causes) => {
        const out = causes.map((cause, n) => unwelcome(n, { cause }));
        const first = decided({ unwelcome: out });
        const recentNow = { missing: first.passed.missing.length, due: first.passed.due.length };
        const second = decided({ unwelcome: out, tombstones: first.tombstones, recent: recentNow });
        expect(second.tombstones).toEqual(first.tombstones);
        expect(second.passed).toEqual({ missing: [], due: [] });
      }),
    );
  });
});

describe('begunAnew', () => {
  const tombstones = [tombstone(1, DUE), tombstone(2, { ...DUE, stage: 'leaving' })];

  it('has everybody wait a whole grace, and what was let go pass the guard again', () => {
    const anew = begunAnew(tombstones, { graceMs: GRACE, endedAt: NOW });
    const unwelcomeNow = [unwelcome(1), unwelcome(2)];
    const within = (limit: number) =>
      decided({ tombstones: anew, unwelcome: unwelcomeNow, limit: { people: limit } }).tombstones;
    expect(within(2).map(({ stage, due }) => [stage, due])).toEqual([
      ['grace', NOW + GRACE.missing],
      ['grace', NOW + GRACE.missing],
    ]);
    expect(within(0).map(({ stage }) => stage)).toEqual(['grace', 'held']);
  });

  it('holds still whom nobody has looked at', () => {
    const held = tombstone(1, { stage: 'held', heldBy: 'review', reason: 'look' });
    const [anew] = begunAnew([held], { graceMs: GRACE, endedAt: NOW });
    expect(anew).toMatchObject({ stage: 'held', heldBy: 'review', reason: 'look', since: NOW });
  });
});
