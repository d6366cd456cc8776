import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBudget, type HostBudget } from '../../ledger/budget.ts';
import { paceOf } from '../../ledger/budget-clocks.ts';
import { TAKE_TURN } from '../../ledger/budget-script.ts';
import { isSyncError } from '../../model/errors.ts';
import { ensureBuilt } from '../support/build.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const HOST = 'acme.omniapp.co';
const hashName = (apiKey: string) =>
  `{omni-budget:${HOST}}:key:${createHash('sha256').update(apiKey).digest('hex').slice(0, 16)}`;

let server: TestRedis;
let redis: Redis;
const monitors: Redis[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});
afterEach(() => {
  for (const monitor of monitors.splice(0)) monitor.disconnect();
});

interface Fast {
  readonly keys?: () => readonly string[];
  readonly client?: Redis;
}

/** 300 calls in 3 s: a slot every 10 ms, backoffs from 100 ms to 3 s. */
function fastBudget({ keys = () => ['key-a'], client = redis }: Fast = {}): HostBudget {
  return createBudget({ redis: client, host: HOST, keys, requestsPerMinute: 300, windowMs: 3000 });
}

/** A starved machine stamps a line up to so many milliseconds late; TAKE_TURN's own tests are exact. */
const STAMP_LATE = 100;

/** When each slot was granted, in milliseconds, by MONITOR: Redis stamps a line some time after it read the script's clock. */
async function watchGrants(): Promise<{ all(apiKey: string, count: number): Promise<readonly number[]> }> {
  const monitor = await server.client().monitor();
  monitors.push(monitor);
  const times = new Map<string, number[]>();
  monitor.on('monitor', (time: string, args: string[]) => {
    if (args[0]?.toLowerCase() !== 'hincrby' || args[2] !== 'used') return;
    const clock = String(args[1]);
    times.set(clock, [...(times.get(clock) ?? []), Number(time) * 1000]);
  });
  return {
    async all(apiKey, count) {
      const found = () => times.get(hashName(apiKey)) ?? [];
      await expect.poll(() => found().length, { interval: 10 }).toBe(count);
      return found();
    },
  };
}

/** The most grants that any window of this length holds. */
function fullest(times: readonly number[], windowMs: number): number {
  return Math.max(
    ...times.map((start) => times.filter((time) => time >= start && time < start + windowMs).length),
  );
}

/** Grants as a share of what the limit allows from the first one to the last. How near to all of it is B2's to say. */
function share(times: readonly number[], limit: number, windowMs: number): number {
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return (times.length - 1) / ((span / windowMs) * limit);
}

/**
 * For how long `settle` set this clock, in milliseconds: between the two, since Redis's own time is read before
 * and after it.
 */
async function settledFor(
  { name, field }: { name: string; field: string },
  settle: () => Promise<unknown>,
): Promise<{ atLeast: number; atMost: number }> {
  const now = async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };
  const before = await now();
  await settle();
  const after = await now();
  const until = Number(await redis.hget(name, field)) / 1000;
  return { atLeast: until - after, atMost: until - before };
}

const PAUSE = { name: hashName('key-a'), field: 'paused' };

function expectWithin(
  { atLeast, atMost }: { atLeast: number; atMost: number },
  least: number,
  most: number,
): void {
  expect(atMost).toBeGreaterThanOrEqual(least);
  expect(atLeast).toBeLessThanOrEqual(most);
}

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work;
  return { value, ms: performance.now() - start };
}

