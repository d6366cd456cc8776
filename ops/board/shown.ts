/** A job as the queue page shows it: what is named here, and nothing else. Personal data stays out even where a job has some. Pure. */
import type { QueueJobJson } from '@bull-board/api/typings/app';

const NAME = /^[a-z]{1,20}$/i;
const REF = /^[\w-]{1,64}$/;
/** Anything that could be one: a source may have addresses for ids. */
const ADDRESS = /[^\s"'`<>()[\]{},;:=/\\]+@[^\s"'`<>()[\]{},;:=/\\]+/g;

/** Leaves out of a job what nobody must see. */
export function shownJob(job: QueueJobJson): QueueJobJson {
  const { id, name, attemptsMade, timestamp, failedReason, stacktrace } = job;
  return {
    id,
    name: NAME.test(name) ? name : 'job',
    attemptsMade,
    timestamp,
    ...timesOf(job),
    ...countsOf(job),
    progress: 0,
    data: refOf(job.data),
    returnvalue: null,
    failedReason: shownText(failedReason ?? ''),
    stacktrace: (stacktrace ?? []).map(shownText),
    opts: shownOptions(job.opts),
  };
}

/** The ref of whom the job is about; nothing where it is about nobody. */
export function refOf(data: unknown): { readonly ref?: string } {
  if (typeof data !== 'object' || data === null || !('ref' in data)) return {};
  return typeof data.ref === 'string' && REF.test(data.ref) ? { ref: data.ref } : {};
}

/** Without addresses. */
export function shownText(text: string): string {
  return text.replace(ADDRESS, '[address]');
}

function timesOf({ processedOn, finishedOn, delay }: QueueJobJson) {
  return {
    ...(processedOn != null && { processedOn }),
    ...(finishedOn != null && { finishedOn }),
    ...(delay !== undefined && { delay }),
  };
}

function countsOf({ priority, attemptsStarted, stalledCounter }: QueueJobJson) {
  return {
    ...(priority !== undefined && { priority }),
    ...(attemptsStarted !== undefined && { attemptsStarted }),
    ...(stalledCounter !== undefined && { stalledCounter }),
  };
}

function shownOptions(opts: unknown): { readonly attempts?: number } {
  if (typeof opts !== 'object' || opts === null || !('attempts' in opts)) return {};
  return typeof opts.attempts === 'number' ? { attempts: opts.attempts } : {};
}
