import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApplyJob } from '../../jobs/queues.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { cliActor } from '../../worker/actor.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { operationsOf } from '../../worker/operations.ts';
import { spendFrom } from '../../worker/spending.ts';
import { crowd, person } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, LIST, PATCH, POST, type Rig, type RigOptions, tally } from './rig.ts';

let server: TestRedis;
let rigs: Rig[] = [];

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
  for (const rig of rigs.reverse()) await rig.close();
  rigs = [];
});

/** A sync that knows Omni, which has nobody in it, and to whom `count` people wait to be created. */
async function rigWith(count: number, options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = await createRig({ server, ...options });
  rigs.push(rig);
  await rig.reconcile();
  rig.people.set(crowd(count));
  await rig.reconcile();
  rig.calls();
  return rig;
}

const REGION = { attributes: { region: 'region' } };

/** The death of the process: nothing is written about it, and the job comes again. */
class Death extends Error {}

interface Handling {
  /** Parts of the ledger that do otherwise. */
  readonly ledger?: Partial<Ledger>;
  readonly signal?: AbortSignal;
  /** Whether this process still has the job. */
  readonly isOurs?: () => Promise<boolean>;
}

/** Takes the next job and handles it once. */
async function handleNext(rig: Rig, change: Handling = {}): Promise<Job<ApplyJob>> {
  const token = randomUUID();
  const job = await rig.worker.getNextJob(token, { block: false });
  if (job === undefined) throw new Error('no job waits');
  await handle(rig, { job, token }, change);
  return job;
}

async function handle(
  rig: Rig,
  held: { job: Job<ApplyJob>; token: string },
  change: Handling = {},
): Promise<void> {
  const { events, omni, budget } = rig;
  const { rules, leaving } = rig.deps();
  const ledger = { ...rig.ledger, ...change.ledger };
  const signal = change.signal ?? new AbortController().signal;
  await handleApplyJob(
    { ...held, spending: spendFrom(budget, undefined, change.isOurs) },
    { ledger, omni, rules, leaving, events, signal },
  );
}

/** Applies the next job and dies at `step`; then, as after the stalled check, the job comes again. */
async function dieAt(rig: Rig, step: string): Promise<void> {
  rig.onStep = (at) => {
    if (at === step) throw new Death();
  };
  const token = randomUUID();
  const job = await rig.worker.getNextJob(token, { block: false });
  if (job === undefined) throw new Error('no job waits');
  // What a dead process would have written about its own death is not written.
  const quarantine = { ...rig.ledger.quarantine, put: () => Promise.reject(new Death()) };
  await expect(handle(rig, { job, token }, { ledger: { quarantine } })).rejects.toThrow(Death);
  rig.onStep = () => undefined;
  rig.setbacks.length = 0;
  await job.moveToWait(token);
}

async function aside(rig: Rig) {
  return (await rig.ledger.quarantine.all()).map(({ sourceId, code, until }) => ({ sourceId, code, until }));
}

describe('handleApplyJob, a create that was broken off before the directory changed', () => {
  it('renames the account that it made under the old address', async () => {
    const rig = await rigWith(1);
    await dieAt(rig, 'apply.answered');
    const [before] = crowd(1);
    rig.people.set([{ ...before, email: 'renamed@acme.example' }]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.sandbox.state().users.map(({ userName }) => userName)).toEqual(['renamed@acme.example']);
    expect(await rig.links()).toMatchObject([{ provenance: 'created' }]);
  });

  it.each(['apply.intent', 'apply.answered'])(
    'has what is wanted now in the account that it made, also where its PATCH is broken off: %s',
    async (step) => {
      const rig = await rigWith(1, { mapping: REGION });
      await dieAt(rig, 'apply.answered');
      const [before] = crowd(1);
      rig.people.set([{ ...before, region: 'south' }]);
      await rig.reconcile();
      await dieAt(rig, step);
      await rig.drain();
      expect(rig.sandbox.state().users).toMatchObject([{ attributes: { region: 'south' } }]);
    },
  );

  it('knows the account that it made for somebody who is not wanted any more', async () => {
    const rig = await rigWith(1);
    await dieAt(rig, 'apply.answered');
    const [before] = crowd(1);
    rig.people.set([{ ...before, status: 'left' }]);
    await rig.reconcile();
    await rig.drain();
    expect(await rig.links()).toMatchObject([{ sourceId: 'E1', provenance: 'created', state: 'active' }]);
    expect((await rig.reconcile()).leavers).toBe(1);
  });

  it('takes no account for its own that somebody made after its POST was refused', async () => {
    const rig = await rigWith(1, { rules: { adopt: 'never' } });
    rig.sandbox.fault({ method: 'POST', times: 1, fault: { kind: 'status', status: 400 } });
    await rig.drain();
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'By Hand' }]);
    await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    await rig.reconcile();
    await rig.drain();
    expect(await rig.links()).toEqual([]);
    expect(await aside(rig)).toMatchObject([{ code: 'omni.exists' }]);
  });

  it('ends where Omni shows an account and denies it', async () => {
    const rig = await rigWith(1, { mapping: REGION });
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.sandbox.fault({ method: 'PATCH', fault: { kind: 'status', status: 404 } });
    await rig.drain();
    expect(rig.calls().length).toBeLessThan(6);
    expect(await aside(rig)).toMatchObject([{ code: 'omni.contradicts', until: 'change' }]);
  });
});

