import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Commit, createCommitter } from '../../ledger/commit.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireLease } from '../../ledger/lease.ts';
import {
  createLeavers,
  type Leavers,
  type LeaversChange,
  type StoredTombstone,
} from '../../ledger/leavers.ts';
import { createLinks } from '../../ledger/links.ts';
import { bucketOf } from '../../ledger/packing.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { isSyncError } from '../../model/errors.ts';
import type { Link } from '../../model/link.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const DAY = 24 * 3_600_000;
const AT = 1_800_000_000_000;

let server: TestRedis;
let redis: ScriptedRedis;
let leavers: Leavers;
let token: string;

beforeAll(async () => {
  server = await startRedis();
  redis = withScripts(server.client());
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  leavers = createLeavers(redis, keys);
  token = await newToken();
});

/** The token of a reconcile that has the lease now. */
async function newToken(): Promise<string> {
  await redis.del(keys.lease);
  const lease = await acquireLease(redis, keys, 'test');
  await lease?.release();
  await redis.set(keys.lease, lease?.token ?? '');
  return lease?.token ?? '';
}

function tombstone(n: number, change: Partial<StoredTombstone> = {}): StoredTombstone {
  return {
    ref: `ref-${n}`,
    sourceId: `E${n}`,
    omniId: randomUUID(),
    userName: `p${n}@acme.example`,
    cause: 'missing',
    since: AT,
    due: AT + DAY,
    stage: 'held',
    heldBy: 'missing',
    reason: 'too many',
    ...change,
  };
}

function write(change: Partial<LeaversChange>, leaseToken = token): Promise<void> {
  const nothing = { at: AT, remembered: [], forgotten: [], passed: { missing: [], due: [] } };
  return leavers.write({ ...nothing, ...change }, leaseToken);
}

describe('createLeavers, what is remembered', () => {
  it('comes back as it was written, by ref and all together', async () => {
    const some = [tombstone(1), tombstone(2, { stage: 'grace' })];
    await write({ remembered: some });
    expect(await leavers.get('ref-1')).toEqual(some[0]);
    expect((await leavers.all()).sort((a, b) => (a.ref < b.ref ? -1 : 1))).toEqual(some);
    expect(await leavers.get('ref-3')).toBeUndefined();
  });

  it('is gone when it is forgotten', async () => {
    await write({ remembered: [tombstone(1), tombstone(2)] });
    await write({ forgotten: ['ref-1'], remembered: [tombstone(2, { cause: 'inactive' })] });
    expect(await leavers.all()).toMatchObject([{ ref: 'ref-2', cause: 'inactive' }]);
  });

  it('is not written by a reconcile that was overtaken', async () => {
    await write({ remembered: [tombstone(1)] });
    const stale = token;
    await newToken();
    const late = write({ forgotten: ['ref-1'], remembered: [tombstone(2)] }, stale);
    await expect(late).rejects.toSatisfy((error) => isSyncError(error, 'unsafe'));
    expect(await leavers.all()).toMatchObject([{ ref: 'ref-1' }]);
  });

  it('may be everyone of a large company', async () => {
    const all = Array.from({ length: 70_000 }, (_, n) => tombstone(n));
    await write({ remembered: all });
    expect(await leavers.all()).toHaveLength(70_000);
    await write({ forgotten: all.map(({ ref }) => ref) });
    expect(await redis.exists(keys.leavers)).toBe(0);
  });
});

describe('createLeavers, an approval', () => {
  it('makes the held one approved, without its reason', async () => {
    const held = tombstone(1);
    await write({ remembered: [held, tombstone(2)] });
    await leavers.approve([held]);
    const { heldBy: _, reason: __, ...rest } = held;
    expect(await leavers.get('ref-1')).toEqual({ ...rest, stage: 'approved' });
    expect((await leavers.all()).map(({ stage }) => stage).sort()).toEqual(['approved', 'held']);
  });

  it('of nobody does nothing', async () => {
    await leavers.approve([]);
    expect(await redis.exists(keys.approvals)).toBe(0);
  });

  it.each<[string, Partial<StoredTombstone>]>([
    ['another cause', { cause: 'inactive' }],
    ['another leave', { since: AT + 1 }],
    ['another account', { omniId: randomUUID() }],
  ])('does not hold for %s, nor when that is over', async (_, change) => {
    const held = tombstone(1);
    await write({ remembered: [held] });
    await leavers.approve([held]);
    await write({ remembered: [{ ...held, ...change }] });
    expect(await leavers.get('ref-1')).toMatchObject({ stage: 'held' });
    await write({ remembered: [held] });
    expect(await leavers.get('ref-1')).toMatchObject({ stage: 'held' });
  });

  it('survives a reconcile that read before it and writes after it', async () => {
    const held = tombstone(1);
    await write({ remembered: [held] });
    await leavers.approve([held]);
    await write({ remembered: [held] });
    expect(await leavers.get('ref-1')).toMatchObject({ stage: 'approved' });
  });

  it('goes with its person’s return', async () => {
    const held = tombstone(1);
    await write({ remembered: [held] });
    await leavers.approve([held]);
    await write({ forgotten: ['ref-1'] });
    await write({ remembered: [held] });
    expect(await leavers.get('ref-1')).toMatchObject({ stage: 'held' });
  });
});

