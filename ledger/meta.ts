/**
 * What a ledger says of itself: the version of its form, whose people it remembers, and its epoch, by which a ledger
 * that was wiped or set back to an older copy is noticed. A cold ledger first learns who is in Omni.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { type Envelope, PLAIN, unknownKey } from './envelope.ts';
import { BUCKETS, BUCKETS_PER_GROUP, type SyncKeys } from './keys.ts';
import { batches } from './links.ts';
import { reseal } from './reseal.ts';
import type { ScriptedRedis } from './scripts.ts';
import { createNote } from './set-back.ts';

/** The form of the data in Redis that this program writes. */
const SCHEMA = 1;

/** Whose people a ledger remembers; another one's must not be believed. */
export interface Identity {
  readonly omniHost: string;
  readonly directory: string;
  readonly idExpression: string;
}

export interface Meta {
  /**
   * Opens, or begins where there is none, the ledger: called at the start of every reconcile and command, since Redis
   * may have been wiped meanwhile.
   * @throws SyncError `config` for a newer form, another identity without `rebind`, or values under a key that is not known.
   */
  begin(): Promise<Begun>;
  /**
   * What `begin` would find, with nothing written: another identity is told, not refused.
   * @throws SyncError `config` for a newer form, or values under a key that is not known.
   */
  look(): Promise<Look>;
  /** From now on the ledger is believed to know everyone in Omni, unless it is not `epoch`'s any more: wiped or set back meanwhile. */
  warm(epoch: string): Promise<void>;
  /**
   * Counts the beginning or the end of a run, or an act that calls a removal off, here and in the data folder: the pair that tells an
   * older copy. A beginning or an act before what it is about is written. Where the folder takes no file, a warning comes back: what was counted is good without.
   */
  count(): Promise<string | undefined>;
  /**
   * Notes in the data folder how far Redis has come, so that a process which counts no runs notices an older copy too: to be
   * called every so often. A warning comes back once for each run that cannot be noted.
   */
  witness(): Promise<string | undefined>;
}

export interface Begun {
  /** The key of `ref`s, made once for each ledger. */
  readonly refKey: string;
  /** Made once for each ledger: one that was wiped, or is noticed to be an older copy, gets another. */
  readonly epoch: string;
  /** Nobody has been correlated with Omni's accounts yet, or the ledger was set back to an older copy. */
  readonly cold: boolean;
}

export interface Look {
  /** Absent where there is no ledger yet. */
  readonly refKey: string | undefined;
  readonly cold: boolean;
  /** How the identity differs from the one that is remembered, in words. */
  readonly rebinds?: string;
  /** It remembers another Omni, whose people would be forgotten. */
  readonly otherOmni: boolean;
}

export interface MetaOptions {
  readonly redis: ScriptedRedis;
  readonly keys: SyncKeys;
  readonly sync: string;
  readonly identity: Identity;
  /** Where the epoch is noted beside Redis. */
  readonly dataDir: string;
  /** Accept another identity: what was remembered of another Omni is forgotten. */
  readonly rebind: boolean;
  readonly envelope?: Envelope;
}

/** The ledger's word on itself, for one sync. */
export function createMeta(options: MetaOptions): Meta {
  const { redis, keys, envelope = PLAIN } = options;
  const noted = createNote(redis, keys, join(options.dataDir, `epoch-${options.sync}.json`));
  return {
    async begin() {
      const stored = await redis.hgetall(keys.meta);
      checkSchema(stored.schema);
      checkKey(stored.sealedWith, envelope);
      if (stored.identity !== undefined && stored.identity !== JSON.stringify(options.identity))
        await rebind(options, stored);
      const said = isBegun(stored, options)
        ? stored
        : await beginWhole(options, stored, await noted.nextEpoch());
      const now = (await noted.tell(countedOf(said))) ? await redis.hgetall(keys.meta) : said;
      return { refKey: now.refKey ?? '', epoch: now.epoch ?? '', cold: now.warm === undefined };
    },
    async look() {
      const isOlder = await noted.read();
      const stored = await redis.hgetall(keys.meta);
      checkSchema(stored.schema);
      checkKey(stored.sealedWith, envelope);
      const { identity } = options;
      const other = stored.identity !== undefined && stored.identity !== JSON.stringify(identity);
      return {
        refKey: stored.refKey,
        cold: other || isOlder(countedOf(stored)) || stored.warm === undefined,
        ...(other && { rebinds: changes(stored.identity, identity) }),
        otherOmni: other && stored.omniHost !== identity.omniHost,
      };
    },
    warm: async (epoch) => void (await redis.warmLedger(keys.meta, epoch)),
    count: noted.count,
    witness: noted.witness,
  };
}