describe('TAKE_TURN', () => {
  // The script as it is, on a clock that the test turns: the last argument.
  const script = TAKE_TURN.replace("redis.call('TIME')", '{0, ARGV[#ARGV]}');
  const names = ['{t}:host', '{t}:key'];

  async function ask(limit: number, now: number, keys = names): Promise<[string, number]> {
    const { period, tolerance, longestBackoff } = paceOf(limit, 60_000);
    const args = [period, tolerance, longestBackoff, 3.6e9, 60_000, Math.ceil(now)];
    return (await redis.eval(script, keys.length, ...keys, ...args)) as [string, number];
  }

  /** Grants until `count`, each asked for as late as `lateness` says (in periods), 1 µs resolution. */
  async function run(limit: number, count: number, lateness: readonly number[]): Promise<number[]> {
    await redis.del(...names);
    const { period } = paceOf(limit, 60_000);
    const granted: number[] = [];
    for (let now = 1.7e15, turn = 0; granted.length < count; turn += 1) {
      const [kind, wait] = await ask(limit, now);
      if (kind === 'turn') granted.push(now);
      else now += wait + Math.ceil((lateness[turn % lateness.length] ?? 0) * period);
    }
    return granted;
  }

  it('never grants more than the limit in any window, however late callers are', async () => {
    const lateness = fc.array(
      fc.oneof(fc.double({ min: 0, max: 0.3, noNaN: true }), fc.double({ min: 0, max: 3, noNaN: true })),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), lateness, async (limit, late) => {
        const granted = await run(limit, limit * 2 + 2, late);
        for (const [index, start] of granted.entries()) {
          const next = granted[index + limit];
          if (next !== undefined) expect(next - start).toBeGreaterThan(60_000_000);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('loses no rate to callers that are late within the tolerance', async () => {
    const { period, tolerance } = paceOf(60, 60_000);
    const granted = await run(60, 200, [0, 0.19, 0.02, 0.15]);
    const span = (granted.at(-1) ?? 0) - (granted[0] ?? 0);
    expect(span).toBeLessThanOrEqual(199 * period + tolerance);
  });

  it('gives each key of a pool its own slots', async () => {
    const { period, tolerance } = paceOf(60, 60_000);
    const granted: number[][] = [[], []];
    let now = 1.7e15;
    while (granted.flat().length < 60) {
      const [kind, value] = await ask(60, now, ['{t}:host', '{t}:key', '{t}:other']);
      if (kind === 'turn') granted[value]?.push(now);
      else now += value;
    }
    for (const times of granted) {
      expect(times.length).toBe(30);
      for (const [index, time] of times.entries())
        expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(period - tolerance);
    }
    expect(now - 1.7e15).toBeLessThanOrEqual(29 * period);
  });

  it('tells a wait of less than a millisecond as a wait', async () => {
    await redis.del(...names);
    const { period, tolerance } = paceOf(60, 60_000);
    await ask(60, 1.7e15);
    expect(await ask(60, 1.7e15 + period - tolerance - 40)).toEqual(['wait', 40]);
  });

  it('waits no longer than a period after the clock stepped back an hour', async () => {
    await redis.del(...names);
    await ask(60, 1.7e15);
    const [kind, wait] = await ask(60, 1.7e15 - 3.6e9);
    expect(kind).toBe('wait');
    expect(wait).toBeLessThanOrEqual(paceOf(60, 60_000).period);
  });
});

describe('createBudget', () => {
  it('keeps to the limit over a backlog, and does not idle', async () => {
    const grants = await watchGrants();
    const budget = createBudget({
      redis,
      host: HOST,
      keys: () => ['key-a'],
      requestsPerMinute: 60,
      windowMs: 2000,
    });
    await Promise.all(Array.from({ length: 180 }, () => budget.turn()));
    const times = await grants.all('key-a', 180);
    expect(fullest(times, 2000 - STAMP_LATE)).toBeLessThanOrEqual(60);
    expect(share(times, 60, 2000)).toBeGreaterThan(0.5);
  });

  it('shares one limit among processes whose clocks are hours apart', async () => {
    const dist = await ensureBuilt();
    const grants = await watchGrants();
    await Promise.all(
      [-3_600_000, 0, 3_600_000].map((shift) => spend(dist, { shift, turns: 45, limit: 60, windowMs: 3000 })),
    );
    const times = await grants.all('key-a', 135);
    expect(fullest(times, 3000 - STAMP_LATE)).toBeLessThanOrEqual(60);
    expect(share(times, 60, 3000)).toBeGreaterThan(0.5);
  });

  it('pools keys', async () => {
    const budget = fastBudget({ keys: () => ['key-a', 'key-b'] });
    const turns = await Promise.all(Array.from({ length: 200 }, () => budget.turn()));
    for (const apiKey of ['key-a', 'key-b'])
      expect(turns.filter((turn) => turn.apiKey === apiKey).length).toBeGreaterThan(80);
  });

  it('serves waiters in the order of asking', async () => {
    const budget = fastBudget();
    const order: number[] = [];
    await Promise.all(Array.from({ length: 12 }, (_, index) => budget.turn().then(() => order.push(index))));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('pauses a key that got a 429 for every process, as long as it was told', async () => {
    const here = fastBudget();
    const there = fastBudget({ client: server.client() });
    const turn = await here.turn();
    const { ms } = await timed(
      turn.settle({ kind: 'throttled', retryAfterMs: 400 }).then(() => there.turn()),
    );
    expect(ms).toBeGreaterThan(395);
    expect(ms).toBeLessThan(5000);
  });

  it('goes on with another key while one is paused', async () => {
    const budget = fastBudget({ keys: () => ['key-a', 'key-b'] });
    const first = await budget.turn();
    await first.settle({ kind: 'throttled', retryAfterMs: 60_000 });
    const next = await Promise.all(Array.from({ length: 5 }, () => budget.turn()));
    expect(new Set(next.map((turn) => turn.apiKey))).toEqual(
      new Set(['key-a', 'key-b'].filter((key) => key !== first.apiKey)),
    );
  });

  it.each([
    ['an absurd one', 1e15, 3_600_000, 3_600_000],
    ['an endless one', Number.POSITIVE_INFINITY, 3_600_000, 3_600_000],
    ['a negative one', -5000, 100, 120],
    ['none that is a number', Number.NaN, 100, 120],
    ['zero', 0, 100, 120],
  ])('takes a Retry-After with sense: %s', async (_, retryAfterMs, least, most) => {
    const budget = fastBudget();
    const turn = await budget.turn();
    expectWithin(
      await settledFor(PAUSE, () => turn.settle({ kind: 'throttled', retryAfterMs })),
      least,
      most,
    );
    const [key] = (await budget.snapshot()).keys;
    expect(key?.pausedMs).toBeLessThanOrEqual(most);
    expect(key).toMatchObject({ used: 1, throttled: 1 });
  });

  it('backs off twice as long at each 429, and afresh after an answer', async () => {
    const budget = fastBudget();
    for (const [least, most] of [[100, 120], [200, 240], [400, 480], ['answered'], [100, 120]] as const) {
      const turn = await budget.turn();
      if (least === 'answered') await turn.settle({ kind: 'answered' });
      else expectWithin(await settledFor(PAUSE, () => turn.settle({ kind: 'throttled' })), least, most);
    }
  });

  it('counts the 429 of calls that were out together once', async () => {
    const budget = fastBudget();
    const turns = await Promise.all(Array.from({ length: 6 }, () => budget.turn()));
    const settle = () => Promise.all(turns.map((turn) => turn.settle({ kind: 'throttled' })));
    expectWithin(await settledFor(PAUSE, settle), 100, 120);
    expect((await budget.snapshot()).keys[0]?.throttled).toBe(6);
  });

  it('halts after three refusals, whatever the number of processes', async () => {
    let calls = 0;
    // A slot each 200 ms: the first refusal is told within one, however starved of time the process is.
    const pace = { host: HOST, keys: () => ['key-a'], requestsPerMinute: 300 };
    const askers = Array.from({ length: 5 }, async () => {
      const budget = createBudget({ ...pace, redis: server.client() });
      for (;;) {
        const turn = await budget.turn();
        calls += 1;
        // Longer than a period: others would go out meanwhile.
        await new Promise((resolve) => setTimeout(resolve, calls === 1 ? 0 : 300));
        await turn.settle({ kind: 'unauthorized' });
      }
    });
    for (const end of await Promise.allSettled(askers)) {
      expect(end).toMatchObject({
        status: 'rejected',
        reason: { kind: 'unauthorized', code: 'target.halted' },
      });
    }
    expect(calls).toBe(3);
    const [key] = (await fastBudget().snapshot()).keys;
    expect(key).toMatchObject({ refusals: 3, refused: true });
    const [seconds] = await redis.time();
    expect(Math.abs((key?.refusedSince ?? 0) - Number(seconds) * 1000)).toBeLessThan(10_000);
  });

  it('says what to do when it is halted, without the key', async () => {
    const budget = fastBudget({ keys: () => ['planted-secret'] });
    await refuse(budget, 3);
    const error = await budget.turn().catch((thrown: unknown) => thrown);
    expect(isSyncError(error, 'unauthorized') && error.message).toMatch(/Replace the key.*omni-sync resume/);
    expect(String(error)).not.toContain('planted-secret');
  });

  it('goes on when the key is replaced, and when an operator says go', async () => {
    let keys = ['key-a'];
    const budget = fastBudget({ keys: () => keys });
    await refuse(budget, 3);
    await expect(budget.turn()).rejects.toMatchObject({ code: 'target.halted' });
    keys = ['key-b'];
    expect((await budget.turn()).apiKey).toBe('key-b');
    keys = ['key-a'];
    await expect(budget.turn()).rejects.toMatchObject({ code: 'target.halted' });
    await budget.resume();
    expect((await budget.turn()).apiKey).toBe('key-a');
  });

  it('leaves the other keys alone when one is refused', async () => {
    const budget = fastBudget({ keys: () => ['key-a', 'key-b'] });
    const seen: string[] = [];
    for (let call = 0; call < 12; call += 1) {
      const turn = await budget.turn();
      seen.push(turn.apiKey);
      await turn.settle({ kind: turn.apiKey === 'key-a' ? 'unauthorized' : 'answered' });
    }
    expect(seen.filter((key) => key === 'key-a')).toHaveLength(3);
  });

  it('forgets refusals after an answer', async () => {
    const budget = fastBudget();
    await refuse(budget, 2);
    await (await budget.turn()).settle({ kind: 'answered' });
    await refuse(budget, 2);
    expect((await budget.snapshot()).keys[0]).toMatchObject({ refusals: 2, refused: false });
    await (await budget.turn()).settle({ kind: 'answered' });
    expect((await budget.snapshot()).keys[0]?.refusedSince).toBeUndefined();
  });

  it('tries again after a trial call that was never heard of', async () => {
    const budget = createBudget({
      redis,
      host: HOST,
      keys: () => ['key-a'],
      requestsPerMinute: 60,
      windowMs: 600,
    });
    await (await budget.turn()).settle({ kind: 'unauthorized' });
    const { ms } = await timed(budget.turn().then(() => budget.turn()));
    expect(ms).toBeGreaterThan(595);
    expect(ms).toBeLessThan(10_000);
  });

  it('stops calling a host that fails five times in a row, then tries with one call', async () => {
    const budget = fastBudget({ keys: () => ['key-a', 'key-b'] });
    await fail(budget, 4);
    expect((await budget.snapshot()).brokenMs).toBe(0);
    const trial = await timed(fail(budget, 1).then(() => budget.turn()));
    expect(await budget.snapshot()).toMatchObject({ failures: 5 });
    expect((await budget.snapshot()).brokenMs).toBeLessThanOrEqual(120);
    expect(trial.ms).toBeGreaterThan(95);
    let others = 0;
    const waiting = Promise.all([1, 2, 3].map(() => budget.turn().then(() => (others += 1))));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(others).toBe(0);
    await trial.value.settle({ kind: 'answered' });
    await waiting;
    expect(await budget.snapshot()).toMatchObject({ failures: 0, brokenMs: 0 });
  });

  it('waits twice as long when the trial fails too, and does not count calls that were out before', async () => {
    const budget = fastBudget();
    const turns = await Promise.all(Array.from({ length: 9 }, () => budget.turn()));
    await Promise.all(turns.map((turn) => turn.settle({ kind: 'failed' })));
    expect((await budget.snapshot()).failures).toBe(5);
    const trial = await budget.turn();
    const opening = { name: `{omni-budget:${HOST}}:host`, field: 'open' };
    expectWithin(await settledFor(opening, () => trial.settle({ kind: 'failed' })), 200, 240);
    expect((await budget.snapshot()).failures).toBe(6);
  });

  it('does not stop for failures with answers between them', async () => {
    const budget = fastBudget();
    for (let round = 0; round < 4; round += 1) {
      await fail(budget, 3);
      await (await budget.turn()).settle({ kind: 'answered' });
    }
    expect(await budget.snapshot()).toMatchObject({ failures: 0, brokenMs: 0 });
  });

  it('spends no command on an answer that clears nothing', async () => {
    const budget = fastBudget();
    const turn = await budget.turn();
    const count = async () => /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
    const before = await count();
    await turn.settle({ kind: 'answered' });
    expect(await count()).toBe(before);
    await turn.settle({ kind: 'throttled', retryAfterMs: 1 });
    expect(await count()).not.toBe(before);
  });

  it('keeps all of a host under one hash tag, with expiries, and no API key', async () => {
    const budget = fastBudget({ keys: () => ['planted-secret', 'key-b'] });
    await refuse(budget, 1);
    await fail(budget, 5);
    const names = await redis.keys('*');
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      expect(name.startsWith(`{omni-budget:${HOST}}:`)).toBe(true);
      expect(await redis.pttl(name)).toBeGreaterThan(0);
      expect(JSON.stringify([name, await redis.hgetall(name)])).not.toContain('planted-secret');
    }
  });

  it('uses a key that arrives while all others are paused for an hour', async () => {
    let keys = ['key-a'];
    const asks = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
    const budget = fastBudget({ keys: () => keys });
    await (await budget.turn()).settle({ kind: 'throttled', retryAfterMs: 3_600_000 });
    const before = await asks();
    const waiting = timed(budget.turn());
    await expect.poll(asks, { interval: 5 }).toBeGreaterThan(before);
    keys = ['key-a', 'key-b'];
    const { value, ms } = await waiting;
    expect(value.apiKey).toBe('key-b');
    expect(ms).toBeLessThan(5000);
  });

  it('stops waiting when aborted, and lets the others go on', async () => {
    const budget = fastBudget();
    await (await budget.turn()).settle({ kind: 'throttled', retryAfterMs: 500 });
    const control = new AbortController();
    const reason = new Error('stopping');
    const gone = [budget.turn(control.signal), budget.turn(control.signal)];
    const stays = budget.turn();
    control.abort(reason);
    for (const turn of gone) await expect(turn).rejects.toBe(reason);
    await expect(budget.turn(control.signal)).rejects.toBe(reason);
    expect((await stays).apiKey).toBe('key-a');
  });

  it('outlives SCRIPT FLUSH, FLUSHALL and a killed Redis', async () => {
    const budget = fastBudget();
    await budget.turn();
    await redis.script('FLUSH');
    await budget.turn();
    await redis.flushall();
    await budget.turn();
    await server.kill();
    const waiting = budget.turn();
    await server.start();
    expect((await waiting).apiKey).toBe('key-a');
  });
});

async function refuse(budget: HostBudget, times: number): Promise<void> {
  for (let call = 0; call < times; call += 1) await (await budget.turn()).settle({ kind: 'unauthorized' });
}

async function fail(budget: HostBudget, times: number): Promise<void> {
  for (let call = 0; call < times; call += 1) await (await budget.turn()).settle({ kind: 'failed' });
}

interface Spending {
  /** How far this process' clock is off, in milliseconds. */
  readonly shift: number;
  readonly turns: number;
  readonly limit: number;
  readonly windowMs: number;
}

/** A process of its own that takes turns of `key-a`, one after the other. */
async function spend(dist: string, { shift, turns, limit, windowMs }: Spending): Promise<void> {
  const program = `
    const now = Date.now;
    Date.now = () => now() + ${shift};
    const { Redis } = await import('ioredis');
    const { createBudget } = await import(${JSON.stringify(`${dist}/ledger/budget.js`)});
    const redis = new Redis({ path: ${JSON.stringify(server.path)} });
    const keys = () => ['key-a'];
    const budget = createBudget({ redis, host: '${HOST}', keys, requestsPerMinute: ${limit}, windowMs: ${windowMs} });
    for (let turn = 0; turn < ${turns}; turn += 1) await (await budget.turn()).settle({ kind: 'answered' });
    redis.disconnect();
  `;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
}
