import { describe, expect, it } from 'vitest';
import { createSparing } from '../../ops/sparing.ts';

describe('createSparing', () => {
  it('tells so many in a minute, and in the next how many it kept to itself', () => {
    const sparing = createSparing(2);
    const told = [0, 1, 2, 59_999].map((now) => sparing.next(now).tell);
    expect(told).toEqual([true, true, false, false]);
    expect(sparing.next(60_000)).toEqual({ tell: true, untold: 2 });
    expect(sparing.next(60_001)).toEqual({ tell: true, untold: 0 });
  });
});