function countedOf({ epoch = '', runs = '0' }: Record<string, string>) {
  return { epoch, runs: Number(runs) };
}

/** Nothing is to be written: the usual case, at every command and for every person who is looked up. */
function isBegun(stored: Record<string, string>, { identity, envelope = PLAIN }: MetaOptions): boolean {
  const { schema, omniHost, epoch, refKey, runs } = stored;
  const whole = ![schema, omniHost, epoch, refKey, runs].includes(undefined);
  return whole && stored.identity === JSON.stringify(identity) && stored.sealedWith === envelope.sealsWith;
}

/** @returns what is stored then */
async function beginWhole(
  options: MetaOptions,
  stored: Record<string, string>,
  epoch: string,
): Promise<Record<string, string>> {
  const { redis, keys, envelope = PLAIN } = options;
  await beginIfMissing(options, epoch);
  if (stored.sealedWith !== envelope.sealsWith) await sealAll(options, envelope);
  return redis.hgetall(keys.meta);
}

async function beginIfMissing({ redis, keys, identity }: MetaOptions, epoch: string): Promise<void> {
  const whose = { schema: SCHEMA, identity: JSON.stringify(identity), omniHost: identity.omniHost };
  const begun = { ...whose, epoch, refKey: randomBytes(16).toString('base64url'), runs: 0 };
  await Promise.all(Object.entries(begun).map(([field, value]) => redis.hsetnx(keys.meta, field, value)));
}

function checkSchema(stored: string | undefined): void {
  if (stored === undefined || Number(stored) <= SCHEMA) return;
  throw new SyncError(
    'config',
    'ledger.newer',
    `the ledger in Redis has form ${stored}, this program knows forms up to ${SCHEMA}: a newer omni-sync has used it; run that one, or give this one a Redis of its own`,
  );
}

function checkKey(sealedWith: string | undefined, envelope: Envelope): void {
  if (sealedWith !== undefined && !envelope.opens(sealedWith)) throw unknownKey(sealedWith);
}

/** Noted last: a death on the way has it done again. */
async function sealAll({ redis, keys }: MetaOptions, envelope: Envelope): Promise<void> {
  if (envelope.sealsWith === undefined) return;
  await reseal(redis, keys, envelope);
  await redis.hset(keys.meta, 'sealedWith', envelope.sealsWith);
}

async function rebind(options: MetaOptions, stored: Record<string, string>): Promise<void> {
  const { redis, keys, identity } = options;
  if (!options.rebind) {
    throw new SyncError(
      'config',
      'ledger.identity',
      `sync ${options.sync}: Redis remembers people under another configuration: ${changes(stored.identity, identity)}; if the change is meant, run once with --rebind`,
    );
  }
  await redis.hdel(keys.meta, 'warm');
  await redis.unlink(keys.watermark);
  // Before the identity changes: a death between the two must not leave them to be believed.
  if (stored.omniHost !== identity.omniHost) await forgetPeople(redis, keys);
  await redis.hset(keys.meta, 'identity', JSON.stringify(identity), 'omniHost', identity.omniHost);
}

/** Links to accounts of another Omni mean nothing here. */
async function forgetPeople(redis: ScriptedRedis, keys: SyncKeys): Promise<void> {
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
  for (const batch of batches(buckets, BUCKETS_PER_GROUP)) await redis.unlink(...batch.map(keys.links));
  const groups = Array.from({ length: BUCKETS / BUCKETS_PER_GROUP }, (_, group) => group);
  await redis.unlink(...groups.map(keys.index), keys.outbox, keys.intents, keys.quarantine, keys.rejected);
  await redis.unlink(keys.leavers, keys.approvals, keys.passed('missing'), keys.passed('due'));
  await redis.unlink(keys.definitions, keys.definitionsFresh, keys.unmatched, keys.held, keys.answers);
  await redis.unlink(keys.drift, keys.verify);
}

/** What differs, each part with its old and its new value. */
function changes(stored: string | undefined, now: Identity): string {
  const old = JSON.parse(stored ?? '{}') as Partial<Identity>;
  const parts = [
    ['Omni', old.omniHost, now.omniHost],
    ['the directory', old.directory, now.directory],
    ['users.id', old.idExpression, now.idExpression],
  ].filter(([, before, after]) => before !== after);
  return parts
    .map(([what, before, after]) => `${what} was ${before ?? 'unknown'} and is ${after}`)
    .join(', ');
}
