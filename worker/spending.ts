/**
 * A budget as one job spends it: it begins with the turn that was claimed before the job was taken, and counts. The wait for a
 * turn may be long, an hour after a 429: what must hold of a request is looked at after it.
 */
import type { Budget, Turn } from '../model/budget.ts';
import { jobLost } from '../model/job-lost.ts';

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

/** Whether a request may still go out by this turn. */
export function isFresh({ grantedAt }: Turn): boolean {
  return performance.now() - grantedAt < GOOD_FOR_MS;
}

/**
 * `budget`, beginning with `first`, which is given up where it has grown old. `isOurs`: whether this process still has the job.
 * Its turns throw an error that `isJobLost` knows where it has not.
 */
export function spendFrom(budget: Budget, first: Turn | undefined, isOurs = async () => true): Spending {
  let spare = first;
  let count = 0;
  let spend = () => {};
  const spent = new Promise<void>((resolve) => {
    spend = resolve;
  });
  return {
    async turn(signal) {
      const held = spare && isFresh(spare) ? spare : undefined;
      spare = undefined;
      const turn = held ?? (await budget.turn(signal));
      spend();
      if (!(await isOurs())) throw jobLost();
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

/** `budget`, each turn of which is used only where `look` lets it: asked once the turn is there, before each request. */
export function lookingAgain(budget: Budget, look: () => Promise<void>): Budget {
  return {
    async turn(signal) {
      const turn = await budget.turn(signal);
      await look();
      return turn;
    },
  };
}
