/** Where rooms meet: a removal that was right when it was decided on, and must not be sent any more. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { reconcile } from '../../worker/reconcile.ts';
import { spendFrom } from '../../worker/spending.ts';
import { crowd, person } from '../support/people.ts';
import { approve, employ, inOmni, refOf, rigsOfFile, round, stages } from './living.ts';
import { PATCH, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const ALL = { active: [1, 2, 3, 4], inactive: [] };

async function reconcileUnder(rig: Rig, stamp: string): Promise<void> {
  await rig.ledger.asks.add({ by: 'test', full: false });
  await reconcile({ ...rig.deps(), stamp }, { signal: new AbortController().signal, last: false });
}

async function applyUnder(rig: Rig, stamp: string): Promise<void> {
  const token = randomUUID();
  const job = await rig.worker.getNextJob(token, { block: false });
  if (job === undefined) throw new Error('no job waits');
  const spending = spendFrom(rig.budget, undefined);
  const { signal } = new AbortController();
  await handleApplyJob({ job, token, spending }, { ...rig.deps(), stamp, signal });
}

async function retry(rig: Rig): Promise<void> {
  await rig.ledger.quarantine.release([await refOf(rig, 'E1')]);
  for (const job of await rig.queues.apply.getDelayed()) await job.promote();
}

describe('a removal that waits', () => {
  it('under another configuration is not sent, nor after a read of this one that was cut off', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set(crowd(4).slice(1));
    await reconcileUnder(rig, 'old');
    await applyUnder(rig, 'new');
    expect(rig.setbacks).toMatchObject([{ code: 'config.stale' }]);
    rig.people.pages([crowd(4).slice(2)], true);
    await reconcileUnder(rig, 'new');
    await retry(rig);
    await applyUnder(rig, 'new');
    expect(inOmni(rig)).toEqual(ALL);
    rig.people.set(crowd(4).slice(1));
    await reconcileUnder(rig, 'new');
    await retry(rig);
    await applyUnder(rig, 'new');
    expect(inOmni(rig).inactive).toEqual([1]);
  });

  it('in a Redis that is set back to an older copy is not sent before another complete read', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set(crowd(4).slice(1));
    await rig.reconcile();
    // The note beside Redis has more runs than Redis.
    await rig.redis.hincrby(rig.keys.meta, 'runs', -1);
    rig.calls();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(rig.setbacks).toMatchObject([{ code: 'leave.stale', consequence: 'retry' }]);
    rig.people.set(crowd(4));
    await rig.reconcile();
    await retry(rig);
    await rig.drain();
    expect(inOmni(rig)).toEqual(ALL);
    expect(await rig.ledger.outbox.size()).toBe(0);
  });

  it('since longer than a day is not sent before another complete read', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set(crowd(4).slice(1));
    await rig.reconcile();
    const ref = await refOf(rig, 'E1');
    const text = (await rig.redis.hget(rig.keys.outbox, ref)) ?? '';
    const old = text.replace(/"at":(\d+)/, (_, at) => `"at":${Number(at) - 25 * 3_600_000}`);
    expect(old).not.toBe(text);
    await rig.redis.hset(rig.keys.outbox, ref, old);
    await rig.drain();
    expect(inOmni(rig)).toEqual(ALL);
    await rig.reconcile();
    await retry(rig);
    await rig.drain();
    expect(inOmni(rig).inactive).toEqual([1]);
  });
});

describe('who was approved, then kept, then not kept any more', () => {
  it('is held again, without a reconcile between the words', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ leaverRules: { limit: { people: 0 } } });
    rig.people.set(crowd(4).slice(1));
    await round(rig);
    await approve(rig, 'E1');
    await rig.ledger.leavers.keep([await refOf(rig, 'E1')]);
    await rig.ledger.leavers.unkeep([await refOf(rig, 'E1')]);
    await round(rig);
    expect(await stages(rig)).toEqual({ E1: 'held' });
    expect(inOmni(rig)).toEqual(ALL);
  });
});

describe('a reported deletion beside a record that is as it was', () => {
  it('lets nobody else take over the account', async () => {
    const rig = await rigWith();
    const told = rig.people.tell();
    await employ(rig, 4);
    told.changed([person(1), person(9, { email: 'p1@acme.example' })], [{ id: 'E1' }]);
    await rig.reconcile({ changes: true });
    await rig.drain();
    expect(rig.calls()).not.toContain(PATCH);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toEqual(['E1', 'E2', 'E3', 'E4']);
    expect(inOmni(rig)).toEqual(ALL);
  });
});
