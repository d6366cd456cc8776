import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectNothingPlanted, keptByBullMQ } from './leaks.ts';
import { startRedis, type TestRedis } from './redis.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const KEY = '{omni-sync:acme}:apply:x';
const NAME = 'Person Number 7';

describe('keptByBullMQ', () => {
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
    expect(await keptByBullMQ(redis)).toContain(NAME);
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
