/** Adding jobs: people to apply in bulk, one person ahead of the rest, a reconcile. */
import type { Queue } from 'bullmq';
import {
  type ApplyJob,
  applyJobOptions,
  PERSON_JOB,
  PRIORITY,
  type Queues,
  RECONCILE_JOB,
  type Urgency,
  VERIFY_JOB,
} from './queues.ts';

/** Jobs in one command: the plateau of throughput is 200 to 1000. */
const JOBS_AT_ONCE = 500;

export interface PersonToApply {
  readonly ref: string;
  /** How the queue page names it: the kind of change. */
  readonly kind: string;
  readonly urgency: Urgency;
}

/** Adds a job for each of these people who has none waiting. Not atomic: a part may be in when it throws. */
export async function addApplyJobs(queue: Queue<ApplyJob>, people: readonly PersonToApply[]): Promise<void> {
  for (let at = 0; at < people.length; at += JOBS_AT_ONCE) {
    await queue.addBulk(
      people.slice(at, at + JOBS_AT_ONCE).map(({ ref, kind, urgency }) => ({
        name: kind,
        data: { ref },
        opts: applyJobOptions(ref, urgency),
      })),
    );
  }
}

/** Puts one person ahead of everyone: adds the job, or raises and promotes the one that waits. */
export async function hastenPerson(
  queue: Queue<ApplyJob>,
  person: Omit<PersonToApply, 'urgency'>,
  urgency: 'hand' | 'planned' = 'hand',
): Promise<void> {
  await addApplyJobs(queue, [{ ...person, urgency }]);
  const id = await queue.getDeduplicationJobId(person.ref);
  const job = id === null ? undefined : await queue.getJob(id);
  if (job === undefined) return;
  if (await job.isDelayed()) await job.promote().catch(gone);
  await job.changePriority({ priority: PRIORITY[urgency] }).catch(gone);
}

/** Has every job tried now that waits until a time. */
export async function hastenDelayed(queue: Queue): Promise<void> {
  for (const job of await queue.getDelayed()) await job.promote().catch(gone);
}

/** The job was taken by a worker between the look and the raise: nothing is left to hasten. */
function gone(): void {}

/** Asks for a reconcile. */
export async function addReconcileJob(queues: Queues): Promise<void> {
  await queues.reconcile.add('reconcile', {}, RECONCILE_JOB);
}

/** Asks for a verify pass. */
export async function addVerifyJob(queues: Queues): Promise<void> {
  await queues.verify.add('verify', {}, VERIFY_JOB);
}

/** Asks for the people whom the ledger's asks name to be looked up. */
export async function addPersonJob(queues: Queues): Promise<void> {
  await queues.reconcile.add('person', {}, PERSON_JOB);
}
