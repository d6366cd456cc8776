/**
 * Takes apply jobs one at a time, a slot of the budget first: what is urgent takes the very next slot. An idle
 * dispatcher waits for a job first, so that nothing is spent while there is nothing to do.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import { type ApplyJob, LOCK_MS } from '../jobs/queues.ts';
import type { Budget, Turn } from '../model/budget.ts';
import { isSyncError } from '../model/errors.ts';
import { isFresh, type Spending, spendFrom } from './spending.ts';

/** A worker of the apply queue, as far as jobs are taken from it. */
export interface JobSource
  extends Pick<Worker<ApplyJob>, 'waitUntilReady' | 'startStalledCheckTimer' | 'extendJobLocks'> {
  getNextJob(token: string, options: { readonly block: boolean }): Promise<Job<ApplyJob> | undefined>;
}

export interface DispatchOptions {
  readonly worker: JobSource;
  readonly budget: Budget;
  /** Jobs under way at once. */
  readonly concurrency: number;
  /** Carries one job out and finishes it in the queue; throws for nothing but bugs of its own. */
  readonly handle: (job: Job<ApplyJob>, token: string, spending: Spending) => Promise<void>;
  readonly onTrouble: (error: Error) => void;
  /** Whether jobs may be taken now; always where left out. */
  readonly mayTake?: () => boolean;
}

export interface Dispatcher {
  /** Takes no more, and waits for what is under way. */
  stop(): Promise<void>;
  /** Takes no more, and waits for what is under way, but not for a queue that owes an answer. */
  abandon(): Promise<void>;
  /** How long the queue has owed it an answer by now, in milliseconds; an idle one answers each second. */
  owedMs(): number;
}

/** How long a halted target, or a Redis that is away, is left alone before the next look. */
const PAUSE_MS = 1_000;

/** A job that this process has. */
interface Taken {
  readonly job: Job<ApplyJob>;
  readonly token: string;
  /** When Redis last gave or prolonged its lock, at the earliest, as `performance.now()`. */
  readonly lock: { at: number };
}

interface Held extends Taken {
  readonly done: Promise<void>;
}

/** Starts taking jobs. */
export function dispatch(options: DispatchOptions): Dispatcher {
  const stopping = new AbortController();
  const held = new Map<string, Held>();
  const locks = setInterval(
    () => void extendLocks(options.worker, [...held.values()]).catch(options.onTrouble),
    LOCK_MS / 3,
  );
  const owed: Owed = { since: undefined };
  const looping = loop({ ...options, signal: stopping.signal, held, owed });
  const abandon = async () => {
    stopping.abort();
    await Promise.all([...held.values()].map(({ done }) => done));
    clearInterval(locks);
  };
  return {
    async stop() {
      stopping.abort();
      await looping;
      await abandon();
    },
    abandon,
    owedMs: () => (owed.since === undefined ? 0 : performance.now() - owed.since),
  };
}

/** Since when the queue owes an answer. */
interface Owed {
  since: number | undefined;
}

interface Taking extends DispatchOptions {
  readonly signal: AbortSignal;
  /** Every job that this process has, by token; their locks are prolonged. */
  readonly held: Map<string, Held>;
  readonly owed: Owed;
}

/** What the last step left: whether more jobs are likely, and a turn that nobody wanted. */
interface Left {
  readonly busy: boolean;
  readonly turn: Turn | undefined;
}

async function loop(taking: Taking): Promise<void> {
  await answered(taking, async () => {
    await taking.worker.waitUntilReady();
    await taking.worker.startStalledCheckTimer();
  });
  let left: Left = { busy: false, turn: undefined };
  while (!taking.signal.aborted) {
    try {
      if (taking.mayTake?.() !== false) left = await takeOne(taking, left);
      else left = await rest(taking);
    } catch (error) {
      left = { busy: false, turn: undefined };
      if (taking.signal.aborted) return;
      if (!isSyncError(error, 'unauthorized'))
        taking.onTrouble(error instanceof Error ? error : new Error(String(error)));
      await rest(taking);
    }
  }
}

