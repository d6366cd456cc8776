/**
 * The apply queue for who carries out a plan: gives the jobs of its people alone, whoever else waits there. One at a time is
 * raised above all others, so that what is urgent for a service beside it hardly waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { hastenPerson } from '../jobs/add.ts';
import type { ApplyJob } from '../jobs/queues.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { JobSource } from './dispatch.ts';

/** Between two looks of somebody who has nothing to do, in milliseconds. */
const IDLE_MS = 200;

export interface PlannedJobs extends JobSource {
  /** Refs of those who are not in Omni yet, and not set aside. */
  readonly pending: ReadonlySet<string>;
}

export interface PlannedJobsParts {
  readonly ledger: Pick<Ledger, 'outbox' | 'quarantine' | 'now'>;
  readonly queue: Queue<ApplyJob>;
}

/** `worker`, for the jobs of these people. */
export function plannedJobs(
  worker: JobSource,
  refs: readonly string[],
  { ledger, queue }: PlannedJobsParts,
): PlannedJobs {
  const wanted = new Set(refs);
  const pending = new Set(refs);

  async function isHeadPlanned(): Promise<boolean> {
    const [head] = await queue.getPrioritized(0, 0);
    return head !== undefined && wanted.has(head.data.ref);
  }

  /** Whose turn can come now; strikes off who has nothing more to wait for. */
  async function nextPending(): Promise<string | undefined> {
    for (const ref of pending) {
      const row = await ledger.outbox.get(ref);
      const aside = row && (await ledger.quarantine.get(ref));
      const standing = aside?.version === row?.version ? aside : undefined;
      if (row === undefined || (standing !== undefined && standing.until !== 'time')) pending.delete(ref);
      else if (standing === undefined || standing.notBefore <= (await ledger.now())) return ref;
    }
    return undefined;
  }

  async function raiseNext(): Promise<boolean> {
    const ref = await nextPending();
    if (ref === undefined) return false;
    // Behind the others: another process may have this one in hand.
    pending.delete(ref);
    pending.add(ref);
    await hastenPerson(queue, { ref, kind: 'planned' }, 'planned');
    return isHeadPlanned();
  }

  return {
    pending,
    waitUntilReady: () => worker.waitUntilReady(),
    startStalledCheckTimer: () => worker.startStalledCheckTimer(),
    extendJobLocks: (...args) => worker.extendJobLocks(...args),
    async getNextJob(token, { block }) {
      const job =
        (await isHeadPlanned()) || (await raiseNext())
          ? await worker.getNextJob(token, { block: false })
          : undefined;
      if (job !== undefined && wanted.has(job.data.ref)) return job;
      // Somebody else has taken ours meanwhile: this one is not for us.
      if (job !== undefined) await job.moveToWait(token);
      if (block) await sleep(IDLE_MS);
      return undefined;
    },
  };
}
