/** A budget as one job spends it: it begins with the turn that was claimed before the job was taken, and counts. */
import type { Budget, Turn } from '../model/budget.ts';

export interface Spending extends Budget {
  /** Turns handed out since this was last asked. */
  takeCount(): number;
  /** The turn it began with, where nobody wanted it. */
  unused(): Turn | undefined;
  /** Resolves once that turn is used. */
  readonly spent: Promise<void>;
}

/**
 * How long a turn is good for, in milliseconds: calls that come later than their slots by more than the budget spares could
 * crowd into one minute.
 */
const GOOD_FOR_MS = 250;

/** `budget`, beginning with `first`, which is given up where it has grown old. */
export function spendFrom(budget: Budget, first: Turn | undefined): Spending {
  const since = performance.now();
  let spare = first;
  let count = 0;
  let spend = () => {};
  const spent = new Promise<void>((resolve) => {
    spend = resolve;
  });
  return {
    async turn(signal) {
      const held = performance.now() - since < GOOD_FOR_MS ? spare : undefined;
      spare = undefined;
      const turn = held ?? (await budget.turn(signal));
      spend();
      count++;
      return turn;
    },
    takeCount() {
      const taken = count;
      count = 0;
      return taken;
    },
    unused: () => spare,
    spent,
  };
}
