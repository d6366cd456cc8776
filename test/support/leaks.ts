/** No secret and no personal data in logs, error output and job data: looked for after every journey of the suite. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { withPrivateRedis } from './ledger.ts';

/** All people of the journeys have addresses there, and all their keys hold this word. */
const PLANTED = [/@example\.com/i, /omni-sandbox-key/];

/** Looks through what the processes of an installation wrote to standard error, and through everything BullMQ keeps. */
export async function expectNothingLeaked(journey: { folder: string; told(): string }): Promise<void> {
  const jobs = await withPrivateRedis(join(journey.folder, 'data'), async (redis) => {
    const kept: string[] = [];
    for (const queue of ['apply', 'reconcile']) {
      for (const key of await redis.keys(`*}:${queue}:*`)) kept.push(key, await dumpOf(redis, key));
    }
    return kept.join('\n');
  });
  for (const planted of PLANTED) {
    expect(journey.told()).not.toMatch(planted);
    expect(jobs).not.toMatch(planted);
  }
}

async function dumpOf(redis: import('ioredis').Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  if (type === 'hash') return JSON.stringify(await redis.hgetall(key));
  if (type === 'stream') return JSON.stringify(await redis.xrange(key, '-', '+'));
  return '';
}
