import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addVerifyJob } from '../../jobs/add.ts';
import { createGate } from '../../worker/gate.ts';
import type { Loop } from '../../worker/job-loop.ts';
import { startVerifying } from '../../worker/verifying.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/service.ts';
import { createRig, type Rig } from './rig.ts';

const NAME = 'Ada Lovelace';

let server: TestRedis;
let rig: Rig;
let loop: Loop;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});
afterEach(async () => {
  await loop.stop();
  await rig.close();
  await server.client().flushall();
});

async function inStep(): Promise<void> {
  rig = await createRig({ server });
  rig.people.set([{ id: 'E1', email: 'ada@acme.example', name: NAME, status: 'active' }]);
  await rig.reconcile();
  await rig.drain();
  rig.calls();
}

const failed = () => rig.queues.verify.getFailedCount();

describe('startVerifying', () => {
  it('runs no pass while Redis may not be written to, and one when it may', async () => {
    await inStep();
    const gate = createGate();
    gate.set('drain');
    loop = startVerifying(rig.parts(), gate);
    await addVerifyJob(rig.queues);
    await until(async () => (await failed()) === 1);
    expect(rig.troubles).toMatchObject([{ code: 'redis.closed' }]);
    expect(rig.calls()).toEqual([]);
    gate.set('all');
    await addVerifyJob(rig.queues);
    await until(() => rig.passes.length === 1);
    expect(await loop.owedMs()).toBe(0);
  });

  it('breaks a pass off when Redis may not be written to any more', async () => {
    await inStep();
    const gate = createGate();
    const parts = rig.parts();
    const omni = { ...parts.omni, withBudget: () => ({ ...parts.omni, listUsers: hanging }) };
    let asked = false;
    async function* hanging(signal?: AbortSignal): AsyncGenerator<never> {
      asked = true;
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error(NAME))));
    }
    loop = startVerifying({ ...parts, omni }, gate);
    await addVerifyJob(rig.queues);
    await until(() => asked);
    gate.set('nothing');
    await until(async () => (await failed()) === 1);
    expect(rig.troubles).toMatchObject([{ code: 'redis.closed' }]);
  });

  it('keeps no text of a fault of ours with the job', async () => {
    await inStep();
    const parts = rig.parts();
    const drift = {
      ...parts.ledger.drift,
      all: () => Promise.reject(new RangeError(NAME)),
    };
    loop = startVerifying({ ...parts, ledger: { ...parts.ledger, drift } }, createGate());
    await addVerifyJob(rig.queues);
    await until(async () => (await failed()) === 1);
    const [job] = await rig.queues.verify.getFailed();
    expect(job?.failedReason).toContain('RangeError');
    expect(JSON.stringify([job?.failedReason, job?.stacktrace])).not.toContain(NAME);
  });
});
