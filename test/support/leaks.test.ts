import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { everyKey, expectKeptWell, expectNothingLeaked, expectNothingPlanted } from './leaks.ts';
import { startRedis, type TestRedis } from './redis.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const KEY = '{omni-sync:acme}:apply:x';
const NAME = 'Person Number 7';

describe('everyKey', () => {
  beforeEach(() => server.client().flushall());

  it.each([
    ['a string', ['set', KEY, NAME]],
    ['a hash', ['hset', KEY, 'data', NAME]],
    ['the field of a hash', ['hset', KEY, NAME, '']],
    ['a list', ['rpush', KEY, 'a', NAME]],
    ['a set', ['sadd', KEY, NAME]],
    ['a sorted set', ['zadd', KEY, '1', NAME]],
    ['a stream', ['xadd', KEY, '*', 'data', NAME]],
    ['the name of a key', ['set', `{omni-sync:acme}:reconcile:${NAME}`, '1']],
  ] as const)('shows what is in %s', async (_, [command, ...args]) => {
    const redis = server.client();
    await redis.call(command, ...args);
    const kept = await everyKey(redis);
    expect([...kept].flat().join()).toContain(NAME);
    expect(() => expectKeptWell(kept)).toThrow();
  });
});

describe('expectKeptWell', () => {
  it('lets people be where they are kept, and secrets nowhere', () => {
    const keptIn = (key: string, text: string) => () => expectKeptWell(new Map([[key, text]]));
    expect(keptIn('{omni-sync:acme}:outbox', NAME)).not.toThrow();
    expect(keptIn('{omni-sync:acme}:links:7', NAME)).not.toThrow();
    expect(keptIn('{omni-sync:acme}:runs', NAME)).toThrow();
    expect(keptIn('{omni-sync:acme}:outbox', 'omni-sandbox-key')).toThrow();
  });
});

describe('expectNothingLeaked', () => {
  it.each([
    ['accepts an address in the values of the audit record', 'values', 'audit: { values: true }', false],
    ['refuses an address beside them', 'note', 'audit: { values: true }', true],
    ['refuses an address in values that nobody asked for', 'values', '', true],
  ])('%s', async (_, field, config, isLeak) => {
    const folder = mkdtempSync(join(tmpdir(), 'leaks-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'data', 'audit'), { recursive: true });
    const entry = JSON.stringify({ [field]: { userName: 'person.1@example.com' } });
    writeFileSync(join(folder, 'data', 'audit', 'host.000000000001.jsonl'), `${entry}\n`);
    const configFile = join(folder, 'omni-sync.yaml');
    writeFileSync(configFile, config);
    const looked = expectNothingLeaked({ folder, configFile, told: () => '' });
    if (isLeak) await expect(looked).rejects.toThrow('userName');
    else await looked;
  });
});

describe('expectNothingPlanted', () => {
  it.each([
    'to person.1@example.com',
    'P1@ACME.EXAMPLE is there',
    'Person Number 3',
    '"displayName":"Person 12"',
    'Bearer omni-sandbox-key',
  ])('refuses %j', (text) => {
    expect(() => expectNothingPlanted('', text)).toThrow();
  });

  it('accepts ids, refs and counts', () => {
    expectNothingPlanted('{"ref":"r3f","omniId":"o-1","sourceId":"E1","msg":"3 people, person E1"}');
  });
});
