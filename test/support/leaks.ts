/** No secret and no personal data in logs, error output and job data: looked for after every journey and every rig of the suite. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { withPrivateRedis } from './ledger.ts';

/** All people of the tests have such addresses and names, and all their keys hold this word. */
const PLANTED = [/@(acme\.)?example(\.com)?\b/i, /\bPerson (Number )?\d/i, /omni-sandbox-key/];

/** Looks through what the processes of an installation wrote to standard error, and through everything BullMQ keeps. */
export async function expectNothingLeaked(journey: { folder: string; told(): string }): Promise<void> {
  const jobs = await withPrivateRedis(join(journey.folder, 'data'), keptByBullMQ);
  expectNothingPlanted(journey.told(), jobs);
}

/** @throws AssertionError where one of the texts holds an address, a name or a key. */
export function expectNothingPlanted(...texts: readonly string[]): void {
  for (const text of texts) for (const planted of PLANTED) expect(text).not.toMatch(planted);
}

/** Every key that holds no packed links, with all that it holds. */
export async function keptBesideLinks(redis: Redis): Promise<string> {
  const names = (await redis.keys('*')).filter((key) => !/:links:\d+$/.test(key));
  return (await Promise.all(names.map(async (key) => `${key} ${await dumpOf(redis, key)}`))).join('\n');
}

/** Every key that BullMQ has there, with all that it holds. */
export async function keptByBullMQ(redis: Redis): Promise<string> {
  const kept: string[] = [];
  for (const queue of ['apply', 'reconcile']) {
    for (const key of await redis.keys(`*}:${queue}:*`)) kept.push(key, await dumpOf(redis, key));
  }
  return kept.join('\n');
}

const DUMPS: Readonly<Record<string, (redis: Redis, key: string) => Promise<unknown>>> = {
  string: (redis, key) => redis.get(key),
  hash: (redis, key) => redis.hgetall(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, '0', '-1', 'WITHSCORES'),
  stream: (redis, key) => redis.xrange(key, '-', '+'),
  // Expired meanwhile.
  none: async () => null,
};

async function dumpOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  const dump = DUMPS[type];
  if (dump === undefined) throw new Error(`${key} is a ${type}: leaks.ts cannot look into it`);
  return JSON.stringify(await dump(redis, key));
}
