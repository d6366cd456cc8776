import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type Job, UnrecoverableError, type Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addApplyJobs, addReconcileJob, hastenPerson, type PersonToApply } from '../../jobs/add.ts';
import {
  type ApplyJob,
  openApplyWorker,
  openQueues,
  openReconcileWorker,
  PRIORITY,
  type QueueOptions,
  type Queues,
} from '../../jobs/queues.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let options: QueueOptions;
let queues: Queues;
let worker: Worker<ApplyJob>;

beforeAll(async () => {
  server = await startRedis();
  options = { redis: server.client(), prefix: '{omni-sync:acme}' };
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await options.redis.flushall();
  queues = openQueues(options, () => undefined);
  worker = openApplyWorker(options);
});
afterEach(async () => {
  await worker.close(true);
  await queues.close();
});

const person = (ref: string, change: Partial<PersonToApply> = {}): PersonToApply => {
  return { ref, kind: 'update', urgency: 'change', ...change };
};

interface Held {
  readonly job: Job<ApplyJob>;
  readonly token: string;
}

async function next(): Promise<Held | undefined> {
  const token = randomUUID();
  const job = await worker.getNextJob(token, { block: false });
  return job === undefined ? undefined : { job, token };
}

async function take(): Promise<Held> {
  const held = await next();
  if (held === undefined) throw new Error('no job waits');
  return held;
}

const done = ({ job, token }: Held) => job.moveToCompleted(null, token, false);
const fails = ({ job, token }: Held) => job.moveToFailed(new Error('later'), token, false);

/** The refs in the order in which they are given out. */
async function order(): Promise<string[]> {
  const refs: string[] = [];
  for (let held = await next(); held !== undefined; held = await next()) {
    refs.push(held.job.data.ref);
    await done(held);
  }
  return refs;
}

describe('addApplyJobs', () => {
  it('gives jobs out by urgency, and in order within one', async () => {
    await addApplyJobs(queues.apply, [
      person('bulk', { urgency: 'bulk' }),
      person('change-1'),
      person('create', { urgency: 'create' }),
      person('change-2'),
      person('due', { urgency: 'due' }),
      person('hand', { urgency: 'hand' }),
    ]);
    expect(await order()).toEqual(['hand', 'due', 'create', 'change-1', 'change-2', 'bulk']);
  });

  it('makes one job of a thousand adds of one person, and 1,200 of so many people', async () => {
    await addApplyJobs(
      queues.apply,
      Array.from({ length: 1_000 }, () => person('one')),
    );
    await addApplyJobs(
      queues.apply,
      Array.from({ length: 1_200 }, (_, n) => person(`p${n}`)),
    );
    expect(await queues.apply.getPrioritizedCount()).toBe(1_201);
  });

  it('keeps the thousand jobs that failed last, and no more', async () => {
    await addApplyJobs(
      queues.apply,
      Array.from({ length: 1_003 }, (_, n) => person(`p${n}`)),
    );
    for (let held = await next(); held !== undefined; held = await next())
      await held.job.moveToFailed(new UnrecoverableError('refused'), held.token, false);
    expect(await queues.apply.getFailedCount()).toBe(1_000);
    const failed = await queues.apply.getFailed(0, 2_000);
    expect(failed.map(({ data }) => data.ref)).not.toContain('p0');
  });

  it('keeps every key on the slot of the sync, and no more of a person than the ref', async () => {
    await addApplyJobs(queues.apply, [person('ref-1')]);
    const keys = await options.redis.keys('*');
    expect(keys.filter((key) => !key.startsWith('{omni-sync:acme}:'))).toEqual([]);
    const [job] = await queues.apply.getPrioritized();
    expect(job?.data).toEqual({ ref: 'ref-1' });
  });
});

