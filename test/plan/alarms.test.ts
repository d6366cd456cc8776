import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Alarm } from '../../model/alarm.ts';
import { type AlarmFacts, alarmsOf, decideAlarms, type Told } from '../../plan/alarms.ts';

const WELL: AlarmFacts = {
  unready: [],
  held: { count: 0, digest: 'none' },
  setAside: [],
  run: { id: 'r1', ended: true, complete: true, read: 9, changes: false },
  refusedKeys: [],
  drifted: 0,
};

const AT = (at: number) => ({ ref: `r${at}`, code: 'omni.refused', at });

describe('alarmsOf', () => {
  it.each([
    ['nothing of a sync that works', {}, []],
    ['a halted target', { unready: ['halted'] }, ['halted']],
    [
      'each silence by itself',
      { unready: ['silence.worker', 'silence.read'] },
      ['silence.worker', 'silence.read'],
    ],
    ['what Redis does', { unready: ['redis.policy', 'redis.full'] }, ['redis.policy', 'redis.full']],
    ['nothing of a Redis that is away', { unready: ['redis.down'] }, []],
    ['held leavers', { held: { count: 3, digest: 'd' } }, ['held']],
    ['people set aside', { setAside: [AT(1)] }, ['quarantined']],
    ['drift', { drifted: 2 }, ['drift']],
    ['each refused key', { refusedKeys: ['a', 'b'] }, ['key.a', 'key.b']],
    ['an incomplete read', { run: { ...WELL.run, ended: false } }, ['incomplete']],
    ['a read that held nobody', { run: { ...WELL.run, read: 0 } }, ['hollow']],
    ['nothing of changes that are none', { run: { ...WELL.run, read: 0, changes: true } }, []],
    ['nothing before the first run', { run: undefined }, []],
  ] as const)('tells %s', (_, change, keys) => {
    expect(alarmsOf({ ...WELL, ...change } as AlarmFacts).map(({ key }) => key)).toEqual(keys);
  });

  it('names at most twenty people, by their refs', () => {
    const setAside = Array.from({ length: 30 }, (_, i) => AT(i));
    const [alarm] = alarmsOf({ ...WELL, setAside });
    expect(alarm?.facts).toMatchObject({ count: 30, codes: ['omni.refused'] });
    expect(alarm?.facts.refs).toHaveLength(20);
    expect(alarm?.cause).toBe(29);
  });
});

describe('decideAlarms', () => {
  const alarm = (key: string, cause: string | number = 'holds'): Alarm => ({
    event: 'held',
    key,
    cause,
    text: key,
    facts: {},
  });
  const told = (cause: string | number): Told => ({ event: 'held', cause, text: '' });

  it.each([
    ['what is new', [alarm('a')], [], ['a'], []],
    ['nothing twice', [alarm('a')], [['a', told('holds')]], [], []],
    ['another cause', [alarm('a', 'y')], [['a', told('x')]], ['a'], []],
    ['a larger number', [alarm('a', 5)], [['a', told(4)]], ['a'], []],
    ['nothing of a smaller number', [alarm('a', 3)], [['a', told(4)]], [], []],
    ['what is over', [], [['a', told('x')]], [], ['a']],
  ] as const)('tells %s', (_, standing, before, tell, resolve) => {
    const decision = decideAlarms(standing, new Map(before as never));
    expect(decision.tell.map(({ key }) => key)).toEqual(tell);
    expect(decision.resolve).toEqual(resolve);
  });

  it('has nothing to say once all of it was said', () => {
    const alarms = fc.uniqueArray(fc.record({ key: fc.string(), cause: fc.oneof(fc.string(), fc.nat()) }), {
      selector: ({ key }) => key,
    });
    fc.assert(
      fc.property(alarms, (causes) => {
        const standing = causes.map(({ key, cause }) => alarm(key, cause));
        const said = new Map(standing.map(({ key, cause }) => [key, told(cause)]));
        expect(decideAlarms(standing, said)).toEqual({ tell: [], resolve: [] });
      }),
    );
  });
});
