/** Several daemons on one Redis: everyone once, one budget, ticks that are claimed once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { busiestWindow } from '../../sandbox/limiter.ts';
import { it, somePeople } from '../support/journey.ts';
import { expectLedgerEqual } from '../support/ledger.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const WINDOW_MS = 5_000;
const LIMIT = 60;
/**
 * A call arrives later than its slot by what a busy machine makes of it: 25 ms are spared for that in a window of five
 * seconds, 300 ms in Omni's minute. The law itself is held to the slots in test/ledger/budget.test.ts, and to real minutes by
 * test/campaign/budget.campaign.ts; here three daemons that each kept a budget of their own would come to three times as many.
 */
const LATE = 15;

describe.concurrent('three daemons at once', () => {
  it('create everyone once, within the limit of every window', async ({ install }) => {
    const people = somePeople(240);
    const journey = await install(people, {
      requestsPerMinute: (LIMIT * 60_000) / WINDOW_MS,
      sandbox: { requestsPerMinute: LIMIT + LATE, windowMs: WINDOW_MS },
    });
    journey.configure((yaml) => yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:'));
    const daemons = [1, 2, 3].map(() => journey.start('start'));
    while (creations(journey.sandbox).size < people.length) await sleep(100);
    for (const { child } of daemons) child.kill('SIGTERM');
    const ends = await Promise.all(daemons.map(({ ended }) => ended));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);

    expectInStep(journey.sandbox, people);
    expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
    const calls = journey.sandbox.calls();
    const times = calls.map(({ at }) => at);
    expect(busiestWindow(times, WINDOW_MS)).toBeLessThanOrEqual(LIMIT + LATE);
    const spanMs = Math.max(...times) - Math.min(...times);
    const use = (calls.length - 1) / ((spanMs / WINDOW_MS) * LIMIT);
    console.log(`three daemons used ${(use * 100).toFixed(1)} % of the budget over ${calls.length} calls`);
    expect((await journey.cli('run')).code).toBe(0);
    await expectLedgerEqual(journey, people);
  });
});

describe.concurrent('a daemon', () => {
  it('ends at SIGTERM with status 0, and the next one carries on', async ({ install }) => {
    const people = somePeople(60);
    const journey = await install(people, { requestsPerMinute: 1_200 });
    journey.configure((yaml) => yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:'));
    const first = journey.start('start');
    while (creations(journey.sandbox).size < 15) await sleep(20);
    first.child.kill('SIGTERM');
    const { code, stderr } = await first.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(creations(journey.sandbox).size).toBeLessThan(60);
    expect((await journey.cli('run')).code).toBe(0);
    expectInStep(journey.sandbox, people);
    expect(journey.sandbox.calls().filter(({ method }) => method === 'POST')).toHaveLength(60);
    await expectLedgerEqual(journey, people);
  });

  it('with roles apart divides the work', async ({ install }) => {
    const people = somePeople(20);
    const journey = await install(people);
    journey.configure((yaml) => yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:'));
    const daemons = ['scheduler', 'worker'].map((role) => journey.start('start', '--role', role));
    while (creations(journey.sandbox).size < people.length) await sleep(50);
    for (const { child } of daemons) child.kill('SIGTERM');
    for (const { ended } of daemons) expect((await ended).code).toBe(0);
    expectInStep(journey.sandbox, people);
  });
});
