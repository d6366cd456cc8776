import { describe, expect, it, vi } from 'vitest';
import type { Ask } from '../../ledger/asks.ts';
import { nextRun } from '../../worker/schedule.ts';
import { type SyncParts, startSchedule } from '../../worker/sync.ts';
import { rigsOfFile } from './living.ts';
import type { Rig } from './rig.ts';

const rigWith = rigsOfFile();
const EVERY_SECOND = '* * * * * *';
const SELDOM = '0 0 29 2 *';

/** Ticks until something was asked for, on as many replicas, and gives all that was asked until the second is over. */
async function ticked(rig: Rig, schedule: SyncParts['schedule'], replicas = 1): Promise<Ask[]> {
  const parts = { ...rig.deps(), schedule, queues: rig.queues } as SyncParts;
  const clocks = Array.from({ length: replicas }, () => startSchedule(parts));
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
    expect(await rig.ledger.claimTick('schedule', 1_000)).toBe(true);
    expect(await rig.ledger.claimTick('schedule', 1_000)).toBe(false);
    expect(await rig.ledger.claimTick('fullSchedule', 1_000)).toBe(true);
    await rig.ledger.releaseTick('schedule', 1_000);
    expect(await rig.ledger.claimTick('schedule', 1_000)).toBe(true);
    const asks = await ticked(rig, { expression: EVERY_SECOND, full: undefined, timezone: 'UTC' }, 3);
    expect(asks.length).toBeLessThan(3);
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
