import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegister } from '../../ledger/register.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const HOST = 'acme.omniapp.co';

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

const of = (sync: string, host = HOST) => createRegister(redis, host, sync);

describe('createRegister', () => {
  it('gives an account to the first sync alone', async () => {
    const ids = Array.from({ length: 1_200 }, () => randomUUID());
    const [shared = '', ...others] = ids;
    expect(await of('a').claim([shared])).toEqual({ foreign: new Set(), held: new Set() });
    expect(await of('b').claim(ids)).toEqual({ foreign: new Set([shared]), held: new Set() });
    expect(await of('b').claim(others)).toEqual({ foreign: new Set(), held: new Set(others) });
    expect(await of('a').holder(shared)).toBe('us');
    expect(await of('b').holder(shared)).toBe('another');
  });

  it('looks without claiming', async () => {
    const id = randomUUID();
    expect(await of('a').holder(id)).toBe('nobody');
    expect(await of('b').claim([id])).toEqual({ foreign: new Set(), held: new Set() });
  });

  it('gives back', async () => {
    const id = randomUUID();
    await of('a').claim([id]);
    await of('a').release(id);
    expect((await of('b').claim([id])).foreign.size).toBe(0);
  });

  it('takes an id in either case for the same', async () => {
    const id = 'ABCDEF00-276A-4964-9395-A493189A247C';
    await of('a').claim([id]);
    expect(await of('b').holder(id.toLowerCase())).toBe('another');
    await of('a').release(id.toLowerCase());
    expect(await of('b').holder(id)).toBe('nobody');
  });

  it('keeps Omni hosts apart', async () => {
    const id = randomUUID();
    await of('a').claim([id]);
    expect(await of('b', 'other.omniapp.co').holder(id)).toBe('nobody');
  });
});