describe('an apply job and the adds that come meanwhile', () => {
  it('runs once more after an add while it is active, however many adds there were', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    const held = await take();
    for (let n = 0; n < 5; n += 1) await addApplyJobs(queues.apply, [person('one')]);
    expect(await next()).toBeUndefined();
    await done(held);
    expect(await order()).toEqual(['one']);
  });

  it('runs once more after an add while it was active, where it failed for good', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    const held = await take();
    await addApplyJobs(queues.apply, [person('one')]);
    await held.job.moveToFailed(new UnrecoverableError('refused'), held.token, false);
    expect(await order()).toEqual(['one']);
  });

  it('is not doubled by an add while it waits in its retry delay, and keeps that delay', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    await fails(await take());
    const [delayed] = await queues.apply.getDelayed();
    await addApplyJobs(queues.apply, [person('one', { urgency: 'create' })]);
    expect(await queues.apply.getJobCounts('delayed', 'prioritized', 'waiting', 'active')).toEqual({
      delayed: 1,
      prioritized: 0,
      waiting: 0,
      active: 0,
    });
    const [still] = await queues.apply.getDelayed();
    expect(still?.id).toBe(delayed?.id);
    expect(still?.priority).toBe(PRIORITY.change);
    await still?.promote();
    expect(await order()).toEqual(['one']);
  });

  it('loses no add that came while it was active before its retry delay', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    const held = await take();
    await addApplyJobs(queues.apply, [person('one')]);
    await fails(held);
    const [delayed] = await queues.apply.getDelayed();
    await delayed?.promote();
    expect(await order()).toEqual(['one', 'one']);
  });

  it('is no hindrance to a later add once it is completed or failed', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    expect(await order()).toEqual(['one']);
    await addApplyJobs(queues.apply, [person('one')]);
    const held = await take();
    await held.job.moveToFailed(new UnrecoverableError('refused'), held.token, false);
    expect(await queues.apply.getFailedCount()).toBe(1);
    await addApplyJobs(queues.apply, [person('one')]);
    expect(await order()).toEqual(['one']);
  });

  it('is no hindrance either where the job itself is lost but not the mark of it', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    const [job] = await queues.apply.getPrioritized();
    await options.redis.del(`{omni-sync:acme}:apply:${job?.id}`, '{omni-sync:acme}:apply:prioritized');
    await addApplyJobs(queues.apply, [person('one')]);
    expect(await order()).toEqual(['one']);
  });

  it('is failed after its eighth attempt, each wait between half of the backoff and all of it', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    for (let attempt = 1; attempt < 8; attempt += 1) {
      await fails(await take());
      const [delayed] = await queues.apply.getDelayed();
      expect(delayed?.delay).toBeGreaterThanOrEqual(1_000 * 2 ** (attempt - 1));
      expect(delayed?.delay).toBeLessThanOrEqual(2_000 * 2 ** (attempt - 1));
      await delayed?.promote();
    }
    await fails(await take());
    expect(await queues.apply.getFailedCount()).toBe(1);
    expect(await next()).toBeUndefined();
  });

  it('spends no attempt when it is put back or put off, and comes back ahead of its kind', async () => {
    await addApplyJobs(queues.apply, [person('one'), person('two')]);
    const back = await take();
    await back.job.moveToWait(back.token);
    const again = await take();
    expect(again.job).toMatchObject({ id: back.job.id, attemptsMade: 0 });
    await again.job.moveToDelayed(Date.now() + 60_000, again.token);
    const [delayed] = await queues.apply.getDelayed();
    expect(delayed).toMatchObject({ id: back.job.id, attemptsMade: 0 });
    expect(await order()).toEqual(['two']);
  });
});

