/** How long a queue has owed one of BullMQ's own loops an answer: the loop does not show itself. */
import type { Queue } from 'bullmq';

export interface Owed {
  /** The loop works no more on what it took. */
  answered(): void;
  /** Milliseconds by now; 0 while it works. */
  ms(isBusy: boolean): Promise<number>;
}

/** Watches a queue: a job that waits while nobody here works is one that the loop did not take. */
export function watchOwed(queue: Queue): Owed {
  let idleSince = performance.now();
  let waitingSince: number | undefined;
  return {
    answered() {
      idleSince = performance.now();
    },
    async ms(isBusy) {
      const waits = (await queue.getJobCountByTypes('waiting', 'prioritized')) > 0;
      waitingSince = waits ? (waitingSince ?? performance.now()) : undefined;
      if (isBusy || waitingSince === undefined) return 0;
      return performance.now() - Math.max(idleSince, waitingSince);
    },
  };
}
