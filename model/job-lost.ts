/** The error of a process that has lost the person whom it was about to write: another one has them, or has carried them out. */
import { isSyncError, SyncError } from './errors.ts';

const JOB_LOST = 'job.lost';

/** What is thrown then; kind `unsafe`. */
export function jobLost(): SyncError {
  return new SyncError(
    'unsafe',
    JOB_LOST,
    'this process stood still, or did not reach Redis, for so long that another one has this person by now: it carries them out, and nothing more is sent here. Where this comes again, give the host more CPU, or look for what keeps Redis from answering',
  );
}

/** Whether another process has the job: nothing of it may be written any more. */
export function isJobLost(error: unknown): error is SyncError {
  return isSyncError(error, 'unsafe') && error.code === JOB_LOST;
}
