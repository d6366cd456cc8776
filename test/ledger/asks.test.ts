import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAsks } from '../../ledger/asks.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');

let server: TestRedis;
let redis: Redis;

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

describe('createAsks', () => {
  it('keeps each ask with its own id until a run has done it', async () => {
    const asks = createAsks(redis, keys);
    const one = await asks.add({ by: 'cron', full: false });
    const two = await asks.add({ by: 'cli', full: true });
    expect(one).not.toBe(two);
    expect(await asks.open()).toEqual(
      expect.arrayContaining([
        { id: one, by: 'cron', full: false },
        { id: two, by: 'cli', full: true },
      ]),
    );
    await asks.close([one], 'run-1');
    expect(await asks.state(one)).toEqual({ kind: 'done', run: 'run-1' });
    expect(await asks.state(two)).toEqual({ kind: 'waiting', begun: false });
    expect((await asks.open()).map(({ id }) => id)).toEqual([two]);
  });

  it('closes nothing where nothing is named', async () => {
    const asks = createAsks(redis, keys);
    const id = await asks.add({ by: 'http', full: false });
    await asks.close([], 'run-1');
    expect(await asks.state(id)).toEqual({ kind: 'waiting', begun: false });
  });

  it('says of one that was lost with Redis that it is unknown', async () => {
    const asks = createAsks(redis, keys);
    const id = await asks.add({ by: 'cli', full: false });
    await redis.flushall();
    expect(await asks.state(id)).toEqual({ kind: 'unknown' });
  });

  it('forgets who was done after a day', async () => {
    const asks = createAsks(redis, keys);
    const id = await asks.add({ by: 'cli', full: false });
    await asks.close([id], 'run-1');
    expect(await redis.ttl(keys.askDone(id))).toBeGreaterThan(80_000);
  });
});
