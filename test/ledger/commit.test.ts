import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Commit, createCommitter, type LinkEffect, standingEffect } from '../../ledger/commit.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireLease, type Lease } from '../../ledger/lease.ts';
import { createLinks, groupOf } from '../../ledger/links.ts';
import { createOutbox, type OutboxRow } from '../../ledger/outbox.ts';
import { bucketOf } from '../../ledger/packing.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import type { Link } from '../../model/link.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');

let server: TestRedis;
let plain: Redis;
let redis: ScriptedRedis;

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
});

/** Ids that share one bucket, so that they are packed side by side. */
function neighbours(count: number): string[] {
  const found: string[] = [];
  const bucket = bucketOf('E0');
  for (let n = 0; found.length < count; n += 1) if (bucketOf(`E${n}`) === bucket) found.push(`E${n}`);
  return found;
}

function linkOf(sourceId: string, change: Partial<Link> = {}): Link {
  return {
    sourceId,
    omniId: randomUUID(),
    userName: `${sourceId}@acme.example`,
    provenance: 'created',
    state: 'active',
    since: 1_700_000_000,
    protected: false,
    confirmed: new Set(),
    ...change,
  };
}

function commitOf(sourceId: string, effect: LinkEffect, change: Partial<Commit> = {}): Commit {
  return { ref: `ref-${sourceId}`, sourceId, version: 'v1', effect, run: 'run', calls: 0, ...change };
}

/** What the ledger holds: id → link and fingerprint, with blob and index read apart. */
async function stored(ids?: readonly string[]): Promise<Map<string, { link: Link; print: string }>> {
  const found = new Map<string, { link: Link; print: string }>();
  for await (const page of createLinks(redis, keys).stored(ids && [...new Set(ids.map(bucketOf))])) {
    for (const { link, fingerprint } of page)
      found.set(link.sourceId, { link, print: fingerprint.toString('hex') });
  }
  return found;
}

const IDS = [...neighbours(6), 'lone', '', 'ж'.repeat(127)];
const digest = fc
  .uint8Array({ minLength: 5, maxLength: 5 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const print = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes));
const written = fc.record({
  userName: fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed()),
  confirmed: fc.uniqueArray(digest, { maxLength: 8 }).map((digests) => new Set(digests)),
  protected: fc.boolean(),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), fc.constantFrom(...IDS), written, print) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('drop' as const), fc.constantFrom(...IDS), written, print) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('mark' as const), fc.constantFrom(...IDS), written, print) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('none' as const), fc.constantFrom(...IDS), written, print) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Model = Map<string, { link: Link; print: string }>;

function effectOf([kind, id, change, fingerprint]: Step): LinkEffect {
  if (kind === 'put') return { kind, link: linkOf(id, change), fingerprint };
  return kind === 'mark' ? { kind, fingerprint } : { kind };
}

/** The same in a map. */
function follow(model: Model, id: string, effect: LinkEffect): void {
  const before = model.get(id);
  if (effect.kind === 'put') model.set(id, { link: effect.link, print: effect.fingerprint.toString('hex') });
  if (effect.kind === 'drop') model.delete(id);
  if (effect.kind === 'mark' && before !== undefined)
    model.set(id, { ...before, print: effect.fingerprint.toString('hex') });
}

describe('createCommitter', () => {
  it('keeps links and fingerprints side by side through any sequence of effects', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 120 }), async (steps) => {
        await redis.flushall();
        const model: Model = new Map();
        const { commit } = createCommitter(redis, keys);
        for (const one of steps) {
          const effect = effectOf(one);
          follow(model, one[1], effect);
          await commit(commitOf(one[1], effect));
        }
        expect(await stored(IDS)).toEqual(model);
        const index = await createLinks(redis, keys).index();
        expect(index.size).toBe(model.size);
        for (const [id, { print: hex }] of model)
          expect(index.see(id, Buffer.from(hex, 'hex'))).not.toBe('absent');
      }),
      { numRuns: 150 },
    );
  });

  it('writes many as it writes one', async () => {
    const ids = [...neighbours(5), ...Array.from({ length: 300 }, (_, n) => `many-${n}`)];
    const prints = ids.map(() => randomBytes(8));
    const commits = ids.map((id, i) =>
      commitOf(id, { kind: 'put', link: linkOf(id), fingerprint: prints[i] ?? Buffer.alloc(8) }),
    );
    await Promise.all(commits.map(createCommitter(redis, keys).commit));
    const found = await stored();
    expect(found.size).toBe(ids.length);
    ids.forEach((id, i) => {
      expect(found.get(id)?.print).toBe(prints[i]?.toString('hex'));
    });
  });

  it('leaves no key behind when the last link of a bucket goes', async () => {
    const { commit } = createCommitter(redis, keys);
    const fingerprint = Buffer.from('ff00000000000a0d', 'hex');
    await commit(commitOf('lone', { kind: 'put', link: linkOf('lone'), fingerprint }));
    const bucket = bucketOf('lone');
    expect(await redis.exists(keys.links(bucket), keys.index(groupOf(bucket)))).toBe(2);
    await commit(commitOf('lone', { kind: 'drop' }));
    expect(await redis.exists(keys.links(bucket), keys.index(groupOf(bucket)))).toBe(0);
  });

  it('tells a link of a neighbour whose id begins alike from its own', async () => {
    const b = 'E0';
    const a =
      Array.from({ length: 200_000 }, (_, n) => `${b}${n}`).find((id) => bucketOf(id) === bucketOf(b)) ?? '';
    expect(a).not.toBe('');
    const { commit } = createCommitter(redis, keys);
    await commit(commitOf(a, { kind: 'put', link: linkOf(a), fingerprint: Buffer.alloc(8, 1) }));
    await commit(commitOf(b, { kind: 'mark', fingerprint: Buffer.alloc(8, 2) }));
    await commit(commitOf(b, { kind: 'drop' }));
    const found = await stored();
    expect([...found.keys()]).toEqual([a]);
    expect(found.get(a)?.print).toBe('01'.repeat(8));
  });
});

