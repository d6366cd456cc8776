/** No secret and no personal data in logs, error output, job data and the audit record: looked for after every journey and every rig of the suite. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { withPrivateRedis } from './ledger.ts';

/** All people of the tests have such addresses and names, and all their keys hold this word; a ref may begin with a digit. */
const PLANTED = [/@(acme\.)?example(\.com)?\b/i, /\bPerson (Number )?\d+(?![\w-])/i, /omni-sandbox-key/];

const SECRET = /omni-sandbox-key/;
/** The keys of a sync that are there to keep people: what is wanted of them, whose account it is, who waits for what. */
const KEEPS_PEOPLE =
  /^\{omni-sync:[\w-]+\}:(outbox|intents|quarantine|watermark|answers|links:\d+|leavers|held|unmatched|rejected|asks|ask:[\w-]+)$/;

/** The parts of an installation that are looked at. */
interface Kept {
  readonly folder: string;
  readonly configFile: string;
  told(): string;
}

/**
 * Looks through what the processes of an installation wrote to standard error and to the audit record, and through all that
 * Redis keeps: people are in the keys that are there for them, and in no other; secrets are in none.
 */
export async function expectNothingLeaked(journey: Kept): Promise<void> {
  const kept = await withPrivateRedis(join(journey.folder, 'data'), everyKey);
  expectNothingPlanted(journey.told(), audited(journey));
  expectKeptWell(kept);
}

/** The audit record, without the values where the configuration asks for them. */
function audited({ folder, configFile }: Kept): string {
  const data = join(folder, 'data');
  const names = readdirSync(data, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.jsonl'));
  const lines = files.flatMap((name) => readFileSync(join(data, name), 'utf8').split('\n').slice(0, -1));
  if (!readFileSync(configFile, 'utf8').includes('values: true')) return lines.join('\n');
  return lines.map((line) => JSON.stringify({ ...JSON.parse(line), values: undefined })).join('\n');
}

/** @throws AssertionError where a key holds what it is not there for. */
export function expectKeptWell(kept: ReadonlyMap<string, string>): void {
  for (const [key, dump] of kept) {
    expect(dump, key).not.toMatch(SECRET);
    if (!KEEPS_PEOPLE.test(key)) expectNothingPlanted(key, dump);
  }
}

/** @throws AssertionError where one of the texts holds an address, a name or a key. */
export function expectNothingPlanted(...texts: readonly string[]): void {
  for (const text of texts) for (const planted of PLANTED) expect(text).not.toMatch(planted);
}

/** Every key that holds no packed links, with all that it holds. */
export async function keptBesideLinks(redis: Redis): Promise<string> {
  const kept = [...(await everyKey(redis))].filter(([key]) => !/:links:\d+$/.test(key));
  return kept.map(([key, dump]) => `${key} ${dump}`).join('\n');
}

/** Every key that is there, with all that it holds. */
export async function everyKey(redis: Redis): Promise<Map<string, string>> {
  // All at once: somebody's ten thousand links are thousands of keys.
  const names = await redis.keys('*');
  return new Map(await Promise.all(names.map(async (key) => [key, await dumpOf(redis, key)] as const)));
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
