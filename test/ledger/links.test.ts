import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCommitter } from '../../ledger/commit.ts';
import { BUCKETS, syncKeys } from '../../ledger/keys.ts';
import { batches, createLinks } from '../../ledger/links.ts';
import { bucketOf } from '../../ledger/packing.ts';
import { withScripts } from '../../ledger/scripts.ts';
import type { Link } from '../../model/link.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const COUNT = 2_000;

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

const printOf = (n: number) => {
  const print = Buffer.alloc(8, 0xee);
  print.writeUInt32LE(n);
  return print;
};

function linkOf(n: number): Link {
  return {
    sourceId: `E${n}`,
    omniId: randomUUID(),
    userName: `p${n}@acme.example`,
    provenance: 'adopted',
    state: 'active',
    since: n,
    protected: n % 2 === 0,
    confirmed: new Set(['abcde', 'ÿÿÿÿÿ', '\0\0\0\0\0', 'five5', 'sixsi', 'seven', 'eight']),
  };
}

async function fill(count: number): Promise<Link[]> {
  const links = Array.from({ length: count }, (_, n) => linkOf(n));
  const { commit } = createCommitter(withScripts(redis), keys);
  await Promise.all(
    links.map((link, n) =>
      commit({
        ref: '',
        sourceId: link.sourceId,
        version: '',
        effect: { kind: 'put', link, fingerprint: printOf(n) },
        run: 'run',
        calls: 0,
      }),
    ),
  );
  return links;
}

/** How many commands Redis runs for `work`, by name. */
async function commandsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config('RESETSTAT');
  await work();
  const info = await redis.info('commandstats');
  const counts = [...info.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name, calls]) => [
    name,
    Number(calls),
  ]);
  return Object.fromEntries(counts);
}

describe('createLinks', () => {
  it('finds links by id, with their fingerprints, and leaves out who has none', async () => {
    const links = await fill(COUNT);
    const found = await createLinks(redis, keys).of(['E7', 'nobody', 'E1999', 'E7']);
    expect([...found.keys()].sort()).toEqual(['E1999', 'E7']);
    expect(found.get('E7')).toEqual({ link: links[7], bucket: bucketOf('E7'), fingerprint: printOf(7) });
  });

  it('reads links and their fingerprints in one transaction', async () => {
    await fill(20);
    const commands = await commandsOf(() => createLinks(redis, keys).of(['E1', 'E2']));
    expect(commands).toMatchObject({ multi: 1, mget: 1, hmget: 1, exec: 1 });
  });

  it('asks Redis nothing about nobody', async () => {
    const commands = await commandsOf(() => createLinks(redis, keys).of([]));
    expect(Object.keys(commands).filter((name) => !name.startsWith('config'))).toEqual([]);
  });

  it('yields every link once, or those of the buckets named', async () => {
    const links = await fill(COUNT);
    const all: Link[] = [];
    for await (const page of createLinks(redis, keys).stored()) all.push(...page.map(({ link }) => link));
    const byId = (a: Link, b: Link) => a.since - b.since;
    expect(all.sort(byId)).toEqual(links);
    const bucket = bucketOf('E3');
    const some: Link[] = [];
    for await (const page of createLinks(redis, keys).stored([bucket]))
      some.push(...page.map(({ link }) => link));
    expect(some.sort(byId)).toEqual(links.filter(({ sourceId }) => bucketOf(sourceId) === bucket));
  });

  it('reads the whole index in 16 commands', async () => {
    await fill(COUNT);
    const links = createLinks(redis, keys);
    const commands = await commandsOf(async () => {
      const index = await links.index();
      expect(index.size).toBe(COUNT);
      for (let n = 0; n < COUNT; n += 1) expect(index.see(`E${n}`, printOf(n))).toBe('first');
      expect(index.unseenBuckets()).toEqual([]);
    });
    expect(commands.hgetall).toBe(16);
    expect(commands).not.toHaveProperty('mget');
  });

  it('never gives a link the fingerprint of its neighbour while others write', async () => {
    const bucket = bucketOf('E0');
    const ids: number[] = [];
    for (let n = 0; ids.length < 8; n += 1) if (bucketOf(`E${n}`) === bucket) ids.push(n);
    const writer = createCommitter(withScripts(server.client()), keys);
    const commit = (n: number, effect: Parameters<typeof writer.commit>[0]['effect']) =>
      writer.commit({ ref: '', sourceId: `E${n}`, version: '', effect, run: 'run', calls: 0 });
    let writing = true;
    const writes = (async () => {
      for (let turn = 0; writing; turn += 1) {
        const n = ids[turn % ids.length] ?? 0;
        await commit(
          n,
          turn % 3 === 2 ? { kind: 'drop' } : { kind: 'put', link: linkOf(n), fingerprint: printOf(n) },
        );
      }
    })();
    // Among enough other buckets that Redis takes the commands in several gulps.
    const buckets = [bucket, ...Array.from({ length: 511 }, (_, n) => (bucket + n + 1) % BUCKETS)];
    for (let look = 0; look < 300; look += 1) {
      for await (const page of createLinks(redis, keys).stored(buckets)) {
        for (const { link, fingerprint } of page) expect(fingerprint).toEqual(printOf(link.since));
      }
    }
    writing = false;
    await writes;
  });

  it('takes at most 160 bytes of Redis a person with five attributes', async () => {
    const empty = await memory();
    const many = 100_000;
    for (let from = 0; from < many; from += 10_000) {
      const { commit } = createCommitter(withScripts(redis), keys);
      const commits = Array.from({ length: 10_000 }, (_, i) => linkOf(from + i)).map((link) => ({
        ref: '',
        sourceId: link.sourceId,
        version: '',
        effect: { kind: 'put' as const, link, fingerprint: printOf(link.since) },
        run: 'run',
        calls: 0,
      }));
      await Promise.all(commits.map(commit));
    }
    expect(((await memory()) - empty) / many).toBeLessThanOrEqual(160);
  });
});

/** Bytes that the data takes, as Redis counts them key by key. */
async function memory(): Promise<number> {
  const pipeline = redis.pipeline();
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) pipeline.memory('USAGE', keys.links(bucket));
  for (let group = 0; group < 16; group += 1) pipeline.memory('USAGE', keys.index(group), 'SAMPLES', 0);
  const answers = (await pipeline.exec()) ?? [];
  return answers.reduce((sum, [, bytes]) => sum + Number(bytes ?? 0), 0);
}

describe('batches', () => {
  it('cuts a list into slices, and nothing into none', () => {
    expect([...batches([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
    expect([...batches([], 2)]).toEqual([]);
  });
});
