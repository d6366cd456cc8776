import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireLease, type Lease } from '../../ledger/lease.ts';
import { createOutbox, type OutboxRow, scan } from '../../ledger/outbox.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { isSyncError } from '../../model/errors.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');

let server: TestRedis;
let plain: Redis;
let redis: ScriptedRedis;
let lease: Lease;

beforeAll(async () => {
  server = await startRedis();
  plain = server.client();
  redis = withScripts(plain);
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

function rowOf(n: number, change: Partial<OutboxRow> = {}): OutboxRow {
  const desired = {
    sourceId: `E${n}`,
    userName: `p${n}@acme.example`,
    displayName: `Zoë \n "${n}"`,
    attributes: { region: null, teams: ['a', 'ж'] },
  };
  return {
    ref: `ref-${n}`,
    sourceId: `E${n}`,
    version: 'v1',
    desired,
    protected: false,
    run: 'r',
    ...change,
  };
}

async function fenced(work: Promise<unknown>): Promise<boolean> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isSyncError(error, 'unsafe') && error.code === 'reconcile.fenced';
}

describe('createOutbox', () => {
  it('gives rows back as they were put, one by one and all', async () => {
    const outbox = createOutbox(redis, keys);
    const rows = Array.from({ length: 450 }, (_, n) => rowOf(n));
    await outbox.put(rows, lease.token);
    expect(await outbox.size()).toBe(450);
    expect(await outbox.get('ref-7')).toEqual(rows[7]);
    expect(await outbox.get('nobody')).toBeUndefined();
    const all = new Map<string, OutboxRow>();
    for await (const page of outbox.rows()) for (const row of page) all.set(row.ref, row);
    expect([...all.values()].sort((a, b) => Number(a.ref.slice(4)) - Number(b.ref.slice(4)))).toEqual(rows);
    const refs = new Set<string>();
    for await (const page of outbox.refs()) for (const ref of page) refs.add(ref);
    expect(refs).toEqual(new Set(all.keys()));
  });

  it('lifts a quarantine for another desired state, and for that alone', async () => {
    const outbox = createOutbox(redis, keys);
    await outbox.put([rowOf(1), rowOf(2)], lease.token);
    await redis.hset(keys.quarantine, 'ref-1', 'why', 'ref-2', 'why');
    await outbox.put([rowOf(1, { run: 'later' }), rowOf(2, { version: 'v2' })], lease.token);
    expect(await redis.hkeys(keys.quarantine)).toEqual(['ref-1']);
    expect((await outbox.get('ref-1'))?.run).toBe('later');
  });

  it('refuses a holder whose lease another has taken over, and writes nothing of it', async () => {
    const outbox = createOutbox(redis, keys);
    // Its time ran out while it was frozen, and another process came.
    await redis.del(keys.lease);
    const other = await acquireLease(redis, keys, 'other');
    expect(await fenced(outbox.put([rowOf(1)], lease.token))).toBe(true);
    expect(await outbox.size()).toBe(0);
    await outbox.put([rowOf(2)], other?.token ?? '');
    expect(await outbox.size()).toBe(1);
    await other?.release();
  });

  it('refuses a holder whose lease ran out though nobody came, and after FLUSHALL', async () => {
    const outbox = createOutbox(redis, keys);
    await redis.flushall();
    expect(await fenced(outbox.put([rowOf(1)], lease.token))).toBe(true);
  });
});

describe('scan', () => {
  it('reaches every field of a large hash', async () => {
    const fields = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`f${n}`, String(n)]));
    await redis.hset('h', fields);
    const found: Record<string, string> = {};
    for await (const page of scan(redis, 'h')) Object.assign(found, Object.fromEntries(page));
    expect(found).toEqual(fields);
  });
});
