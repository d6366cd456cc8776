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

/** `budget`, beginning with `first`. */
export function spendFrom(budget: Budget, first: Turn | undefined): Spending {
  let spare = first;
  let count = 0;
  let spend = () => {};
  const spent = new Promise<void>((resolve) => {
    spend = resolve;
  });
  return {
    async turn(signal) {
      const turn = spare ?? (await budget.turn(signal));
      spare = undefined;
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
