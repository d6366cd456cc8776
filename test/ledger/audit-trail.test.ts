import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chainKey, type Head, readRecord } from '../../ledger/audit-chain.ts';
import { checkAudit } from '../../ledger/audit-check.ts';
import { auditFiles, linesOf } from '../../ledger/audit-files.ts';
import { type AuditHeads, createAuditHeads } from '../../ledger/audit-heads.ts';
import { openTrail, type TrailOptions } from '../../ledger/audit-trail.ts';
import { lockFolder } from '../../ledger/folder-lock.ts';
import { ensureBuilt } from '../support/build.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const APPENDER = fileURLToPath(new URL('audit-appender.mjs', import.meta.url));

let server: TestRedis;
let heads: AuditHeads;
let dataDir: string;
let told: Head[];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const redis = server.client();
  await redis.flushall();
  heads = createAuditHeads(redis);
  told = [];
  dataDir = mkdtempSync(join(tmpdir(), 'audit-'));
  return () => rmSync(dataDir, { recursive: true, force: true });
});

function trailOf(options: Partial<TrailOptions> = {}) {
  const onHead = (head: Head) => told.push(head);
  return openTrail({ dataDir, host: 'h', heads, retentionMs: 1e12, onHead, ...options });
}

const now = () => new Date().toISOString();

const files = () => auditFiles(join(dataDir, 'audit'));

async function newest(): Promise<string> {
  return (await files()).at(-1)?.path ?? '';
}

async function records() {
  const found = [];
  for (const { path } of await files())
    for await (const { text } of linesOf(path)) found.push(readRecord(text, [])?.record);
  return found;
}

async function verdict(keys: Parameters<typeof checkAudit>[0]['keys'] = []) {
  const { hosts } = await checkAudit({ dataDir, host: 'h', heads: await heads.all(), keys });
  return hosts.flatMap(({ faults }) => faults.map(({ kind }) => kind));
}

async function fill(count: number, options: Partial<TrailOptions> = {}): Promise<void> {
  const trail = trailOf(options);
  for (let n = 0; n < count; n++) await trail.append({ at: now(), did: 'send', id: String(n) }, n % 2 === 0);
}

