import type { Job } from 'bullmq';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Ask } from '../../ledger/asks.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { nextRun, schedule } from '../../worker/schedule.ts';
import { type SyncParts, startSchedule } from '../../worker/sync.ts';
import { rigsOfFile } from './living.ts';
import type { Rig } from './rig.ts';

const rigWith = rigsOfFile();
const EVERY_SECOND = '* * * * * *';
const SELDOM = '0 0 29 2 *';
const SLOT = { at: 1_000, next: 25 * 3600_000 };

/** Ticks until something was asked for, on as many replicas, and gives all that was asked until the second is over. */
async function ticked(rig: Rig, schedule: SyncParts['schedule'], replicas = 1): Promise<Ask[]> {
  const parts = { ...rig.deps(), schedule, queues: rig.queues } as SyncParts;
  const clocks = Array.from({ length: replicas }, (_, n) =>
    startSchedule({ ...parts, holder: `replica ${n}` }),
  );
  try {
    return await vi.waitUntil(async () => {
      const asks = await rig.ledger.asks.open();
      return asks.length > 0 && asks;
    }, 60_000);
  } finally {
    for (const clock of clocks) await clock.stop();
  }
}

describe('startSchedule', () => {
  it('asks for everybody where there is one schedule', async () => {
    const rig = await rigWith();
    rig.people.tell();
    const [ask] = await ticked(rig, { expression: EVERY_SECOND, full: undefined, timezone: 'UTC' });
    expect(ask).toMatchObject({ by: 'cron', full: false });
    expect(ask).not.toHaveProperty('changes');
  });

  it('asks for changes on the one and for everybody on the other', async () => {
    const rig = await rigWith();
    rig.people.tell();
    const [often] = await ticked(rig, { expression: EVERY_SECOND, full: SELDOM, timezone: 'UTC' });
    expect(often).toMatchObject({ by: 'cron', full: false, changes: true });
    await rig.redis.flushall();
    const [seldom] = await ticked(rig, { expression: SELDOM, full: EVERY_SECOND, timezone: 'UTC' });
    expect(seldom).not.toHaveProperty('changes');
  });

  it('asks for everybody on each where the directory tells no changes', async () => {
    const rig = await rigWith();
    const [ask] = await ticked(rig, { expression: EVERY_SECOND, full: SELDOM, timezone: 'UTC' });
    expect(ask).not.toHaveProperty('changes');
  });

  it('lets one of several replicas act on a slot, for each of the schedules', async () => {
    const rig = await rigWith();
    const claims = (name: string, holder: string) => rig.ledger.claimTick(name, SLOT, holder);
    expect(await claims('schedule', 'a')).toBe(true);
    expect(await claims('schedule', 'b')).toBe(false);
    // Until the next one, and longer: a replica that stood still may come so late.
    expect(await rig.redis.pttl(syncKeys('acme').tick('schedule', 1_000))).toBeGreaterThan(25 * 3600_000);
    expect(await claims('fullSchedule', 'b')).toBe(true);
    await rig.ledger.releaseTick('schedule', SLOT);
    expect(await claims('schedule', 'b')).toBe(true);
    const asks = await ticked(rig, { expression: EVERY_SECOND, full: undefined, timezone: 'UTC' }, 3);
    expect(asks.length).toBeLessThan(3);
  });

  it('acts again on a slot that comes a second time to the replica that had it', async () => {
    const rig = await rigWith();
    const claims = (holder: string) => rig.ledger.claimTick('schedule', SLOT, holder);
    expect(await claims('a')).toBe(true);
    expect(await claims('a')).toBe(true);
    expect(await claims('b')).toBe(false);
  });
});

describe('startSchedule, where a reconcile waits for its next attempt by a clock that was ahead', () => {
  const seldom = { expression: SELDOM, full: undefined, timezone: 'UTC' };

  async function delayed(rig: Rig): Promise<Job> {
    const job = await rig.queues.reconcile.add('reconcile', {}, { delay: 3600_000 });
    expect(await job.getState()).toBe('delayed');
    return job;
  }

  async function expectTried(job: Job, clock: { stop(): Promise<void> }): Promise<void> {
    await vi.waitUntil(async () => (await job.getState()) === 'waiting', 10_000).finally(() => clock.stop());
  }

  it('has it tried at the start', async () => {
    const rig = await rigWith();
    const job = await delayed(rig);
    await expectTried(
      job,
      startSchedule({ ...rig.deps(), schedule: seldom, queues: rig.queues } as SyncParts),
    );
  });

  it('has it tried once the clock is set back', async () => {
    const rig = await rigWith();
    const clock = startSchedule({ ...rig.deps(), schedule: seldom, queues: rig.queues } as SyncParts);
    const job = await delayed(rig);
    const { now } = Date;
    const back = vi.spyOn(Date, 'now').mockImplementation(() => now() - 3600_000);
    onTestFinished(() => back.mockRestore());
    await expectTried(job, clock);
  });
});

describe('schedule', () => {
  /** The slots that it acts on from `at` on, as ISO times. */
  function scheduled({ expression, at }: { expression: string; at: string }): string[] {
    vi.useFakeTimers({ now: new Date(at) });
    const slots: string[] = [];
    const clock = schedule({
      expression,
      timezone: 'UTC',
      onTick: async ({ at: slot }) => void slots.push(new Date(slot).toISOString()),
      onTrouble: (error) => slots.push(error.message),
    });
    onTestFinished(async () => {
      await clock.stop();
      vi.useRealTimers();
    });
    return slots;
  }

  it('goes on at the next slot after the clock of its host is set back by hours', async () => {
    const slots = scheduled({ expression: '*/15 * * * *', at: '2026-03-02T10:44:50Z' });
    await vi.advanceTimersByTimeAsync(6_000);
    vi.setSystemTime('2026-03-02T08:44:56Z');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(slots).toEqual(['2026-03-02T08:45:00.000Z']);
  });

  it('makes up for a slot that the clock of its host is set forward over, once', async () => {
    const slots = scheduled({ expression: '0 2 * * *', at: '2026-03-02T01:30:00Z' });
    await vi.advanceTimersByTimeAsync(6_000);
    vi.setSystemTime('2026-03-02T02:30:06Z');
    await vi.advanceTimersByTimeAsync(24 * 3600_000);
    expect(slots).toEqual(['2026-03-02T02:00:00.000Z', '2026-03-03T02:00:00.000Z']);
  });

  it('acts late on a slot that it stood still at, on the newest alone', async () => {
    const slots: number[] = [];
    const trouble: Error[] = [];
    const clock = schedule({
      expression: '*/4 * * * * *',
      timezone: 'UTC',
      onTick: async ({ at }) => void slots.push(at),
      onTrouble: (error) => trouble.push(error),
    });
    const second = Math.ceil((clock.next()?.getTime() ?? 0) / 1000) + 6;
    for (; Date.now() < second * 1000 + 900; );
    await vi.waitUntil(() => slots.length > 0);
    await clock.stop();
    // Nearly three seconds late.
    expect(slots[0]).toBe((second - 2) * 1000);
    expect(trouble).toEqual([]);
  });
});

describe('nextRun', () => {
  it('is the earlier one of the schedules', () => {
    const timezone = 'UTC';
    const yearly = nextRun({ expression: '0 0 1 1 *', full: undefined, timezone });
    const both = nextRun({ expression: '0 0 1 1 *', full: EVERY_SECOND, timezone });
    expect(yearly?.getUTCMonth()).toBe(0);
    expect(both?.getTime()).toBeLessThan(yearly?.getTime() ?? 0);
  });
});
