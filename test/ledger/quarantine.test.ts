import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { createQuarantine, type Setback } from '../../ledger/quarantine.ts';
import { withScripts } from '../../ledger/scripts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const SETBACK: Setback = {
  sourceId: 'E1',
  version: 'v1',
  kind: 'refused',
  code: 'omni.refused',
  message: 'two\nlines',
  request: { method: 'POST', path: '/api/scim/v2/users', status: 400 },
  until: 'change',
};

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
  await redis.hset(keys.outbox, 'ref', 'v1\n{}');
});

const quarantine = () => createQuarantine(withScripts(redis), keys);

async function redisNow(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

describe('createQuarantine', () => {
  it('gives back what was put, with the time of Redis', async () => {
    const before = await redisNow();
    await quarantine().put('ref', SETBACK, { run: 'r', calls: 2, waitMs: 0, audit: { did: 'fail' } });
    const got = await quarantine().get('ref');
    expect(got).toMatchObject({ ...SETBACK, ref: 'ref' });
    expect(got?.at).toBeGreaterThanOrEqual(Math.floor(before));
    expect(got?.at).toBeLessThanOrEqual(await redisNow());
    expect(got?.notBefore).toBe(got?.at);
    expect(await quarantine().get('nobody')).toBeUndefined();
    expect(await redis.hgetall(keys.run('r'))).toEqual({ calls: '2', failed: '1' });
    expect(await redis.xlen(keys.audit)).toBe(1);
  });

  it.each([
    ['another', () => redis.hset(keys.outbox, 'ref', 'v10\n{}')],
    ['none', () => redis.del(keys.outbox)],
  ])('says nothing of who waits for %s by now, but counts the calls', async (_, meanwhile) => {
    await meanwhile();
    await quarantine().put('ref', SETBACK, { run: 'r', calls: 2, waitMs: 0 });
    expect(await quarantine().all()).toEqual([]);
    expect(await redis.hget(keys.run('r'), 'calls')).toBe('2');
  });

  it('waits whole milliseconds, and counts no failure that heals', async () => {
    await quarantine().put('ref', { ...SETBACK, until: 'time' }, { run: 'r', calls: 0, waitMs: 1_000.2 });
    const got = await quarantine().get('ref');
    expect((got?.notBefore ?? 0) - (got?.at ?? 0)).toBe(1_001);
    expect(await redis.exists(keys.run('r'), keys.audit)).toBe(0);
  });

  it('lists and releases', async () => {
    for (let n = 0; n < 600; n += 1) {
      await redis.hset(keys.outbox, `ref-${n}`, 'v1\n{}');
      await quarantine().put(`ref-${n}`, SETBACK, { run: 'r', calls: 0, waitMs: 0 });
    }
    expect(await quarantine().all()).toHaveLength(600);
    await quarantine().release([]);
    await quarantine().release(['ref-1', 'ref-2', 'nobody']);
    expect((await quarantine().all()).map(({ ref }) => ref)).not.toContain('ref-1');
    expect(await quarantine().all()).toHaveLength(598);
  });
});
