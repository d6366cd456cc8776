/** A desired state that was worked out under another configuration than the worker's. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { reconcile } from '../../worker/reconcile.ts';
import { spendFrom } from '../../worker/spending.ts';
import { crowd } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, POST, type Rig } from './rig.ts';

let server: TestRedis;
let rig: Rig;

beforeAll(async () => {
  server = await startRedis();
  rig = await createRig({ server });
  await rig.reconcile();
});
afterAll(async () => {
  await rig.close();
  await server.stop();
});

async function reconcileUnder(stamp: string): Promise<void> {
  await rig.ledger.asks.add({ by: 'test', full: false });
  await reconcile({ ...rig.deps(), stamp }, { signal: new AbortController().signal, last: false });
}

async function applyUnder(stamp: string): Promise<void> {
  const token = randomUUID();
  const job = await rig.worker.getNextJob(token, { block: false });
  if (job === undefined) throw new Error('no job waits');
  const { ledger, omni, events, budget } = rig;
  const { rules, leaving } = rig.deps();
  const { signal } = new AbortController();
  const deps = { ledger, omni, events, rules, leaving, signal, stamp };
  await handleApplyJob({ job, token, spending: spendFrom(budget, undefined) }, deps);
}

describe('a desired state of another configuration', () => {
  it('is not sent, and is once a reconcile of this one has said it anew', async () => {
    rig.people.set(crowd(1));
    await reconcileUnder('old');
    rig.calls();
    await applyUnder('new');
    expect(rig.calls()).toEqual([]);
    expect(rig.setbacks).toMatchObject([{ code: 'config.stale', consequence: 'retry' }]);
    await reconcileUnder('new');
    await rig.ledger.quarantine.release([rig.setbacks[0]?.ref ?? '']);
    for (const job of await rig.queues.apply.getDelayed()) await job.promote();
    await applyUnder('new');
    expect(rig.calls()).toEqual([POST]);
  });
});