describe('handleApplyJob, an update that is broken off', () => {
  it.each(['apply.intent', 'apply.answered'])(
    'is not believed once the directory takes it back: %s, then again',
    async (step) => {
      const rig = await rigWith(1, { mapping: REGION });
      await rig.drain();
      const [before] = crowd(1);
      rig.people.set([{ ...before, region: 'south' }]);
      await rig.reconcile();
      await dieAt(rig, 'apply.answered');
      rig.people.set([{ ...before }]);
      await rig.reconcile();
      await dieAt(rig, step);
      await rig.drain();
      expect(rig.sandbox.state().users).toMatchObject([{ attributes: { region: 'north' } }]);
      rig.calls();
      await rig.reconcile();
      await rig.drain();
      expect(rig.calls()).toEqual([]);
    },
  );
});

describe('handleApplyJob, a create that is broken off', () => {
  it('sends nothing, and leaves no intent, where another process has carried it out since it was taken', async () => {
    const rig = await rigWith(1);
    const intend: Ledger['intend'] = async (ref, ...rest) => {
      const row = await rig.ledger.outbox.get(ref);
      if (row === undefined) throw new Error('nothing waits');
      const { sourceId, version } = row;
      await rig.ledger.commit({ ref, sourceId, version, effect: { kind: 'none' }, run: 'another', calls: 0 });
      return rig.ledger.intend(ref, ...rest);
    };
    const job = await handleNext(rig, { ledger: { intend } });
    expect(rig.calls()).toEqual([]);
    expect(rig.setbacks).toMatchObject([{ ref: job.data.ref, code: 'job.lost', consequence: 'requeue' }]);
    expect(await rig.ledger.intent(job.data.ref)).toBeUndefined();
  });

  it('sends nothing, and leaves job, row and intent as they are, where another process has the job by now', async () => {
    const rig = await rigWith(1);
    const job = await handleNext(rig, { isOurs: async () => false });
    expect(rig.calls()).toEqual([]);
    expect(rig.setbacks).toMatchObject([{ ref: job.data.ref, code: 'job.lost', consequence: 'requeue' }]);
    expect(await rig.ledger.quarantine.all()).toEqual([]);
    expect(await rig.ledger.outbox.size()).toBe(1);
    expect((await rig.ledger.intent(job.data.ref))?.posted).toHaveLength(1);
    expect(await job.getState()).toBe('active');
  });

  it('looks the person up after a death between the answer and the commit, and links what it made', async () => {
    const rig = await rigWith(1, { mapping: REGION });
    await dieAt(rig, 'apply.answered');
    expect(await rig.links()).toEqual([]);
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST]);
    expect(await rig.links()).toMatchObject([{ provenance: 'created', sourceId: 'E1' }]);
    expect(rig.sandbox.state().users).toMatchObject([{ attributes: { region: 'north' } }]);
  });

  it('looks first and posts once after a death before the call', async () => {
    const rig = await rigWith(1);
    await dieAt(rig, 'apply.intent');
    await rig.drain();
    expect(rig.calls()).toEqual([LIST, POST]);
    expect(await rig.links()).toHaveLength(1);
  });

  it('calls nobody again after a death behind the commit', async () => {
    const rig = await rigWith(1);
    await dieAt(rig, 'apply.committed');
    await rig.drain();
    expect(rig.calls()).toEqual([POST]);
    expect(await rig.links()).toHaveLength(1);
  });

  it.each(['never', 'always'] as const)(
    'is ours under adopt %s, also after a run that listed it',
    async (adopt) => {
      const rig = await rigWith(1, { rules: { adopt } });
      await dieAt(rig, 'apply.answered');
      await rig.redis.hdel(rig.keys.meta, 'warm');
      await rig.reconcile();
      await rig.drain();
      expect(await aside(rig)).toEqual([]);
      expect(await rig.links()).toMatchObject([{ provenance: 'created' }]);
      expect(rig.sandbox.state().users).toHaveLength(1);
    },
  );

  it('sends a newer desired state by PATCH to an account that an older one made', async () => {
    const rig = await rigWith(1);
    await dieAt(rig, 'apply.answered');
    rig.people.set([person(1, { name: 'Newer' })]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST, PATCH]);
    expect(rig.sandbox.state().users).toMatchObject([{ displayName: 'Newer' }]);
    expect(await rig.links()).toMatchObject([{ provenance: 'created' }]);
  });

  it('finds what Omni made where the answer was lost, and links it as created', async () => {
    const rig = await rigWith(1, { mapping: REGION });
    rig.sandbox.fault({ fault: { kind: 'dropAfterCommit' }, method: 'POST', times: 1 });
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST]);
    expect(await rig.links()).toMatchObject([{ provenance: 'created' }]);
    expect(rig.sandbox.state().users).toHaveLength(1);
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
  });

  it('waits and tries again where the answer was lost and nothing was made', async () => {
    const rig = await rigWith(1);
    rig.sandbox.fault({ fault: { kind: 'status', status: 500 }, method: 'POST', times: 1 });
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST]);
    expect(await aside(rig)).toMatchObject([{ until: 'time' }]);
    expect(await rig.queues.apply.getDelayedCount()).toBe(1);
    expect(await rig.links()).toEqual([]);
  });
});

