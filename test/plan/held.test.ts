import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tombstone } from '../../model/leaver.ts';
import { changesDigest, heldDigest } from '../../plan/held.ts';

function tombstone(n: number, change: Partial<Tombstone> = {}): Tombstone {
  return {
    sourceId: `E${n}`,
    omniId: `00000000-0000-4000-8000-00000000000${n}`,
    userName: `p${n}@acme.example`,
    cause: 'missing',
    since: 1000 + n,
    due: 2000 + n,
    stage: 'held',
    heldBy: 'missing',
    reason: '2 people left at once',
    ...change,
  };
}

const SET = [tombstone(1), tombstone(2), tombstone(3)];

describe('heldDigest', () => {
  it('is short, and the same for the same set in any order', () => {
    expect(heldDigest(SET)).toMatch(/^[\w-]{12}$/);
    fc.assert(
      fc.property(fc.shuffledSubarray(SET, { minLength: 3 }), (set) => heldDigest(set) === heldDigest(SET)),
    );
  });

  it.each<[string, readonly Tombstone[]]>([
    ['somebody more', [...SET, tombstone(4)]],
    ['somebody fewer', SET.slice(1)],
    ['somebody else', [tombstone(4), ...SET.slice(1)]],
    ['another account', [tombstone(1, { omniId: tombstone(9).omniId }), ...SET.slice(1)]],
    ['another cause', [tombstone(1, { cause: 'inactive' }), ...SET.slice(1)]],
    ['another leave', [tombstone(1, { since: 5 }), ...SET.slice(1)]],
    ['somebody let go already', [tombstone(1, { stage: 'approved' }), ...SET.slice(1)]],
  ])('is another one with %s', (_, set) => {
    expect(heldDigest(set)).not.toBe(heldDigest(SET));
  });

  it('does not depend on who waits or leaves beside', () => {
    const beside = (['grace', 'approved', 'leaving'] as const).map((stage, i) => tombstone(5 + i, { stage }));
    expect(heldDigest([...beside, ...SET])).toBe(heldDigest(SET));
  });

  it('does not depend on the words of the reason', () => {
    expect(heldDigest(SET.map((one) => ({ ...one, reason: 'other words' })))).toBe(heldDigest(SET));
  });

  it('tells apart ids that run into each other', () => {
    const pair = (a: string, b: string) => [tombstone(1, { sourceId: a }), tombstone(1, { sourceId: b })];
    expect(heldDigest(pair('a","b', 'c'))).not.toBe(heldDigest(pair('a', 'b","c')));
  });
});

describe('changesDigest', () => {
  const claim = { sourceId: 'E1', what: 'adopt', omniId: 'a1', userName: 'p1@acme.example' } as const;
  const moved = { ...claim, sourceId: 'E2', what: 'relink', from: 'E9' } as const;
  const digestOf = (...claims: readonly object[]) =>
    changesDigest(claims as Parameters<typeof changesDigest>[0]);

  it('is one for the same claims in any order, and another one where any of them differs', () => {
    expect(digestOf(claim, moved)).toBe(digestOf(moved, claim));
    const others = [[claim], [claim, { ...moved, from: 'E8' }], [{ ...claim, omniId: 'a2' }, moved], []];
    for (const other of others) expect(digestOf(...other)).not.toBe(digestOf(claim, moved));
  });
});
