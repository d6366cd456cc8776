/** Three daemons on one budget, at Omni's own 60 requests a minute, for some minutes: `npm run campaign -- budget`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { busiestWindow } from '../../sandbox/limiter.ts';
import { it, somePeople } from '../support/journey.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const LIMIT = 60;
const MINUTE_MS = 60_000;

describe('three daemons at 60 requests a minute', () => {
  it('stay within every minute, and use at least 95 % of it', async ({ install }) => {
    const people = somePeople(240);
    const journey = await install(people, { requestsPerMinute: LIMIT });
    const daemons = [1, 2, 3].map(() => journey.start('start'));
    while (creations(journey.sandbox).size < people.length) await sleep(500);
    for (const { child } of daemons) child.kill('SIGTERM');
    for (const { ended } of daemons) expect((await ended).code).toBe(0);
    expectInStep(journey.sandbox, people);
    const calls = journey.sandbox.calls();
    const times = calls.map(({ at }) => at);
    expect(calls.filter(({ status }) => status === 429)).toEqual([]);
    expect(busiestWindow(times, MINUTE_MS)).toBeLessThanOrEqual(LIMIT);
    const use = (calls.length - 1) / (((Math.max(...times) - Math.min(...times)) / MINUTE_MS) * LIMIT);
    console.log(
      `${calls.length} calls, ${(use * 100).toFixed(1)} % of the budget, busiest minute ${busiestWindow(times, MINUTE_MS)}`,
    );
    expect(use).toBeGreaterThan(0.95);
  });
});