describe('openTrail', () => {
  it('makes nothing on disk before the first append, and files for this user alone', async () => {
    const trail = trailOf();
    expect(await files()).toEqual([]);
    await trail.append({ at: now(), did: 'start' }, true);
    expect(statSync(await newest()).mode & 0o077).toBe(0);
    expect(told).toHaveLength(1);
    expect(await heads.get(told[0]?.trail ?? '')).toMatchObject(told[0] ?? {});
  });

  it('keeps the order of what is appended at once, and goes on after another process', async () => {
    const [a, b] = [trailOf(), trailOf()];
    const ids = Array.from({ length: 200 }, (_, n) => String(n));
    await Promise.all(
      ids.map((id) => (Number(id) % 3 === 0 ? b : a).append({ at: now(), did: 'send', id }, false)),
    );
    const found = await records();
    expect(found.map((record) => record?.seq)).toEqual(ids.map((id) => Number(id) + 1));
    const ofB = found.map((record) => Number(record?.id)).filter((id) => id % 3 === 0);
    expect(ofB).toEqual(ofB.toSorted((x, y) => x - y));
    expect(await verdict()).toEqual([]);
  });

  it('begins another file when one is full, and its chain goes on', async () => {
    await fill(60, { fileBytes: 2_000 });
    expect((await files()).length).toBeGreaterThan(3);
    expect(await verdict()).toEqual([]);
    const [, second] = await files();
    rmSync(second?.path ?? '');
    expect(await verdict()).toContain('missing');
  });

  it('deletes what is older than it is kept for, and says so in the chain', async () => {
    await fill(60, { fileBytes: 2_000 });
    const before = (await files()).length;
    await fill(1, { fileBytes: 2_000, retentionMs: 0 });
    const after = await files();
    expect(after.length).toBeLessThan(before);
    expect(after[0]?.from).toBeGreaterThan(1);
    expect(await verdict()).toEqual([]);
    rmSync(after[0]?.path ?? '');
    expect(await verdict()).toContain('missing');
  });

  it('takes back the piece of a record that a dying process has written', async () => {
    await fill(3);
    appendFileSync(await newest(), '{"trail":"x","seq":4,"at');
    expect(await verdict()).toEqual(['cut']);
    await fill(2);
    expect(await verdict()).toEqual([]);
    expect((await records()).map((record) => record?.seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    ['a whole record', (text: string) => text.split('\n').slice(0, -2).join('\n').length + 1],
    ['the end of the last line', (text: string) => text.length - 1],
    ['everything', () => 0],
  ])('cannot hide by what it appends that %s was cut', async (_, cut) => {
    await fill(5);
    const path = await newest();
    truncateSync(path, cut(readFileSync(path, 'utf8')));
    expect((await verdict()).length).toBeGreaterThan(0);
    await fill(5);
    expect((await verdict()).length).toBeGreaterThan(0);
  });

  it('misses a file that was taken away, also once another has begun', async () => {
    await fill(5);
    rmSync(await newest());
    expect(await verdict()).toEqual(['missing']);
    await fill(3);
    expect(await verdict()).toEqual(['missing']);
  });

  it('goes on behind a line that is no record, which stays to be found', async () => {
    await fill(3);
    appendFileSync(await newest(), 'rubbish\n');
    await fill(3);
    expect(await verdict()).toContain('altered');
    expect((await records()).at(-1)?.did).toBe('send');
  });

  it('signs with a key, which is needed to check', async () => {
    const key = chainKey('s'.repeat(32));
    await fill(3, { key });
    expect(await verdict([key])).toEqual([]);
    expect(await verdict()).toEqual(['unknownKey']);
  });

  it('has told Redis of all that was appended when it is closed', async () => {
    const trail = trailOf();
    await trail.append({ at: now(), did: 'run' }, true);
    await trail.append({ at: now(), did: 'answer' }, false);
    await trail.close();
    expect((await heads.all()).map(({ seq }) => seq)).toEqual([2]);
  });

  it('closes where Redis is away', async () => {
    const note = () => new Promise<void>(() => undefined);
    const trail = trailOf({ heads: { ...heads, note } });
    await trail.append({ at: now(), did: 'answer' }, false);
    await trail.close();
    expect(await records()).toHaveLength(1);
  });

  it('rejects where the folder takes no file, and goes on once it does', async () => {
    writeFileSync(join(dataDir, 'audit'), 'in the way');
    const trail = trailOf();
    await expect(trail.append({ at: now(), did: 'send' }, true)).rejects.toThrow(/EEXIST|ENOTDIR/);
    rmSync(join(dataDir, 'audit'));
    await trail.append({ at: now(), did: 'send' }, true);
    expect(await verdict()).toEqual([]);
  });

  it('waits long for a holder that stands still but once, and goes on when it has gone', async () => {
    const place = join(dataDir, 'audit', 'lock');
    mkdirSync(place, { recursive: true });
    // Who is stopped lets go of nothing, however often it is asked.
    const { release } = await lockFolder(place, AbortSignal.timeout(240_000));
    const trail = trailOf();
    const refused = async () => {
      const since = performance.now();
      await expect(trail.append({ at: now(), did: 'send' }, true)).rejects.toThrow();
      return performance.now() - since;
    };
    const first = await refused();
    let later = 0;
    for (let n = 0; n < 5; n++) later += await refused();
    expect(later).toBeLessThan(first);
    await release();
    await trail.append({ at: now(), did: 'send' }, true);
    expect(await records()).toHaveLength(1);
  });

  it('works where the path of the folder is too long for a socket', async () => {
    dataDir = join(dataDir, 'a'.repeat(90));
    await fill(2);
    expect(await verdict()).toEqual([]);
  });

  it('loses nothing of what it said was durable when its processes are killed as they write', async () => {
    const dist = await ensureBuilt();
    const said: string[] = [];
    for (let round = 0; round < 2; round++) {
      const children = ['a', 'b', 'c'].map((name) => {
        const args = [APPENDER, dist, dataDir, server.path, `${round}${name}`];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        child.stdout.on('data', (chunk) => said.push(...String(chunk).trim().split('\n')));
        return child;
      });
      await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
      const upTo = said.length + 30 + Math.floor(Math.random() * 60);
      const [first] = children;
      while (said.length < upTo) await once(first?.stdout ?? process.stdin, 'data');
      for (const child of children) {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }
    }
    await trailOf().append({ at: now(), did: 'send', id: 'last' }, true);
    expect(await verdict()).toEqual([]);
    const ids = (await records()).map((record) => record?.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(said));
  });
});
