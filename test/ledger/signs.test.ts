import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { readRedisState } from '../../ledger/redis-state.ts';
import { createSigns } from '../../ledger/signs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describe('createSigns', () => {
  it('tells how old the last sign of each role is, and forgets one that was withdrawn', async () => {
    let clock = 1_000;
    const signs = createSigns(server.client(), syncKeys('signs'), async () => clock);
    expect(await signs.ages()).toEqual({});
    await signs.give([]);
    await signs.give(['worker', 'scheduler']);
    clock = 4_500;
    await signs.give(['worker']);
    expect(await signs.ages()).toEqual({ worker: 0, scheduler: 3_500 });
    await signs.withdraw(['scheduler']);
    await signs.withdraw([]);
    clock = 4_400;
    expect(await signs.ages()).toEqual({ worker: 0 });
  });

  it('remembers when all was last in step', async () => {
    const signs = createSigns(server.client(), syncKeys('signs'), async () => 7_000);
    expect(await signs.convergedAt()).toBeUndefined();
    await signs.converged();
    expect(await signs.convergedAt()).toBe(7_000);
  });
});

describe('readRedisState', () => {
  it('tells how Redis evicts and how full it is', async () => {
    const redis = server.client();
    expect(await readRedisState(redis)).toEqual({ policy: 'noeviction', memoryRatio: 0 });
    await redis.config('SET', 'maxmemory', '100mb');
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { policy, memoryRatio } = await readRedisState(redis);
    expect(policy).toBe('allkeys-lru');
    expect(memoryRatio).toBeGreaterThan(0);
    expect(memoryRatio).toBeLessThan(0.5);
  });
});