describe('handleApplyJob, an account that is there', () => {
  it('adopts it after a 409', async () => {
    const rig = await rigWith(1, { mapping: REGION });
    rig.sandbox.seed([
      { userName: 'P1@ACME.example', displayName: 'Older', createdAt: '2020-01-01T00:00:00Z' },
    ]);
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST, PATCH]);
    expect(await rig.links()).toMatchObject([{ provenance: 'adopted' }]);
    expect(rig.sandbox.state().users).toMatchObject([
      { displayName: 'Person 1', attributes: { region: 'north' } },
    ]);
  });

  it('sets the person aside after a 409 where none is shown', async () => {
    const rig = await rigWith(1, { sandbox: { listInactive: false, revokedPost: 'conflict' } });
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Hidden', active: false }]);
    await rig.drain();
    expect(await aside(rig)).toEqual([{ sourceId: 'E1', code: 'omni.conflict-unseen', until: 'change' }]);
    await rig.drain();
    expect(rig.calls()).toEqual([POST, LIST]);
  });

  it('refuses one that another person of this sync has', async () => {
    const rig = await rigWith(1);
    await rig.drain();
    // Omni's own account of E1 gets the address of E2 by hand.
    const [link] = await rig.links();
    await rig.omni.updateUser(link?.omniId ?? '', { userName: 'p2@acme.example' });
    rig.people.set(crowd(2));
    await rig.reconcile();
    await rig.drain();
    expect(await aside(rig)).toEqual([{ sourceId: 'E2', code: 'omni.taken', until: 'change' }]);
    const { ref } = await rig.ledger.begin();
    const [setback] = await rig.ledger.quarantine.all();
    expect(setback?.message).toContain(`linked to the person ${ref('E1')}: `);
    expect(await rig.links()).toHaveLength(1);
  });

  it('waits for an address that its holder is about to give up', async () => {
    const rig = await rigWith(2);
    await rig.drain();
    rig.people.set([person(1, { email: 'p2@acme.example' }), person(2, { email: 'new@acme.example' })]);
    await rig.reconcile();
    await rig.drain();
    const busy = await rig.ledger.quarantine.all();
    for (const job of await rig.queues.apply.getDelayed()) await job.promote();
    await rig.ledger.quarantine.release(busy.map(({ ref }) => ref));
    await rig.drain();
    expect(await aside(rig)).toEqual([]);
    expect(rig.sandbox.state().users.map(({ userName }) => userName)).toEqual([
      'p2@acme.example',
      'new@acme.example',
    ]);
    expect(busy).toMatchObject([{ sourceId: 'E1', code: 'omni.address-busy', until: 'time' }]);
  });

  it('creates the person where the account that was listed is gone', async () => {
    const rig = await createRig({ server, mapping: REGION });
    rigs.push(rig);
    const [listed = ''] = rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.people.set(crowd(1));
    await rig.reconcile();
    await rig.omni.deleteUser(listed);
    rig.calls();
    await rig.drain();
    const calls = rig.calls();
    expect([calls[0], calls.at(-1)]).toEqual([PATCH, POST]);
    expect(await rig.links()).toMatchObject([{ provenance: 'created' }]);
  });
});