describe('createLeavers, the guard’s looks', () => {
  it('counts whom they let pass since a time, each person once', async () => {
    await write({ at: AT, passed: { missing: ['ref-1', 'ref-2'], due: ['ref-1'] } });
    await write({ at: AT + 1000, passed: { missing: ['ref-2', 'ref-3'], due: [] } });
    expect(await leavers.passedSince(AT)).toEqual({
      missing: new Set(['ref-1', 'ref-2', 'ref-3']),
      due: new Set(['ref-1']),
    });
    expect(await leavers.passedSince(AT + 1)).toEqual({
      missing: new Set(['ref-2', 'ref-3']),
      due: new Set(),
    });
  });

  it('counts nobody who came back before they were due, but everyone who was given out', async () => {
    await write({ passed: { missing: ['ref-1'], due: ['ref-1'] }, remembered: [tombstone(1)] });
    await write({ forgotten: ['ref-1'] });
    expect(await leavers.passedSince(AT)).toEqual({ missing: new Set(), due: new Set(['ref-1']) });
  });

  it('remembers nobody for ever', async () => {
    await write({ passed: { missing: ['ref-1'], due: ['ref-1'] } });
    await write({ at: AT + 2 * DAY, passed: { missing: ['ref-2'], due: [] } });
    expect(await leavers.passedSince(0)).toEqual({ missing: new Set(['ref-2']), due: new Set() });
  });
});

describe('createLeavers, keep', () => {
  it('remembers who is kept', async () => {
    await leavers.keep([]);
    expect(await leavers.kept()).toEqual(new Set());
    await leavers.keep(['ref-1', 'ref-2']);
    await leavers.keep(['ref-2']);
    expect(await leavers.kept()).toEqual(new Set(['ref-1', 'ref-2']));
  });
});

describe('createCommitter, a link that moves', () => {
  function linkOf(sourceId: string): Link {
    return {
      sourceId,
      omniId: randomUUID(),
      userName: `${sourceId}@acme.example`,
      provenance: 'created',
      state: 'active',
      since: 1_700_000_000,
      protected: false,
      confirmed: new Set(),
    };
  }

  function put(link: Link, change: Partial<Commit> = {}): Commit {
    const fingerprint = Buffer.alloc(8, link.sourceId);
    const { sourceId } = link;
    const effect = { kind: 'put' as const, link, fingerprint };
    return {
      ref: `ref-${sourceId.slice(1)}`,
      sourceId,
      version: 'v',
      effect,
      run: 'run',
      calls: 0,
      ...change,
    };
  }

  async function stored(): Promise<Link[]> {
    const found: Link[] = [];
    for await (const page of createLinks(redis, keys).stored()) found.push(...page.map(({ link }) => link));
    return found.sort((a, b) => (a.sourceId < b.sourceId ? -1 : 1));
  }

  /** Another id in the bucket of E1. */
  function neighbour(): string {
    for (let n = 2; ; n++) if (bucketOf(`E${n}`) === bucketOf('E1')) return `E${n}`;
  }

  it.each([
    ['into another bucket', 'E2'],
    ['within its bucket', neighbour()],
  ])('is under the new sourceId alone, with its tombstones and approvals gone: %s', async (_, heir) => {
    const { commit } = createCommitter(redis, keys);
    const [old, other] = [linkOf('E1'), linkOf('E3')];
    await commit(put(old));
    await commit(put(other));
    const remembered = [tombstone(1), tombstone(3), tombstone(Number(heir.slice(1)))];
    await write({ remembered });
    await leavers.approve(remembered);
    const moved = { ...old, sourceId: heir };
    await commit(put(moved, { from: { sourceId: 'E1', ref: 'ref-1' } }));
    expect(await stored()).toEqual([moved, other].sort((a, b) => (a.sourceId < b.sourceId ? -1 : 1)));
    expect((await leavers.all()).map(({ ref }) => ref)).toEqual(['ref-3']);
    expect(await redis.hkeys(keys.approvals)).toEqual(['ref-3']);
    expect((await createLinks(redis, keys).index()).size).toBe(2);
  });

  it('leaves no tombstone and no approval of a link that is written or dropped', async () => {
    const { commit } = createCommitter(redis, keys);
    await write({ remembered: [tombstone(1), tombstone(2)] });
    await leavers.approve(await leavers.all());
    await commit(put(linkOf('E1')));
    await commit(put(linkOf('E2'), { effect: { kind: 'drop' } }));
    expect(await leavers.all()).toEqual([]);
    expect(await redis.exists(keys.approvals)).toBe(0);
  });

  it('keeps the tombstone where nothing was done', async () => {
    const { commit } = createCommitter(redis, keys);
    await write({ remembered: [tombstone(1)] });
    await commit(put(linkOf('E1'), { effect: { kind: 'none' } }));
    expect(await leavers.all()).toHaveLength(1);
  });
});

describe('keep and unkeep', () => {
  it('remember whom an operator keeps, until it is taken back', async () => {
    await leavers.keep([]);
    await leavers.keep(['ref-1', 'ref-2']);
    await leavers.unkeep([]);
    await leavers.unkeep(['ref-1']);
    expect(await leavers.kept()).toEqual(new Set(['ref-2']));
  });
});
