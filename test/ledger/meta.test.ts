import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommitter } from '../../ledger/commit.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { createLinks } from '../../ledger/links.ts';
import { createMeta, type Identity, type Meta } from '../../ledger/meta.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { isSyncError } from '../../model/errors.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const ACME: Identity = { omniHost: 'acme.omniapp.co', directory: 'file people.csv', idExpression: 'id' };

let server: TestRedis;
let redis: ScriptedRedis;
let dataDir: string;

beforeEach(async () => {
  // A write that is acknowledged is on the disk: with everysec a slow disk holds back up to two seconds of them, which a kill loses.
  server = await startRedis({ args: ['--appendfsync', 'always'] });
  redis = withScripts(server.client());
  dataDir = mkdtempSync(join(tmpdir(), 'meta-'));
  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
});

function metaOf(change: { identity?: Identity; rebind?: boolean; dataDir?: string } = {}): Meta {
  return createMeta({ redis, keys, sync: 'acme', identity: ACME, dataDir, rebind: false, ...change });
}

/** A whole first run: everyone is known afterwards. */
async function warmed(meta = metaOf()): Promise<void> {
  const { epoch } = await meta.begin();
  await meta.warm(epoch);
  await meta.count();
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isSyncError(error, 'config') ? error.code : String(error);
}

describe('createMeta', () => {
  it('is cold until it is warmed, and keeps its ref key and epoch', async () => {
    const first = await metaOf().begin();
    expect(first).toMatchObject({ cold: true });
    expect(first.refKey).toHaveLength(22);
    await warmed();
    expect(await metaOf().begin()).toEqual({ ...first, cold: false });
  });

  it('writes nothing where it has begun already', async () => {
    const first = await metaOf().begin();
    await redis.config('RESETSTAT');
    expect(await metaOf().begin()).toEqual(first);
    const commands = (await redis.info('commandstats')).match(/(?<=cmdstat_)\w+/g) ?? [];
    expect(commands.filter((name) => name.startsWith('h'))).toEqual(['hgetall']);
  });

  it('agrees on one ref key where many processes begin at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, () => {
        const own = withScripts(server.client());
        return createMeta({ redis: own, keys, sync: 'acme', identity: ACME, dataDir, rebind: false }).begin();
      }),
    );
    expect(new Set(all.map(({ refKey, epoch }) => `${refKey} ${epoch}`)).size).toBe(1);
  });

  it('mends a beginning that was killed half-way', async () => {
    await redis.hset(keys.meta, 'schema', '1');
    const begun = await metaOf().begin();
    expect(begun.refKey).toHaveLength(22);
    expect(begun.epoch).not.toBe('');
  });

  it('refuses a ledger of a newer form, and leaves it as it is', async () => {
    await warmed();
    await redis.hset(keys.meta, 'schema', '2');
    expect(await refusal(metaOf().begin())).toBe('ledger.newer');
    expect(await redis.hget(keys.meta, 'schema')).toBe('2');
  });

  it.each<[string, Partial<Identity>]>([
    ['Omni', { omniHost: 'play.omniapp.co' }],
    ['directory', { directory: 'ldap dc=acme' }],
    ['id', { idExpression: 'uid' }],
  ])('refuses people of another %s', async (_, other) => {
    await warmed();
    expect(await refusal(metaOf({ identity: { ...ACME, ...other } }).begin())).toBe('ledger.identity');
    expect(await metaOf().begin()).toMatchObject({ cold: false });
  });

  it('is cold after a rebind, and keeps the links where Omni is the same', async () => {
    await warmed();
    await link('E1');
    await redis.set(keys.watermark, '{}');
    const other = { ...ACME, directory: 'ldap dc=acme' };
    expect(await metaOf({ identity: other, rebind: true }).begin()).toMatchObject({ cold: true });
    expect(await redis.exists(keys.watermark)).toBe(0);
    expect((await createLinks(redis, keys).of(['E1'])).size).toBe(1);
    expect(await refusal(metaOf().begin())).toBe('ledger.identity');
  });

  it('forgets everyone where it is rebound to another Omni', async () => {
    await warmed();
    for (let n = 0; n < 50; n += 1) await link(`E${n}`);
    await redis.hset(keys.outbox, 'ref', 'v\n{}');
    const identity = { ...ACME, omniHost: 'other.omniapp.co' };
    await metaOf({ identity, rebind: true }).begin();
    expect((await createLinks(redis, keys).index()).size).toBe(0);
    expect(await redis.keys('*links*')).toEqual([]);
    expect(await redis.exists(keys.outbox)).toBe(0);
  });

  it('never believes the old links where a rebind is killed half-way', async () => {
    await warmed();
    await link('E1');
    const unlink = redis.unlink.bind(redis);
    const identity = { ...ACME, omniHost: 'other.omniapp.co' };
    redis.unlink = () => Promise.reject(new Error('killed'));
    await expect(metaOf({ identity, rebind: true }).begin()).rejects.toThrow('killed');
    redis.unlink = unlink;
    expect(await refusal(metaOf({ identity }).begin())).toBe('ledger.identity');
    await metaOf({ identity, rebind: true }).begin();
    expect((await createLinks(redis, keys).index()).size).toBe(0);
  });

  it('is cold, with another epoch, after it was wiped', async () => {
    await warmed();
    const before = await metaOf().begin();
    await redis.flushall();
    const after = await metaOf().begin();
    expect(after.cold).toBe(true);
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.refKey).not.toBe(before.refKey);
  });

  it('does not warm a ledger that was wiped after its run began', async () => {
    const { epoch } = await metaOf().begin();
    await redis.flushall();
    await metaOf().warm(epoch);
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });
});

