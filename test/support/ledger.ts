/** The ledger of an installation, read as the product reads it, and held against what the sandbox has. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { createLinks } from '../../ledger/links.ts';
import { openPrivateRedis } from '../../ledger/private-redis.ts';
import type { Link } from '../../model/link.ts';
import type { Sandbox } from '../../sandbox/server.ts';

/** What the ledger of the sync `acme` holds. */
export interface LedgerRead {
  readonly links: readonly Link[];
  /** Desired states that wait. */
  readonly outbox: number;
  readonly intents: number;
}

/** The parts of a journey that are looked at. */
interface Installation {
  readonly folder: string;
  readonly sandbox: Sandbox;
}

/** Joins the private Redis of a data folder, starting it where it does not run. */
export async function withPrivateRedis<Result>(
  dataDir: string,
  work: (redis: Redis) => Promise<Result>,
): Promise<Result> {
  const own = await openPrivateRedis({ dataDir });
  const redis = new Redis({ path: own.socketPath });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
    await own.release();
  }
}

/** Every link of the sync `acme`, and how much still waits. */
export function readLedger(journey: Installation): Promise<LedgerRead> {
  return withPrivateRedis(join(journey.folder, 'data'), readLedgerOf);
}

/** The same of a Redis that is no private one. */
export async function readLedgerOf(redis: Redis): Promise<LedgerRead> {
  const keys = syncKeys('acme');
  const links: Link[] = [];
  for await (const page of createLinks(redis, keys).stored()) links.push(...page.map(({ link }) => link));
  return { links, outbox: await redis.hlen(keys.outbox), intents: await redis.hlen(keys.intents) };
}

/** The ledger remembers exactly these people, each with the account that the sandbox has for them. */
export async function expectLedgerEqual(
  journey: Installation,
  people: readonly { id: string; email: string }[],
): Promise<void> {
  const { links, outbox, intents } = await readLedger(journey);
  const ids = new Map(journey.sandbox.state().users.map(({ userName, id }) => [userName, id]));
  const wanted = people.map(({ id, email }) => [id, ids.get(email)]).sort();
  expect(links.map(({ sourceId, omniId }) => [sourceId, omniId]).sort()).toEqual(wanted);
  expect({ outbox, intents }).toEqual({ outbox: 0, intents: 0 });
}
