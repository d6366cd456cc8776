/** Deaths between two writes of a reconcile and of what is asked, and a Redis set back to an older copy: nobody is lost or taken away. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLedger, type Ledger } from '../../ledger/ledger.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { askView } from '../../worker/ask-view.ts';
import { keepPeople } from '../../worker/keeping.ts';
import { reconcile } from '../../worker/reconcile.ts';
import { resyncPeople } from '../../worker/resync.ts';
import { spendFrom } from '../../worker/spending.ts';
import { ask } from '../../worker/sync.ts';
import { crowd, person } from '../support/people.ts';
import { employ, inOmni, rigsOfFile, round } from './living.ts';
import { LIST, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const TRY = { signal: new AbortController().signal, last: false };

/** A run whose read was believed, and that has not counted its end. */
async function dieBeforeTheEnd(rig: Rig): Promise<void> {
  rig.onStep = (step) => {
    if (step === 'reconcile.believed') throw new Error('killed');
  };
  await rig.ledger.asks.add({ by: 'test', full: false });
  await expect(reconcile(rig.deps(), TRY)).rejects.toThrow('killed');
  rig.onStep = () => undefined;
}

describe('a reconcile that died when its read was believed', () => {
  it('has listed whom it holds: nobody is created of them by the next, which lists no accounts', async () => {
    const rig = await rigWith({ rules: { adopt: 'ask' } });
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.people.set(crowd(1));
    await dieBeforeTheEnd(rig);
    expect(rig.calls()).toEqual([LIST]);
    const { calls, run } = await round(rig);
    expect({ calls, held: run.held }).toEqual({ calls: [], held: 1 });
  });
});

describe('a person who was asked for by somebody who died before the job was added', () => {
  it('is looked up with whatever is asked next', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    const id = await rig.ledger.asks.add({ by: 'test', full: false, person: 'E1' });
    await ask(rig.parts(), { by: 'cron', full: false });
    const jobs = await rig.queues.reconcile.getJobs(['waiting', 'prioritized', 'delayed']);
    expect(jobs.map(({ name }) => name).sort()).toEqual(['person', 'reconcile']);
    await resyncPeople(rig.deps(), TRY);
    expect(await askView(rig, id)).toMatchObject({ state: 'done' });
  });
});

/** The same sync's ledger as a process on another host has it. */
function elsewhere({ redis, ledger: { identity } }: Rig): Ledger {
  const dataDir = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return createLedger({ redis, sync: 'acme', identity, dataDir, rebind: false });
}

/** Copies all of Redis; what comes back sets it back to the copy. */
async function copyOf(redis: Redis): Promise<() => Promise<void>> {
  const names = await redis.keys('*');
  const dumps = await Promise.all(names.map(async (name) => [name, await redis.dumpBuffer(name)] as const));
  return async () => {
    await redis.flushall();
    for (const [name, dump] of dumps) if (dump !== null) await redis.restore(name, 0, dump);
  };
}

describe('a worker on a host of its own', () => {
  it('takes nobody away whose removal waited in an older copy of Redis', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    const ledger = elsewhere(rig);
    rig.people.set(crowd(3).slice(1));
    await rig.reconcile();
    const setBack = await copyOf(rig.redis);
    rig.people.set(crowd(3));
    await round(rig);
    await ledger.meta.witness();
    await setBack();
    const token = randomUUID();
    const job = await rig.worker.getNextJob(token, { block: false });
    if (job === undefined) throw new Error('no job waits');
    const { signal } = TRY;
    await handleApplyJob(
      { job, token, spending: spendFrom(rig.budget, undefined) },
      { ...rig.deps(), ledger, signal },
    );
    expect(rig.setbacks).toMatchObject([{ code: 'leave.stale' }]);
    await round(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3], inactive: [] });
  });
});

describe('a worker in a Redis that was set back to a copy of before a removal was called off, with no whole run between', () => {
  const lookUp = async (rig: Rig) => {
    rig.people.set(crowd(3));
    await rig.ledger.asks.add({ by: 'test', full: false, person: 'E1' });
    await resyncPeople(rig.deps(), TRY);
    await rig.drain();
  };
  const dieInARun = async (rig: Rig) => {
    rig.people.set(crowd(3));
    await dieBeforeTheEnd(rig);
  };
  const ACTS = [
    ['a run that found them back died before its end', dieInARun],
    ['an operator keeps them', async (rig: Rig) => void (await keepPeople(rig.ledger, ['E1']))],
    ['a look-up by hand found them back', lookUp],
    [
      'they were taken away, and a look-up by hand brought them back',
      async (rig: Rig) => {
        await rig.drain();
        await lookUp(rig);
      },
    ],
  ] as const;

  it.each(ACTS)('takes nobody away: %s', async (_, act) => {
    const rig = await rigWith();
    await employ(rig, 3);
    rig.people.set(crowd(3).slice(1));
    await rig.reconcile();
    const setBack = await copyOf(rig.redis);
    await act(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3], inactive: [] });
    await setBack();
    await rig.drain();
    expect(rig.setbacks).toMatchObject([{ code: 'leave.stale' }]);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3], inactive: [] });
  });
});

describe('a reconcile in a Redis that was set back to an older copy', () => {
  it('begins each grace anew: who was back meanwhile, or kept by an operator, is not taken away for an earlier absence', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    rig.configure({ leaverRules: { graceMs: { missing: 3_600_000, inactive: 0, outOfScope: 0 } } });
    rig.people.set(crowd(3).slice(1));
    await rig.reconcile();
    const setBack = await copyOf(rig.redis);
    rig.people.set(crowd(3));
    await round(rig);
    await setBack();
    // That grace has run out.
    const [earlier] = await rig.ledger.leavers.all();
    const ms = (await rig.ledger.now()) - (earlier?.since ?? 0);
    rig.configure({ leaverRules: { graceMs: { missing: ms, inactive: 0, outOfScope: 0 } } });
    rig.people.set(crowd(3).slice(1));
    rig.calls();
    expect((await round(rig)).calls).toEqual([LIST]);
    expect(await rig.ledger.leavers.all()).toMatchObject([{ stage: 'grace' }]);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3], inactive: [] });
  });
});

describe('a reconcile that stood still until another had run', () => {
  it('writes no link any more', async () => {
    const rig = await rigWith({ mapping: { protect: ['region == "board"'] } });
    await employ(rig, 1);
    await rig.ledger.asks.add({ by: 'test', full: false });
    rig.people.set([person(1, { region: 'board' })]);
    rig.people.before = async () => {
      rig.people.before = async () => undefined;
      // Its lease has run out.
      await rig.redis.del(rig.keys.lease);
      rig.people.set([person(1)]);
      await round(rig);
    };
    await expect(reconcile(rig.deps(), TRY)).rejects.toMatchObject({ code: 'reconcile.fenced' });
    expect(await rig.links()).toMatchObject([{ sourceId: 'E1', protected: false }]);
  });
});