async function rest({ signal }: Taking): Promise<Left> {
  await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  return { busy: false, turn: undefined };
}

/** Awaits something of the queue's, and notes for how long. */
async function answered<Answer>({ owed }: Taking, ask: () => Promise<Answer>): Promise<Answer> {
  owed.since = performance.now();
  try {
    return await ask();
  } finally {
    owed.since = undefined;
  }
}

async function takeOne(taking: Taking, left: Left): Promise<Left> {
  const { worker, budget, held, signal } = taking;
  let turn = left.turn && isFresh(left.turn) ? left.turn : undefined;
  if (held.size >= taking.concurrency) {
    turn = undefined;
    await Promise.race([...held.values()].map(({ done }) => done));
  }
  if (left.busy) turn ??= await budget.turn(signal);
  const token = randomUUID();
  const job = await answered(taking, () => worker.getNextJob(token, { block: !left.busy }));
  if (job === undefined) return { busy: false, turn: undefined };
  const one = { job, token, lock: { at: lockedAt(job) } };
  const suspect = job.stalledCounter > 0;
  if (suspect) await others(one, taking);
  turn ??= await turnFor(one, taking);
  const unused = await begin(one, turn, taking);
  if (suspect) await taking.held.get(token)?.done;
  return { busy: true, turn: unused };
}

/**
 * Waits until nothing else is under way. A job over which a process died is carried out alone: where the process dies
 * again, it is this one's doing, and nobody else's is counted against.
 */
async function others(one: Taken, { held }: Taking): Promise<void> {
  const before = [...held.values()].map(({ done }) => done);
  // Its lock is prolonged meanwhile.
  held.set(one.token, { ...one, done: Promise.resolve() });
  await Promise.all(before);
  held.delete(one.token);
}

/** A turn for a job in hand; a job that must not be done now goes back. */
async function turnFor(one: Taken, taking: Taking): Promise<Turn> {
  taking.held.set(one.token, { ...one, done: Promise.resolve() });
  try {
    return await taking.budget.turn(taking.signal);
  } catch (error) {
    await one.job.moveToWait(one.token).catch(taking.onTrouble);
    throw error;
  } finally {
    taking.held.delete(one.token);
  }
}

/** Starts a job. Returns once it is seen whether it needs its turn, which else serves the next: most that need none are over at once. */
function begin(one: Taken, turn: Turn, taking: Taking): Promise<Turn | undefined> {
  const { job, token, lock } = one;
  const isOurs = async () => {
    if (!isHeld(lock)) await extendLocks(taking.worker, [one]);
    return isHeld(lock);
  };
  const spending = spendFrom(taking.budget, turn, isOurs);
  const handled = taking.handle(job, token, spending).catch(taking.onTrouble);
  const done = handled.finally(() => taking.held.delete(token));
  taking.held.set(token, { ...one, done });
  return Promise.race([done.then(() => spending.unused()), spending.spent.then(() => undefined)]);
}

/** The lock was set at the time that this host's clock gave with the request for the job; its answer may have come late. */
function lockedAt({ processedOn }: Job<ApplyJob>): number {
  return performance.now() - Math.max(0, Date.now() - (processedOn ?? Date.now()));
}

function isHeld({ at }: Taken['lock']): boolean {
  return performance.now() - at < LOCK_MS;
}

async function extendLocks(worker: JobSource, held: readonly Taken[]): Promise<void> {
  const known = held.flatMap(({ job, token, lock }) =>
    job.id === undefined ? [] : [{ id: job.id, token, lock }],
  );
  if (known.length === 0) return;
  const at = performance.now();
  const lost = await worker.extendJobLocks(
    known.map(({ id }) => id),
    known.map(({ token }) => token),
    LOCK_MS,
  );
  for (const { id, lock } of known) if (!lost.includes(id)) lock.at = at;
}
