/**
 * What nobody else wants of a host's budget, and never more than a set share of it: what a verify pass may spend. It
 * stands in no line: a slot is taken only once it has been left free for a moment, and no change waits.
 */
import type { Redis } from 'ioredis';
import type { Budget } from '../model/budget.ts';
import { createBudget, type HostBudget } from './budget.ts';
import type { BudgetSnapshot } from './budget-clocks.ts';
import { nap } from './budget-line.ts';

/**
 * A tenth: a new hire waits for one slot in ten at most, should a pass and a change meet; and at 60 requests a minute a
 * thousand people are listed in two minutes.
 */
export const VERIFY_SHARE = 0.1;

export interface SlackOptions {
  readonly redis: Redis;
  readonly host: string;
  readonly budget: HostBudget;
  /** Of all keys together. */
  readonly requestsPerMinute: number;
  /** The length of "a minute" in milliseconds, 60,000 unless a test scales time. */
  readonly windowMs?: number;
  /** Whether something waits to be sent, or nothing may be sent. */
  readonly busy: () => Promise<boolean>;
}

const LONGEST_LOOK_MS = 250;
const SHORTEST_LOOK_MS = 5;

/** The slack of a host's budget; every sync and process that names the host shares the one share. */
export function createSlack({ redis, host, budget, busy, ...pace }: SlackOptions): Budget {
  const { requestsPerMinute, windowMs = 60_000 } = pace;
  // A clock as an API key has it: no sliding window holds more than the share.
  const share = createBudget({
    redis,
    host: `${host}/verify`,
    keys: () => ['verify'],
    requestsPerMinute: requestsPerMinute * VERIFY_SHARE,
    windowMs,
  });
  const slotMs = windowMs / requestsPerMinute;
  const lookMs = Math.max(SHORTEST_LOOK_MS, Math.min(LONGEST_LOOK_MS, slotMs / 4));

  async function isIdle(signal?: AbortSignal): Promise<boolean> {
    if (await busy()) return false;
    const before = await budget.snapshot();
    if (!isFree(before)) return false;
    await nap(lookMs, signal);
    const after = await budget.snapshot();
    return isFree(after) && usedOf(after) === usedOf(before) && !(await busy());
  }

  return {
    async turn(signal) {
      for (;;) {
        while (!(await isIdle(signal))) await nap(4 * lookMs, signal);
        await share.turn(signal);
        if (await isIdle(signal)) return budget.turn(signal);
      }
    },
  };
}

/** Whether a slot is there for the taking; where every key is refused, the budget says so itself. */
function isFree({ keys, brokenMs }: BudgetSnapshot): boolean {
  if (keys.every(({ refused }) => refused)) return true;
  return brokenMs === 0 && keys.some((key) => !key.refused && key.nextSlotMs === 0 && key.pausedMs === 0);
}

function usedOf({ keys }: BudgetSnapshot): number {
  return keys.reduce((sum, { used }) => sum + used, 0);
}
