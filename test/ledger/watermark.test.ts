import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireLease, type Lease } from '../../ledger/lease.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { createWatermarks, type Watermark } from '../../ledger/watermark.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const MARK: Watermark = {
  basis: 'b',
  at: '\u0000ж"\n',
  contested: ['id E1', 'address ž@acme.example'],
  inScope: 7,
  leavers: 1,
};

let server: TestRedis;
let redis: ScriptedRedis;
let lease: Lease;

beforeAll(async () => {
  server = await startRedis();
  redis = withScripts(server.client());
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  const taken = await acquireLease(redis, keys, 'test');
  if (taken === undefined) throw new Error('the lease is taken');
  lease = taken;
  return () => lease.release();
});

describe('createWatermarks', () => {
  it('gives back what was put, under the same basis alone', async () => {
    const watermarks = createWatermarks(redis, keys);
    expect(await watermarks.get('b')).toBeUndefined();
    await watermarks.put(MARK, lease.token);
    expect(await watermarks.get('b')).toEqual(MARK);
    expect(await watermarks.get('another')).toBeUndefined();
  });

  it('forgets it', async () => {
    const watermarks = createWatermarks(redis, keys);
    await watermarks.put(MARK, lease.token);
    await watermarks.put(undefined, lease.token);
    expect(await watermarks.get('b')).toBeUndefined();
  });

  it('writes nothing for a reconcile that was overtaken', async () => {
    const watermarks = createWatermarks(redis, keys);
    await watermarks.put(MARK, lease.token);
    await redis.set(keys.lease, 'another');
    const late = { ...MARK, at: 'later' };
    for (const moved of [late, undefined]) {
      await expect(watermarks.put(moved, lease.token)).rejects.toMatchObject({ code: 'reconcile.fenced' });
    }
    expect(await watermarks.get('b')).toEqual(MARK);
  });
});
