import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Audit, createAudit } from '../../ledger/audit.ts';
import { createAuditHeads } from '../../ledger/audit-heads.ts';
import { openTrail } from '../../ledger/audit-trail.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const AT = '2026-01-31T06:00:00.000Z';

let server: TestRedis;
let audit: Audit;
let elsewhere: Audit;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const redis = server.client();
  await redis.flushall();
  const dataDir = mkdtempSync(join(tmpdir(), 'audit-'));
  const trail = openTrail({
    dataDir,
    host: 'h',
    heads: createAuditHeads(redis),
    retentionMs: 1e12,
    onHead: () => undefined,
  });
  const options = { redis, keys: syncKeys('acme'), sync: 'acme', dataDir };
  audit = createAudit({ ...options, trail });
  elsewhere = createAudit(options);
  return () => rmSync(dataDir, { recursive: true, force: true });
});

async function record(did: string, { at = AT, shown = false, by = audit } = {}): Promise<void> {
  const entry = { ...by.stamp({ did, sourceId: 'E1' }), at };
  await by.keep(entry, false);
  if (shown) await by.show(entry);
}

const read = async () => (await audit.read({})).map(({ did }) => did);

it('tells what was done in one millisecond in its order, also where the view has only the end of it', async () => {
  await record('send');
  await record('answer');
  await record('create', { shown: true });
  expect(await read()).toEqual(['send', 'answer', 'create']);
});

it('puts what other hosts did where its time says, and tells each entry once', async () => {
  await record('create', { shown: true });
  await record('run', { at: '2026-01-31T05:59:59.999Z', shown: true, by: elsewhere });
  await record('pause', { at: '2026-01-31T06:00:00.001Z', shown: true, by: elsewhere });
  expect(await read()).toEqual(['run', 'create', 'pause']);
});

it('tells of an act its end, where that has been', async () => {
  const act = { ...audit.stamp({ did: 'import', who: 'cli:me' }), at: AT };
  await audit.keep(act, true);
  expect((await audit.read({})).map(({ outcome }) => outcome)).toEqual([undefined]);
  await audit.keep({ ...act, outcome: 'done' }, false);
  await audit.show({ ...act, outcome: 'done' });
  expect((await audit.read({})).map(({ outcome }) => outcome)).toEqual(['done']);
});

it('tells an act for several people once, and nothing of others', async () => {
  await audit.keep({ ...audit.stamp({ did: 'keep', people: ['E1', 'E2', 'E3'] }), at: AT }, false);
  await audit.keep({ ...audit.stamp({ did: 'create', sourceId: 'E2' }), at: AT }, false);
  await audit.keep({ ...audit.stamp({ did: 'create', sourceId: 'E3' }), at: AT }, false);
  const found = await audit.read({ sourceIds: ['E1', 'E2'] });
  expect(found.map(({ did, sourceId }) => [did, sourceId])).toEqual([
    ['keep', undefined],
    ['create', 'E2'],
  ]);
});
