/** The queues of every sync as Bull Board is handed them: under titles that say what waits there, and read-only where nothing may be done. */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { BullBoardQueues, QueueJob } from '@bull-board/api/typings/app';
import type { Queues } from '../../jobs/queues.ts';
import type { Operations } from '../operations.ts';
import { allows, type Scope } from '../tokens.ts';
import { refOf, shownJob } from './shown.ts';

/** A sync whose queues are shown. */
export interface BoardSync {
  readonly operations: Operations;
  readonly queues: Queues;
}

export interface BoardOptions {
  /** Those that run now. */
  readonly measured: () => readonly BoardSync[];
}

type Kind = 'apply' | 'reconcile' | 'verify';

interface Title {
  /** In the board's paths and its list, after the sync's name. */
  readonly path: string;
  readonly title: string;
  readonly description: string;
}

const TITLES: Readonly<Record<Kind, Title>> = {
  apply: {
    path: 'people',
    title: 'People to apply',
    description: 'One job for each person whose change waits to be sent to Omni.',
  },
  reconcile: {
    path: 'reconciles',
    title: 'Reconciles',
    description: 'Reads of the directory, and of single people, that somebody or the schedule asked for.',
  },
  verify: {
    path: 'verify-passes',
    title: 'Verify passes',
    description: 'Comparisons of Omni with what was last confirmed.',
  },
};
const KINDS = ['apply', 'reconcile', 'verify'] as const;

/** How the board names a queue. */
export function boardName(sync: string, kind: Kind): string {
  return `${sync}-${TITLES[kind].path}`;
}

/** The queues as somebody of this scope may deal with them. */
export function boardQueues(syncs: readonly BoardSync[], scope: Scope): BullBoardQueues {
  const shown = syncs.flatMap((sync) => KINDS.map((kind) => shownQueue(sync, kind, scope)));
  return new Map(shown.map((queue) => [queue.getName(), queue]));
}

function shownQueue({ operations: { name }, queues }: BoardSync, kind: Kind, scope: Scope): BullMQAdapter {
  const { title, description } = TITLES[kind];
  const adapter = new BullMQAdapter(queues[kind], {
    displayName: `${title} – ${name}`,
    description,
    // Who is stuck is tried again; that something is read or compared again is asked for, not tried.
    readOnlyMode: kind !== 'apply' || !allows(scope, 'operate'),
    externalJobUrl: ({ data }) => storyOf(name, data),
  });
  adapter.getName = () => boardName(name, kind);
  const { getJob, getJobs } = adapter;
  adapter.getJob = async (id) => shown(await getJob.call(adapter, id));
  adapter.getJobs = async (...asked) => (await getJobs.apply(adapter, asked)).map((job) => shown(job));
  // Nothing is logged to jobs.
  adapter.getJobLogs = async () => [];
  return adapter;
}

function shown<Job extends QueueJob | undefined>(job: Job): Job {
  if (job === undefined || job === null) return job;
  const whole = job.toJSON.bind(job);
  job.toJSON = () => shownJob(whole());
  return job;
}

/** Where the person's whole story is told. */
function storyOf(sync: string, data: unknown) {
  const { ref } = refOf(data);
  if (ref === undefined) return { href: '/' };
  return { displayText: 'Story', href: `/people?${new URLSearchParams({ sync, person: ref })}` };
}
