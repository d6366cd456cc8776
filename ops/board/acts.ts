/** The two things that may be done on the queue page, each an operation of a sync: recorded like the same act of a command. */
import { z } from 'zod';
import { HttpProblem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { BOARD } from './page.ts';
import { type BoardOptions, type BoardSync, boardName } from './queues.ts';
import { refOf } from './shown.ts';

const JOB = z.strictObject({ queueName: z.string(), jobId: z.string() });

/** The routes. */
export function boardActs({ measured }: BoardOptions): readonly Route[] {
  const act = (name: 'retry' | 'promote', summary: string, carryOut: (about: About) => Promise<void>) =>
    route({
      documented: false,
      method: 'PUT',
      path: `${BOARD}/api/queues/{queueName}/{jobId}/${name}`,
      scope: 'operate',
      summary,
      params: JOB,
      answers: {},
      async handle({ params, caller }) {
        await carryOut({ ...(await whoseJob(measured(), params)), actor: caller.name });
        return { status: 204, body: undefined };
      },
    });
  return [act('retry', 'Try a person again', retry), act('promote', 'One person now', promote)];
}

interface Found {
  readonly sync: BoardSync;
  readonly jobId: string;
  readonly ref: string;
}

interface About extends Found {
  readonly actor: string;
}

async function whoseJob(
  syncs: readonly BoardSync[],
  { queueName, jobId }: z.output<typeof JOB>,
): Promise<Found> {
  const sync = syncs.find(({ operations }) => boardName(operations.name, 'apply') === queueName);
  if (sync === undefined) throw new HttpProblem(405, { detail: 'Nothing is done to this queue here.' });
  const { ref } = refOf((await sync.queues.apply.getJob(jobId))?.data);
  if (ref === undefined) throw new HttpProblem(404, { detail: 'This job is no more.', code: 'http.job' });
  return { sync, jobId, ref };
}

/** The failed job was the record of a try: what is tried now has a job of its own. */
async function retry({ sync: { operations, queues }, jobId, ref, actor }: About): Promise<void> {
  const { done } = await operations.retry([ref], actor);
  if (done.length === 0) {
    const detail = 'The person of this job is not set aside any more: what became of them is in their story.';
    throw new HttpProblem(409, { detail, code: 'http.job' });
  }
  await queues.apply.remove(jobId);
}

/** A delayed job waits for a time that its worker keeps too: only the ask for the person ends that. */
async function promote({ sync: { operations }, ref, actor }: About): Promise<void> {
  await operations.resync({ user: ref, full: false }, actor);
}
