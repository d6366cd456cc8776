import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addApplyJobs, hastenPerson } from '../../jobs/add.ts';
import { type ApplyJob, openApplyWorker } from '../../jobs/queues.ts';
import { createBudget, type HostBudget } from '../../ledger/budget.ts';
import { isJobLost } from '../../model/job-lost.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { type Dispatcher, dispatch } from '../../worker/dispatch.ts';
import { crowd } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, POST, type Rig } from './rig.ts';

let server: TestRedis;
let ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  const client = server.client();
  await client.flushall();
  client.disconnect();
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A sync to whom `count` people wait to be created, and no worker yet. */
async function waiting(count: number): Promise<Rig> {
  const rig = await createRig({ server });
  ends.push(() => rig.close());
  await rig.reconcile();
  rig.people.set(crowd(count));
  await rig.reconcile();
  rig.calls();
  return rig;
}

/** A budget of one slot each `slotMs`. */
function budgetOf(rig: Rig, slotMs: number): HostBudget {
  const windowMs = 10 * slotMs;
  const host = `test-${slotMs}`;
  return createBudget({
    redis: rig.redis,
    host,
    keys: () => ['omni-sandbox-key'],
    requestsPerMinute: 10,
    windowMs,
  });
}

/** Starts dispatching as worker/sync.ts does; stopped after the test where it was not. */
function started(rig: Rig, budget: HostBudget, concurrency = 2): Dispatcher {
  const worker = openApplyWorker(rig.queueOptions);
  worker.on('error', rig.events.trouble);
  const { ledger, omni, events } = rig;
  const { rules, leaving } = rig.deps();
  const { signal } = new AbortController();
  const dispatcher = dispatch({
    worker,
    budget,
    concurrency,
    handle: (job, token, spending) =>
      handleApplyJob({ job, token, spending }, { ledger, omni, rules, leaving, events, signal }),
    onTrouble: events.trouble,
  });
  ends.push(async () => {
    await dispatcher.stop();
    await worker.close();
  });
  return dispatcher;
}

const posted = (rig: Rig) =>
  rig.sandbox
    .calls()
    .filter(({ method }) => method === 'POST')
    .map(({ userName }) => userName);

const used = async (budget: HostBudget) => (await budget.snapshot()).keys[0]?.used ?? 0;