describe('hastenPerson', () => {
  it('adds whoever has no job, ahead of all', async () => {
    await addApplyJobs(queues.apply, [person('one', { urgency: 'due' })]);
    await hastenPerson(queues.apply, { ref: 'two', kind: 'retry' });
    expect(await order()).toEqual(['two', 'one']);
  });

  it('raises whoever waits in the backlog, without a second job', async () => {
    await addApplyJobs(queues.apply, [
      person('one', { urgency: 'create' }),
      person('two', { urgency: 'bulk' }),
    ]);
    await hastenPerson(queues.apply, { ref: 'two', kind: 'retry' });
    expect(await order()).toEqual(['two', 'one']);
  });

  it('promotes whoever waits in a retry delay, and raises them', async () => {
    await addApplyJobs(queues.apply, [person('two')]);
    await fails(await take());
    await addApplyJobs(queues.apply, [person('one', { urgency: 'due' })]);
    await hastenPerson(queues.apply, { ref: 'two', kind: 'retry' });
    expect(await queues.apply.getDelayedCount()).toBe(0);
    const held = await take();
    expect(held.job).toMatchObject({ data: { ref: 'two' }, priority: PRIORITY.hand, attemptsMade: 1 });
    await done(held);
    expect(await order()).toEqual(['one']);
  });

  it('has whoever is in work done once more, next', async () => {
    await addApplyJobs(queues.apply, [person('two'), person('one')]);
    const held = await take();
    await hastenPerson(queues.apply, { ref: 'two', kind: 'retry' });
    await done(held);
    expect(await order()).toEqual(['two', 'one']);
  });
});

describe('openApplyWorker', () => {
  it('has the job of a dead worker given out again within 15 s', async () => {
    await addApplyJobs(queues.apply, [person('one')]);
    const held = await take();
    // Its process is gone: nobody prolongs the lock.
    const started = performance.now();
    const heir = openApplyWorker(options);
    try {
      const stalled = once(heir, 'stalled');
      await heir.startStalledCheckTimer();
      expect((await stalled)[0]).toBe(held.job.id);
      const token = randomUUID();
      expect((await heir.getNextJob(token, { block: false }))?.id).toBe(held.job.id);
      expect(performance.now() - started).toBeLessThan(16_500);
    } finally {
      await heir.close(true);
    }
  });
});

describe('addReconcileJob', () => {
  it('makes one reconcile of many asks, and one more of those that come while it runs', async () => {
    let runs = 0;
    let begun = () => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let end = () => {};
    const ending = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (let n = 0; n < 10; n += 1) await addReconcileJob(queues);
    const reconciler = openReconcileWorker(options, async () => {
      runs += 1;
      begun();
      await ending;
    });
    try {
      await beginning;
      for (let n = 0; n < 10; n += 1) await addReconcileJob(queues);
      expect(runs).toBe(1);
      end();
      await expect.poll(() => runs).toBe(2);
      await expect.poll(() => queues.reconcile.getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0);
      expect(runs).toBe(2);
    } finally {
      await reconciler.close();
    }
  });

  it('is tried again where it breaks off, and an ask meanwhile makes no second one', async () => {
    let runs = 0;
    const reconciler = openReconcileWorker(options, async () => {
      runs += 1;
      if (runs === 1) throw new Error('broken off');
    });
    const failed = once(reconciler, 'failed');
    try {
      await addReconcileJob(queues);
      await failed;
      await addReconcileJob(queues);
      await expect.poll(() => queues.reconcile.getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0);
      expect(runs).toBe(2);
    } finally {
      await reconciler.close();
    }
  });
});

describe('openQueues', () => {
  it('tells what befalls the connection of either queue', async () => {
    const errors: Error[] = [];
    const told = openQueues(options, (error) => errors.push(error));
    const cut = new Error('the connection was cut');
    for (const queue of [told.apply, told.reconcile]) queue.emit('error', cut);
    expect(errors).toEqual([cut, cut]);
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const heard = new Promise<Error>((resolve) => {
      const lost = openQueues({ redis: own.client(), prefix: '{omni-sync:lost}' }, resolve);
      void lost.apply.waitUntilReady().then(() => own.kill());
    });
    expect(await heard).toBeInstanceOf(Error);
    await told.close();
  });
});
