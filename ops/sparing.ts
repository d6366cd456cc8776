/** How much is told of what others can make happen at will: so many lines a minute, then how many there were. Pure. */

export interface Sparing {
  /** Whether to tell of one more now, and how many the minute before it were not told. */
  next(now: number): { readonly tell: boolean; readonly untold: number };
}

const MINUTE = 60_000;

/** Tells `most` in each minute; `now` is in milliseconds. */
export function createSparing(most: number): Sparing {
  let begun = Number.NEGATIVE_INFINITY;
  let seen = 0;
  return {
    next(now) {
      const isNew = now - begun >= MINUTE;
      const untold = isNew ? Math.max(0, seen - most) : 0;
      if (isNew) [begun, seen] = [now, 0];
      seen += 1;
      return { tell: seen <= most, untold };
    },
  };
}