describe('createMeta, where an older copy of Redis is restored', () => {
  let copy: string;

  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'copy-'));
  });
  afterEach(() => rmSync(copy, { recursive: true, force: true }));

  async function restore(): Promise<void> {
    await server.kill();
    rmSync(join(server.folder, 'appendonlydir'), { recursive: true });
    cpSync(join(copy, 'appendonlydir'), join(server.folder, 'appendonlydir'), { recursive: true });
    await server.start();
  }

  /** Copies what is on disk now. */
  async function save(): Promise<void> {
    await server.kill();
    cpSync(join(server.folder, 'appendonlydir'), join(copy, 'appendonlydir'), { recursive: true });
    await server.start();
  }

  it('turns cold once, and is warm again after a run', async () => {
    await warmed();
    await save();
    await metaOf().count();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    await restore();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
    // Also where that run was killed before its end.
    expect(await metaOf().begin()).toMatchObject({ cold: true });
    await warmed();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
  });

  it('stays warm where Redis came back with all it had', async () => {
    await warmed();
    await server.kill();
    await server.start();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
  });

  it('goes on without the note beside Redis, and with a broken one', async () => {
    await warmed();
    const note = join(dataDir, 'epoch-acme.json');
    expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ runs: 1 });
    rmSync(note);
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    for (const broken of ['', 'null', '{"epoch": 7, "runs": "9"}']) {
      writeFileSync(note, broken);
      expect(await metaOf().begin()).toMatchObject({ cold: false });
    }
    await metaOf().count();
    expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ runs: 2 });
  });

  it('is noticed by who only works, before a run and on another host, and known to all until a run has learned anew', async () => {
    const elsewhere = join(dataDir, 'elsewhere');
    mkdirSync(elsewhere);
    const worker = metaOf({ dataDir: elsewhere });
    await warmed();
    await save();
    await metaOf().count();
    await metaOf().count();
    expect(await worker.witness()).toBeUndefined();
    expect(await worker.begin()).toMatchObject({ cold: false });
    await restore();
    rmSync(join(dataDir, 'epoch-acme.json'));
    expect(await worker.begin()).toMatchObject({ cold: true });
    expect(await metaOf().begin()).toMatchObject({ cold: true });
    await warmed();
    expect(await worker.begin()).toMatchObject({ cold: false });
    await restore();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  it('is not hidden by a witness that sees the copy first', async () => {
    await warmed();
    await save();
    await metaOf().count();
    await restore();
    expect(await metaOf().witness()).toBeUndefined();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  /** What all processes of all hosts see. */
  const isWarm = async () => (await redis.hexists(keys.meta, 'warm')) === 1;

  it('is not hidden by a run that was at work, and counts itself on the copy', async () => {
    await warmed();
    await save();
    await metaOf().count();
    const { epoch } = await metaOf().begin();
    await restore();
    expect(await metaOf().count()).toBeUndefined();
    await metaOf().warm(epoch);
    expect(await isWarm()).toBe(false);
    await warmed();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
  });

  it.each([
    ['who reads the directory', (meta: Meta) => meta.begin()],
    ['who only works', (meta: Meta) => meta.witness()],
    ['who was at work', (meta: Meta) => meta.count()],
  ])('is noticed by %s where it is of before the ledger was wiped', async (_, meets) => {
    await warmed();
    await save();
    await redis.flushall();
    await warmed();
    await restore();
    expect(await metaOf().look()).toMatchObject({ cold: true });
    await meets(metaOf());
    expect(await isWarm()).toBe(false);
    await warmed();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    // The same copy once more.
    await restore();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  it('is noticed where the ledger has begun anew since with no note of the one before', async () => {
    await warmed();
    await save();
    await redis.flushall();
    rmSync(join(dataDir, 'epoch-acme.json'));
    await warmed();
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    await restore();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  it('is taken for one where two ledgers began in the same millisecond', async () => {
    await warmed();
    const [number] = String(await redis.hget(keys.meta, 'epoch')).split('.');
    await redis.hset(keys.meta, 'epoch', `${number}.another`);
    expect(await metaOf().look()).toMatchObject({ cold: true });
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  it.each([
    ['a wiped one', async () => void (await redis.flushall())],
    ['a copy', () => restore()],
  ])('is noticed where clocks were ahead when the ledger began, and %s came after it', async (_, loss) => {
    await warmed();
    await save();
    const ahead = `${Date.now() + 86_400_000}.ahead`;
    await redis.hset(keys.meta, 'epoch', ahead);
    rmSync(join(dataDir, 'epoch-acme.json'));
    await warmed();
    await loss();
    await warmed();
    expect(await redis.hget(keys.meta, 'epoch')).not.toBe(ahead);
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    await restore();
    expect(await metaOf().begin()).toMatchObject({ cold: true });
  });

  it('would be seen after many counts at once: the note is of the last', async () => {
    await warmed();
    const meta = metaOf();
    for (let round = 0; round < 20; round++) await Promise.all([1, 2, 3, 4].map(() => meta.count()));
    expect(JSON.parse(readFileSync(join(dataDir, 'epoch-acme.json'), 'utf8'))).toMatchObject({ runs: 81 });
  });

  it('keeps its note, and begins nothing, where a run counts itself in a Redis that was wiped', async () => {
    await warmed();
    const note = () => readFileSync(join(dataDir, 'epoch-acme.json'), 'utf8');
    const before = note();
    await redis.flushall();
    expect(await metaOf().count()).toBeUndefined();
    expect(note()).toBe(before);
    expect(await redis.exists(keys.meta)).toBe(0);
  });

  it('counts a run where the data folder takes no file, and warns', async () => {
    await warmed();
    rmSync(join(dataDir, 'epoch-acme.json'));
    mkdirSync(join(dataDir, 'epoch-acme.json'));
    expect(await metaOf().count()).toMatch(/epoch-acme\.json cannot be written \(EISDIR\).*mend/);
    expect(await redis.hget(keys.meta, 'runs')).toBe('2');
    expect(await metaOf().begin()).toMatchObject({ cold: false });
    expect(readdirSync(dataDir)).toEqual(['epoch-acme.json']);
    rmSync(join(dataDir, 'epoch-acme.json'), { recursive: true });
    expect(await metaOf().count()).toBeUndefined();
  });
});

async function link(sourceId: string): Promise<void> {
  await createCommitter(redis, keys).commit({
    ref: '',
    sourceId,
    version: '',
    effect: {
      kind: 'put',
      link: {
        sourceId,
        omniId: '9e8719d9-276a-4964-9395-a493189a247c',
        userName: 'a@acme.example',
        provenance: 'adopted',
        state: 'active',
        since: 0,
        protected: false,
        confirmed: new Set(),
      },
      fingerprint: randomBytes(8),
    },
    run: 'run',
    calls: 0,
  });
}