describe('handleApplyJob, what a failure leads to', () => {
  it('sets aside whom Omni refuses until the desired state changes, and harms nobody else', async () => {
    const rig = await rigWith(3);
    const body = { error: 'invalid' };
    rig.sandbox.fault({ fault: { kind: 'status', status: 400, body }, userName: 'p2@acme.example' });
    await rig.drain();
    expect(await aside(rig)).toEqual([{ sourceId: 'E2', code: 'omni.refused', until: 'change' }]);
    expect(await rig.links()).toHaveLength(2);
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    rig.sandbox.clearFaults();
    rig.people.set([...crowd(3, {}).filter(({ id }) => id !== 'E2'), person(2, { name: 'Mended' })]);
    await rig.reconcile();
    await rig.drain();
    expect(await aside(rig)).toEqual([]);
    expect(await rig.links()).toHaveLength(3);
  });

  it('blames the desired state that failed, not a newer one that came meanwhile', async () => {
    const rig = await rigWith(1);
    rig.sandbox.fault({ fault: { kind: 'status', status: 400 }, method: 'POST', times: 1 });
    rig.people.set([person(1, { name: 'Mended' })]);
    const intend: Ledger['intend'] = async (...args) => {
      await rig.reconcile();
      return rig.ledger.intend(...args);
    };
    await handleNext(rig, { ledger: { intend } });
    expect(rig.setbacks).toMatchObject([{ code: 'omni.refused' }]);
    await rig.drain();
    expect(rig.sandbox.state().users).toMatchObject([{ displayName: 'Mended' }]);
    expect(await aside(rig)).toEqual([]);
  });

  it.each([429, 401])('puts the job back unspent after a %i', async (status) => {
    const rig = await rigWith(1);
    rig.sandbox.fault({
      fault: { kind: 'status', status, headers: { 'retry-after': '1' } },
      method: 'POST',
      times: status === 429 ? 4 : 1,
    });
    await handleNext(rig);
    const [back] = await rig.queues.apply.getPrioritized();
    expect(back?.attemptsMade).toBe(0);
    expect(await aside(rig)).toEqual([]);
    expect(rig.setbacks).toMatchObject([{ consequence: 'requeue' }]);
    await rig.drain();
    expect(await rig.links()).toHaveLength(1);
  });

  it('waits by Redis’s clock after a fault, whoever takes the job earlier', async () => {
    const rig = await rigWith(1);
    rig.sandbox.fault({ fault: { kind: 'status', status: 500 }, method: 'POST', times: 1 });
    await rig.drain();
    rig.calls();
    const [waiting] = await rig.queues.apply.getDelayed();
    await waiting?.promote();
    expect(await rig.drain()).toBe(1);
    expect(rig.calls()).toEqual([]);
    expect(await rig.queues.apply.getDelayedCount()).toBe(1);
  });

  it('puts the job back, and sets nobody aside, where the process is being ended', async () => {
    const rig = await rigWith(1);
    const ending = new AbortController();
    rig.onStep = (step) => {
      if (step === 'apply.intent') ending.abort();
    };
    await handleNext(rig, { signal: ending.signal });
    expect(await aside(rig)).toEqual([]);
    rig.onStep = () => undefined;
    await rig.drain();
    expect(await rig.links()).toHaveLength(1);
  });

  it('sets nobody aside for a Redis that takes no writes', async () => {
    const rig = await rigWith(1);
    const intend = () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
    await handleNext(rig, { ledger: { intend } });
    expect(await aside(rig)).toEqual([{ sourceId: 'E1', code: 'redis.refuses', until: 'time' }]);
  });

  async function dieThreeTimes(rig: Rig): Promise<void> {
    for (let death = 1; death <= 3; death += 1) {
      const token = randomUUID();
      const job = await rig.worker.getNextJob(token, { block: false });
      if (job?.id === undefined) throw new Error('no job waits');
      await stall(rig, job.id);
    }
    await rig.drain();
  }

  it('ends as job.poison in quarantine where its worker died three times', async () => {
    const rig = await rigWith(1);
    await dieThreeTimes(rig);
    expect(rig.calls()).toEqual([]);
    expect(await aside(rig)).toEqual([{ sourceId: 'E1', code: 'job.poison', until: 'reconcile' }]);
    expect(await rig.ledger.outbox.size()).toBe(1);
    // The next reconcile gives a job that nobody died over.
    expect(await rig.queues.apply.getDelayedCount()).toBe(0);
    await rig.reconcile();
    await rig.drain();
    expect(await aside(rig)).toEqual([]);
    expect(await rig.links()).toHaveLength(1);
  });

  async function poisonedForGood(): Promise<Rig> {
    const rig = await rigWith(1);
    await dieThreeTimes(rig);
    await rig.reconcile();
    await dieThreeTimes(rig);
    return rig;
  }

  it('is set aside as job.poison for good where its workers died again after the next reconcile', async () => {
    const rig = await poisonedForGood();
    expect(await aside(rig)).toEqual([{ sourceId: 'E1', code: 'job.poison', until: 'change' }]);
    await rig.reconcile();
    expect(await rig.drain()).toBe(0);
    expect(rig.calls()).toEqual([]);
  });

  it('that was set aside as job.poison for good is done once an operator retries it', async () => {
    const rig = await poisonedForGood();
    await operationsOf(rig.parts()).retry(['E1'], cliActor());
    await rig.drain();
    expect(await aside(rig)).toEqual([]);
    expect(await rig.links()).toHaveLength(1);
  });

  it('that was set aside as job.poison for good begins afresh with another desired state', async () => {
    const rig = await poisonedForGood();
    rig.people.set([person(1, { name: 'Another Name' })]);
    await rig.reconcile();
    await dieThreeTimes(rig);
    expect(await aside(rig)).toEqual([{ sourceId: 'E1', code: 'job.poison', until: 'reconcile' }]);
  });

  it('does nothing for a job without a row, and completes it', async () => {
    const rig = await rigWith(1);
    await rig.redis.del(rig.keys.outbox);
    expect(await rig.drain()).toBe(1);
    expect(rig.calls()).toEqual([]);
    expect(await rig.queues.apply.getFailedCount()).toBe(0);
  });

  it('is done with nobody twice where two processes apply one person at once', async () => {
    const rig = await rigWith(1, { mapping: REGION });
    const token = randomUUID();
    const job = await rig.worker.getNextJob(token, { block: false });
    if (job === undefined) throw new Error('no job waits');
    const ends = await Promise.allSettled([handle(rig, { job, token }), handle(rig, { job, token })]);
    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    expect(rig.sandbox.state().users).toHaveLength(1);
    const [user] = rig.sandbox.state().users;
    expect(await rig.links()).toMatchObject([{ omniId: user?.id }]);
    expect(tally(rig.calls())[POST]).toBeGreaterThanOrEqual(1);
    expect(await rig.ledger.outbox.size()).toBe(0);
  });
});

/** As if the worker that has it had died ten seconds ago, and a stalled check had looked twice since. */
async function stall(rig: Rig, id: string): Promise<void> {
  const key = (name: string) => `${rig.queueOptions.prefix}:apply:${name}`;
  await rig.redis.del(key(`${id}:lock`), key('stalled-check'));
  const stalled = once(rig.worker, 'stalled');
  await rig.redis.sadd(key('stalled'), id);
  await rig.worker.startStalledCheckTimer();
  expect((await stalled)[0]).toBe(id);
}