describe('createCommitter, beside the link', () => {
  let lease: Lease;

  beforeEach(async () => {
    const taken = await acquireLease(redis, keys, 'test');
    if (taken === undefined) throw new Error('the lease is taken');
    lease = taken;
    return () => lease.release();
  });

  const row = (version: string): OutboxRow => ({
    ref: 'ref-E1',
    sourceId: 'E1',
    version,
    protected: false,
    run: 'run',
  });

  it('removes the row that was applied, the intent and the quarantine', async () => {
    const outbox = createOutbox(redis, keys);
    await outbox.put([row('v1')], lease.token);
    await redis.intend(keys.intents, keys.outbox, 'ref-E1', 'v1', '', '', '');
    await redis.hset(keys.quarantine, 'ref-E1', '0\n0\n{}');
    const { commit } = createCommitter(redis, keys);
    const fingerprint = Buffer.alloc(8, 7);
    expect(await commit(commitOf('E1', { kind: 'put', link: linkOf('E1'), fingerprint }))).toBe(true);
    expect(await outbox.size()).toBe(0);
    expect(await redis.exists(keys.intents, keys.quarantine)).toBe(0);
  });

  it('leaves a newer row, and says that it waits', async () => {
    const outbox = createOutbox(redis, keys);
    await outbox.put([row('v2')], lease.token);
    const { commit } = createCommitter(redis, keys);
    const effect: LinkEffect = { kind: 'put', link: linkOf('E1'), fingerprint: Buffer.alloc(8, 7) };
    expect(await commit(commitOf('E1', effect))).toBe(false);
    expect((await outbox.get('ref-E1'))?.version).toBe('v2');
    expect((await stored()).has('E1')).toBe(true);
  });

  it.each([
    ['v', 'v1'],
    ['v11', 'v1'],
  ])('does not take version %s for %s', async (applied, waiting) => {
    const outbox = createOutbox(redis, keys);
    await outbox.put([row(waiting)], lease.token);
    const { commit } = createCommitter(redis, keys);
    expect(await commit(commitOf('E1', { kind: 'none' }, { version: applied }))).toBe(false);
    expect(await outbox.size()).toBe(1);
  });

  it('counts what was applied and called, and leaves an audit record', async () => {
    const { commit } = createCommitter(redis, keys);
    await commit(commitOf('E1', { kind: 'none' }, { kind: 'create', calls: 2, audit: { did: 'create' } }));
    await commit(commitOf('E1', { kind: 'none' }, { kind: 'update', calls: 1 }));
    expect(await redis.hgetall(keys.run('run'))).toEqual({
      applied: '2',
      'applied:create': '1',
      'applied:update': '1',
      calls: '3',
    });
    expect(await redis.xlen(keys.audit)).toBe(1);
    expect(await redis.ttl(keys.run('run'))).toBeGreaterThan(0);
  });
});

describe('standingEffect', () => {
  const fingerprint = Buffer.alloc(8);

  it('marks, and writes a protection that changed', () => {
    const link = linkOf('E1');
    expect(standingEffect(link, false, fingerprint)).toEqual({ kind: 'mark', fingerprint });
    expect(standingEffect(undefined, true, fingerprint)).toEqual({ kind: 'mark', fingerprint });
    expect(standingEffect(link, true, fingerprint)).toEqual({
      kind: 'put',
      link: { ...link, protected: true },
      fingerprint,
    });
  });
});
