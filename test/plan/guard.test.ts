import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guardAllows, guardLimit } from '../../plan/guard.ts';

describe('guardLimit', () => {
  it.each([
    [{ percent: 2 }, 100, 2],
    [{ percent: 2 }, 101, 3],
    [{ percent: 1.1 }, 1000, 11],
    [{ percent: 50 }, 7, 3],
    [{ people: 5 }, 1000, 5],
    [{ people: 5 }, 9, 4],
    [{ percent: 2, people: 5 }, 100, 5],
    [{ percent: 2, people: 5 }, 1000, 20],
    [{}, 1000, 0],
    [{ people: 5 }, 1, 0],
    [{ people: 5 }, 0, 0],
  ])('of %j among %i linked people is %i', (limit, linked, allowed) => {
    expect(guardLimit(limit, linked)).toBe(allowed);
  });

  it('is never over half, and never a fraction', () => {
    const limits = fc.record(
      { percent: fc.double({ min: 0, max: 50, noNaN: true }), people: fc.nat() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(limits, fc.nat(), (limit, linked) => {
        const allowed = guardLimit(limit, linked);
        return Number.isInteger(allowed) && allowed >= 0 && allowed * 2 <= linked;
      }),
    );
  });
});

describe('guardAllows', () => {
  it.each([
    [{ candidates: 0, recent: 9 }, 5, true],
    [{ candidates: 5, recent: 0 }, 5, true],
    [{ candidates: 2, recent: 3 }, 5, true],
    [{ candidates: 3, recent: 3 }, 5, false],
    [{ candidates: 1, recent: 0 }, 0, false],
  ])('says of %j under a limit of %i: %s', (people, limit, allowed) => {
    expect(guardAllows(people, limit)).toBe(allowed);
  });
});
