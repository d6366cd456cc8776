/** The error of a process that has lost the person whom it was about to write: another one has them, or has carried them out. */
import { isSyncError, SyncError } from './errors.ts';

const JOB_LOST = 'job.lost';

/** Thrown where another process has the job by now; kind `unsafe`. */
export function jobLost(): SyncError {
  return new SyncError(
    'unsafe',
    JOB_LOST,
    'this process stood still, or did not reach Redis, for so long that another one has this person by now: it carries them out, and nothing more is sent here. Where this comes again, give the host more CPU, or look for what keeps Redis from answering',
  );
}

/** Thrown where nothing waits for the person any more; kind `unsafe`. */
export function jobDone(): SyncError {
  return new SyncError(
    'unsafe',
    JOB_LOST,
    'nothing waits for this person in Redis any more: another process has carried them out, or what waited was lost with Redis. Nothing is sent here; what is left to do the next reconcile finds',
  );
}

/** Whether the job is not this process’s any more: nothing of it may be written. */
export function isJobLost(error: unknown): error is SyncError {
  return isSyncError(error, 'unsafe') && error.code === JOB_LOST;
}
