/** One person's job as it stands in the queue. */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ApplyJob } from './queues.ts';

export interface JobLook {
  readonly id: string;
  /** The kind of change. */
  readonly kind: string;
  /** As BullMQ calls it: `prioritized`, `delayed`, `active`, … */
  readonly state: string;
  /** 1 is most urgent. */
  readonly priority: number;
  /** Jobs before it; null where it does not stand in the line. */
  readonly ahead: number | null;
  /** Attempts made. */
  readonly attempts: number;
}

/** The job that waits for this person, or is being carried out; nothing where there is none. */
export async function jobOf(queue: Queue<ApplyJob>, redis: Redis, ref: string): Promise<JobLook | undefined> {
  const id = await queue.getDeduplicationJobId(ref);
  const job = id === null ? undefined : await queue.getJob(id);
  if (job?.id === undefined) return undefined;
  return {
    id: job.id,
    kind: job.name,
    state: await job.getState(),
    priority: job.priority,
    ahead: await redis.zrank(queue.toKey('prioritized'), job.id),
    attempts: job.attemptsMade,
  };
}