describe('dispatch', () => {
  it('applies all that waits', async () => {
    const rig = await waiting(20);
    started(rig, rig.budget);
    await expect.poll(() => rig.ledger.outbox.size()).toBe(0);
    expect(await rig.links()).toHaveLength(20);
    expect(posted(rig)).toHaveLength(20);
    expect(rig.troubles).toEqual([]);
  });

  it('gives the very next slot to who is urgent, past a backlog', async () => {
    const rig = await waiting(12);
    const ref = (await rig.ledger.begin()).ref('E12');
    // No process is short of time for a whole slot.
    started(rig, budgetOf(rig, 1_500));
    await expect.poll(() => posted(rig).length, { interval: 10 }).toBe(2);
    await hastenPerson(rig.queues.apply, { ref, kind: 'create' });
    expect(posted(rig)).toHaveLength(2);
    await expect.poll(() => posted(rig).length, { interval: 10 }).toBe(3);
    expect(posted(rig)).toEqual(['p1@acme.example', 'p2@acme.example', 'p12@acme.example']);
  });

  it('keeps the pace of the budget, and spends no slot on jobs that need none', async () => {
    const rig = await waiting(4);
    const budget = budgetOf(rig, 200);
    const idle = Array.from({ length: 30 }, (_, n) => ({
      ref: `no-row-${n}`,
      kind: 'update',
      urgency: 'due' as const,
    }));
    await addApplyJobs(rig.queues.apply, idle);
    started(rig, budget);
    await expect.poll(() => rig.ledger.outbox.size(), { interval: 10 }).toBe(0);
    // One slot a call and one for a last look at the queue; another where a process stood still for longer than a turn is good for.
    expect(await used(budget)).toBeLessThan(15);
    const times = rig.sandbox.calls().flatMap(({ at, method }) => (method === 'POST' ? [at] : []));
    expect(times).toHaveLength(4);
    // Of all four, not of two: a process that is starved of time sends one of them late, and the next on time.
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
  });

  it('calls nobody and takes no slot while there is nothing to do', async () => {
    const rig = await waiting(0);
    const budget = budgetOf(rig, 50);
    started(rig, budget);
    await sleep(1_500);
    expect(await used(budget)).toBe(0);
    expect(rig.calls()).toEqual([]);
  });

  it('hands back the job for which it still waits for a slot', async () => {
    const rig = await waiting(3);
    const budget = budgetOf(rig, 60_000);
    await budget.turn();
    const dispatcher = started(rig, budget);
    await expect.poll(() => rig.queues.apply.getActiveCount(), { interval: 10 }).toBe(1);
    const begun = performance.now();
    await dispatcher.stop();
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(await rig.queues.apply.getActiveCount()).toBe(0);
    const jobs = await rig.queues.apply.getPrioritized();
    expect(jobs.map(({ attemptsMade }) => attemptsMade)).toEqual([0, 0, 0]);
    expect(await rig.redis.keys('*:lock')).toEqual([]);
    expect(rig.calls()).toEqual([]);
  });

  it('stops while it waits for a slot before it takes a job, and finishes what is under way', async () => {
    const rig = await waiting(3);
    rig.sandbox.fault({ fault: { kind: 'delayAfter', ms: 700 }, method: 'POST' });
    const dispatcher = started(rig, budgetOf(rig, 30_000));
    await expect.poll(() => posted(rig).length, { interval: 10 }).toBe(1);
    await dispatcher.stop();
    expect(await rig.links()).toHaveLength(1);
    expect(await rig.queues.apply.getJobCounts('active', 'prioritized')).toEqual({
      active: 0,
      prioritized: 2,
    });
  });

  it.each([
    ['lets nothing be sent for a job whose lock could not be prolonged', ['1']],
    ['goes on with a job whose lock was prolonged late', []],
  ] as const)('%s', async (_, lost) => {
    // The answer that brought the job has come after its lock ended.
    const job = { id: '1', stalledCounter: 0, processedOn: Date.now() - 60_000 } as Job<ApplyJob>;
    const jobs = [job];
    const source = {
      waitUntilReady: async () => undefined as never,
      startStalledCheckTimer: async () => undefined,
      extendJobLocks: async () => [...lost],
      getNextJob: async () => jobs.pop() ?? (await sleep(20, undefined)),
    };
    const turn = async () => ({
      apiKey: 'a key',
      grantedAt: performance.now(),
      settle: async () => undefined,
    });
    const outcome = new Promise<unknown>((resolve) => {
      const dispatcher = dispatch({
        worker: source,
        budget: { turn },
        concurrency: 1,
        handle: async (_job, _token, spending) => resolve(await spending.turn().catch((error) => error)),
        onTrouble: resolve,
      });
      ends.push(() => dispatcher.stop());
    });
    expect(isJobLost(await outcome)).toBe(lost.length > 0);
  });

  it('never has more jobs under way than it may', async () => {
    const rig = await waiting(8);
    rig.sandbox.fault({ fault: { kind: 'delay', ms: 600 }, method: 'POST' });
    let most = 0;
    let now = 0;
    rig.onStep = (step) => {
      if (step === 'apply.intent') most = Math.max(most, ++now);
      if (step === 'apply.answered') now -= 1;
    };
    started(rig, rig.budget, 3);
    await expect.poll(() => rig.ledger.outbox.size()).toBe(0);
    expect(most).toBe(3);
  });

  it('stops calling after three refusals of the key, keeps the queue, and goes on when told', async () => {
    const rig = await waiting(5);
    rig.sandbox.revokeKey('omni-sandbox-key');
    started(rig, rig.budget, 1);
    await expect.poll(async () => (await rig.budget.snapshot()).keys[0]?.refused).toBe(true);
    expect(rig.calls()).toHaveLength(3);
    expect(await rig.ledger.outbox.size()).toBe(5);
    expect(await rig.ledger.quarantine.all()).toEqual([]);
    rig.sandbox.addKey('omni-sandbox-key');
    await rig.budget.resume();
    await expect.poll(() => rig.ledger.outbox.size()).toBe(0);
    expect(rig.sandbox.state().users).toHaveLength(5);
    expect(await rig.links()).toHaveLength(5);
  });

  it('shares one queue with another process, and calls nobody twice', async () => {
    const rig = await waiting(30);
    started(rig, rig.budget);
    started(rig, rig.budget);
    await expect.poll(() => rig.ledger.outbox.size()).toBe(0);
    expect(rig.calls().filter((call) => call !== POST)).toEqual([]);
    expect(new Set(posted(rig)).size).toBe(30);
    expect(posted(rig)).toHaveLength(30);
  });

  it('goes on after Redis was killed and came back', async () => {
    const own = await startRedis();
    const rig = await createRig({ server: own });
    ends.push(() => own.stop());
    ends.push(() => rig.close());
    await rig.reconcile();
    rig.people.set(crowd(6));
    await rig.reconcile();
    started(rig, budgetOf(rig, 150));
    await expect.poll(() => posted(rig).length, { interval: 10 }).toBeGreaterThan(1);
    await own.kill();
    await own.start();
    await expect.poll(() => rig.links().then((links) => links.length)).toBe(6);
    expect(rig.sandbox.state().users).toHaveLength(6);
  });

  it('has a job that is carried out alone once a process died over it', async () => {
    const rig = await waiting(8);
    const suspect = { userName: 'p3@acme.example', fault: { kind: 'delay', ms: 600 } as const };
    rig.sandbox.fault({ method: 'POST', ...suspect });
    const jobs = await rig.queues.apply.getJobs(['prioritized']);
    const refs: string[] = [];
    for await (const rows of rig.ledger.outbox.rows())
      refs.push(...rows.filter(({ sourceId }) => sourceId === 'E3').map(({ ref }) => ref));
    const job = jobs.find(({ data }) => refs.includes(data.ref));
    await rig.redis.hset(rig.queues.apply.toKey(String(job?.id)), 'stc', 1);
    started(rig, rig.budget, 4);
    await expect.poll(() => rig.ledger.outbox.size()).toBe(0);
    const calls = rig.sandbox.calls().filter(({ method }) => method === 'POST');
    const alone = calls.find(({ userName }) => userName === suspect.userName);
    const from = alone?.at ?? 0;
    const to = from + (alone?.durationMs ?? 0);
    const beside = calls.filter(({ at, durationMs }) => at < to && at + (durationMs ?? 0) > from);
    expect(beside.map(({ userName }) => userName)).toEqual([suspect.userName]);
    expect(to - from).toBeGreaterThan(500);
  });
});
