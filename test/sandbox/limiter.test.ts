/** The window by laws, over thousands of made-up traffics, and once over the wire. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { busiestWindow, createLimiter } from '../../sandbox/limiter.ts';
import { opened, USERS } from './client.ts';

const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 120 });
const asTimes = (steps: readonly number[]) => {
  let now = 0;
  return steps.map((step) => (now += step));
};

describe('busiestWindow', () => {
  it('equals a count over every window', () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 200 }), (steps, windowMs) => {
        const times = asTimes(steps);
        const counts = times.map(
          (start) => times.filter((at) => at >= start && at < start + windowMs).length,
        );
        expect(busiestWindow([...times].reverse(), windowMs)).toBe(Math.max(0, ...counts));
      }),
    );
  });

  it('does not count both ends of a window', () => {
    expect(busiestWindow([0, 1000], 1000)).toBe(1);
    expect(busiestWindow([0, 999], 1000)).toBe(2);
  });
});

describe('createLimiter', () => {
  it('lets no window hold more than the limit, and refuses nothing that fits', () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 8 }), (steps, requestsPerMinute) => {
        const limit = createLimiter();
        const rules = { requestsPerMinute, windowMs: 100, countRefused: false };
        const passed: number[] = [];
        for (const now of asTimes(steps)) {
          const recent = passed.filter((at) => at > now - 100).length;
          const wait = limit('a', now, rules);
          expect(wait === 0).toBe(recent < requestsPerMinute);
          if (wait === 0) passed.push(now);
        }
        expect(busiestWindow(passed, 100)).toBeLessThanOrEqual(requestsPerMinute);
      }),
    );
  });

  it('says after how long the next one passes', () => {
    const limit = createLimiter();
    const rules = { requestsPerMinute: 2, windowMs: 100, countRefused: false };
    expect([limit('a', 0, rules), limit('a', 30, rules)]).toEqual([0, 0]);
    expect(limit('a', 40, rules)).toBe(60);
    expect(limit('a', 99, rules)).toBe(1);
    expect(limit('a', 100, rules)).toBe(0);
    expect(limit('a', 101, rules)).toBe(29);
  });

  it('never recovers under pressure where refused requests count', () => {
    const limit = createLimiter();
    const rules = { requestsPerMinute: 1, windowMs: 100, countRefused: true };
    expect([0, 60, 120, 180].map((now) => limit('a', now, rules) === 0)).toEqual([true, false, false, false]);
    expect(limit('a', 280, rules)).toBe(0);
  });

  it('keeps keys apart', () => {
    const limit = createLimiter();
    const rules = { requestsPerMinute: 1, windowMs: 100, countRefused: false };
    expect([limit('a', 0, rules), limit('b', 0, rules)]).toEqual([0, 0]);
  });
});

describe('the limit over HTTP', () => {
  const burst = async (ask: Awaited<ReturnType<typeof opened>>['ask'], count: number) =>
    Promise.all(Array.from({ length: count }, () => ask('GET', USERS)));

  it('is 60 a minute unless set, and says nothing of when to come back', async () => {
    const { sandbox, ask } = await opened({ requestsPerMinute: 60 });
    const answers = await burst(ask, 64);
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(60);
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused).toHaveLength(4);
    expect(refused.some((answer) => answer.headers.has('retry-after'))).toBe(false);
    expect(sandbox.state().keys[0]).toMatchObject({ calls: 64, throttled: 4, busiestWindow: 64 });
  });

  it('opens again when the window has passed', async () => {
    const { sandbox, ask } = await opened({ requestsPerMinute: 3, windowMs: 3_000 });
    expect((await burst(ask, 4)).map(({ status }) => status)).toContain(429);
    await expect.poll(async () => (await ask('GET', USERS)).status, { interval: 20 }).toBe(200);
    const passed = sandbox.calls().filter((call) => call.status === 200);
    expect(
      busiestWindow(
        passed.map((call) => call.at),
        3_000,
      ),
    ).toBe(3);
  });

  it.each([
    ['seconds', /^([1-9]|[1-5]\d|60)$/],
    ['date', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/],
  ] as const)('says when to come back in %s where that is set', async (retryAfter, form) => {
    const { ask } = await opened({ requestsPerMinute: 1, retryAfter });
    await ask('GET', USERS);
    const { status, headers } = await ask('GET', USERS);
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toMatch(form);
  });
});
