import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findStuck } from '../../plan/stuck.ts';

function stuck(waits: Record<string, string>, staying: readonly string[] = []): Record<string, string> {
  const moves = (sourceId: string) => !staying.includes(sourceId);
  return Object.fromEntries(findStuck(new Map(Object.entries(waits)), moves));
}

describe('findStuck', () => {
  it('lets a chain go whose end is free', () => {
    expect(stuck({ a: 'b', b: 'c' })).toEqual({});
    expect(stuck({ b: 'c', a: 'b' })).toEqual({});
  });

  it('finds two who swap', () => {
    expect(stuck({ a: 'b', b: 'a' })).toEqual({ a: 'circle', b: 'circle' });
  });

  it('finds who waits for a circle, from either end', () => {
    const found = { a: 'circle', b: 'circle', c: 'circle', d: 'circle' };
    expect(stuck({ d: 'c', c: 'a', a: 'b', b: 'a' })).toEqual(found);
    expect(stuck({ a: 'b', b: 'a', c: 'a', d: 'c' })).toEqual(found);
  });

  it('finds everyone behind somebody who stays', () => {
    expect(stuck({ a: 'b', b: 'c', x: 'y' }, ['c'])).toEqual({ a: 'kept', b: 'kept' });
  });

  it('leaves out who takes no address at all', () => {
    expect(stuck({ a: 'b' }, ['a'])).toEqual({});
  });

  it('agrees with following each one by itself', () => {
    const id = fc.constantFrom(...'abcdefgh');
    const waits = fc.uniqueArray(fc.tuple(id, id), { selector: ([claimant]) => claimant });
    fc.assert(
      fc.property(waits, fc.subarray([...'abcdefgh']), (pairs, staying) => {
        const found = stuck(Object.fromEntries(pairs), staying);
        for (const [start] of pairs.filter(([claimant]) => !staying.includes(claimant))) {
          expect(found[start]).toBe(followed(start, new Map(pairs), staying));
        }
      }),
    );
  });
});

/** Eight people: whoever is followed for longer goes round. */
function followed(
  start: string,
  waits: ReadonlyMap<string, string>,
  staying: readonly string[],
): string | undefined {
  let at: string | undefined = start;
  for (let steps = 0; steps < 20; steps++) {
    if (at === undefined) return undefined;
    if (staying.includes(at)) return 'kept';
    at = waits.get(at);
  }
  return 'circle';
}
