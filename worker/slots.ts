/** Counts the slots of a schedule that pass without something happening, however unevenly they lie. In memory alone. */

export interface Slots {
  /** Looks again: `happened` says whether it has since the last look. `next`: the schedule's next slot, seen from now. */
  look(happened: boolean, next: Date | undefined): void;
  /** Slots that have passed since it last happened. */
  missed(): number;
  /** Milliseconds since then, or since the count began. */
  sinceMs(): number;
}

/** Begins a count. */
export function countSlots(): Slots {
  let due: number | undefined;
  let count = 0;
  let since = performance.now();
  return {
    look(happened, next) {
      if (happened) {
        count = 0;
        since = performance.now();
      } else if (due !== undefined && Date.now() >= due) count++;
      due = next?.getTime();
    },
    missed: () => count,
    sinceMs: () => performance.now() - since,
  };
}
