/** When verify passes run: on a schedule of their own, one at a time over all replicas, and apart from the reconciles. */
import { addVerifyJob } from '../jobs/add.ts';
import { openVerifyWorker, type QueueOptions } from '../jobs/queues.ts';
import { schedule } from './schedule.ts';
import { type VerifyDeps, verify } from './verify.ts';

export interface VerifyingParts extends VerifyDeps {
  readonly schedule: { readonly timezone: string };
  /** Nothing where Omni is not to be compared. */
  readonly verifySchedule?: string | undefined;
  readonly queueOptions: QueueOptions;
}

/** Starts ticking, and runs the passes that any replica's ticks ask for. */
export function startVerifying(parts: VerifyingParts): { stop(): Promise<void> } {
  const { verifySchedule: expression, ledger, events } = parts;
  if (expression === undefined) return { stop: () => Promise.resolve() };
  const ending = new AbortController();
  const worker = openVerifyWorker(parts.queueOptions, async () => {
    await verify(parts, ending.signal).catch((error: unknown) => {
      // Broken off because the process ends: the next tick begins again.
      if (!ending.signal.aborted) throw error;
    });
  });
  worker.on('error', events.trouble);
  worker.on('failed', (_, error) => events.trouble(error));
  const ticking = schedule({
    expression,
    timezone: parts.schedule.timezone,
    onTick: async (slot) => {
      if (!(await ledger.claimTick('verify', slot))) return;
      await addVerifyJob(parts.queues).catch(async (error: unknown) => {
        await ledger.releaseTick('verify', slot);
        throw error;
      });
    },
    onTrouble: events.trouble,
  });
  return {
    async stop() {
      ending.abort();
      await ticking.stop();
      await worker.close();
    },
  };
}
