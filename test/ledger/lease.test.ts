import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireLease } from '../../ledger/lease.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');

let server: TestRedis;
let redis: ScriptedRedis;

beforeAll(async () => {
  server = await startRedis();
  redis = withScripts(server.client());
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('acquireLease', () => {
  it('goes to one alone, and to the next once it is given back', async () => {
    const first = await acquireLease(redis, keys, 'one');
    expect(await acquireLease(redis, keys, 'two')).toBeUndefined();
    await first?.release();
    const second = await acquireLease(redis, keys, 'two');
    expect(second?.token).not.toBe(first?.token);
    await second?.release();
    expect(await redis.exists(keys.lease)).toBe(0);
  });

  it('gives one of ten who ask at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, n) => acquireLease(withScripts(server.client()), keys, `holder-${n}`)),
    );
    const taken = all.filter((lease) => lease !== undefined);
    expect(taken).toHaveLength(1);
    await taken[0]?.release();
  });

  it('never gives a token twice, to the same holder neither', async () => {
    const tokens = new Set<string>();
    for (let turn = 0; turn < 5; turn += 1) {
      const lease = await acquireLease(redis, keys, 'one');
      tokens.add(lease?.token ?? '');
      await lease?.release();
    }
    expect(tokens.size).toBe(5);
  });

  it('is prolonged while its holder lives', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const lease = await acquireLease(redis, keys, 'one');
    await redis.pexpire(keys.lease, 4_000);
    await vi.advanceTimersByTimeAsync(5_000);
    await expect.poll(() => redis.pttl(keys.lease)).toBeGreaterThan(5_000);
    expect(lease?.lost.aborted).toBe(false);
    await lease?.release();
  });

  it('is lost by a holder who froze past its end, who then hears of it and cannot give it back', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const frozen = await acquireLease(redis, keys, 'one');
    // Its timer stands still while the time runs out in Redis.
    await redis.pexpire(keys.lease, 20);
    await expect.poll(() => redis.exists(keys.lease)).toBe(0);
    const other = await acquireLease(redis, keys, 'two');
    expect(other).toBeDefined();
    expect(frozen?.lost.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(5_000);
    await expect.poll(() => frozen?.lost.aborted).toBe(true);
    await frozen?.release();
    expect(await redis.get(keys.lease)).toBe(other?.token);
    await other?.release();
  });

  it('ends by itself where its holder was killed', async () => {
    await acquireLease(redis, keys, 'killed');
    const left = await redis.pttl(keys.lease);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(15_000);
  });

  it('is not lost for a Redis that is away for a moment', async () => {
    const own = await startRedis({ args: ['--appendfsync', 'always'] });
    try {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      const client = withScripts(own.client());
      const lease = await acquireLease(client, keys, 'one');
      await own.kill();
      await vi.advanceTimersByTimeAsync(5_000);
      await own.start();
      // Answers come in order: the renewal that waited has had its own by now.
      expect(await client.get(keys.lease)).toBe(lease?.token);
      expect(lease?.lost.aborted).toBe(false);
    } finally {
      vi.useRealTimers();
      await own.stop();
    }
  });
});
