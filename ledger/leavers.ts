/** What is remembered of leavers: tombstones, what an operator approved or keeps, and whom the guard let pass when. */
import type { Tombstone } from '../model/leaver.ts';
import { PLAIN, type Sealed } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import { batches } from './links.ts';
import { scan, throwFenced } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';
import { writerKeys } from './writer-script.ts';

/** A tombstone with the ref of its person. */
export interface StoredTombstone extends Tombstone {
  readonly ref: string;
}

/** What a reconcile decided, to be written together. */
export interface LeaversChange {
  readonly at: number;
  readonly remembered: readonly StoredTombstone[];
  readonly forgotten: readonly string[];
  readonly passed: { readonly missing: readonly string[]; readonly due: readonly string[] };
}

export interface Leavers {
  /** Held ones that an operator has approved come as approved. */
  all(): Promise<StoredTombstone[]>;
  get(ref: string): Promise<StoredTombstone | undefined>;
  /** Refs of those who passed the guard's looks since a time in milliseconds; nobody is remembered for longer than two days. */
  passedSince(since: number): Promise<{ missing: Set<string>; due: Set<string> }>;
  /** In several scripts where there are many; whom the guard let pass is counted first. @throws SyncError `unsafe` where the lease has gone to another. */
  write(change: LeaversChange, token: string): Promise<void>;
  /** Lets these held leavers go; an approval holds for the leave that was shown, not for a later one. */
  approve(tombstones: readonly StoredTombstone[]): Promise<void>;
  /** Keeps these people, whatever the directory says; what was approved or decided of their leaving is forgotten. */
  keep(refs: readonly string[]): Promise<void>;
  /** Takes that back. */
  unkeep(refs: readonly string[]): Promise<void>;
  /** The refs of the people who are kept. */
  kept(): Promise<Set<string>>;
}

const CHANGES_AT_ONCE = 500;

/** The leavers of one sync. */
export function createLeavers(redis: ScriptedRedis, keys: SyncKeys, envelope = PLAIN): Leavers {
  const sealed = envelope.at(keys.leavers);
  const parse = (ref: string, text: string, approval: string | undefined) =>
    stored(ref, sealed.read(text, ref) as Tombstone, approval);
  async function get(ref: string): Promise<StoredTombstone | undefined> {
    const [json, approval] = await Promise.all([
      redis.hget(keys.leavers, ref),
      redis.hget(keys.approvals, ref),
    ]);
    return json === null ? undefined : parse(ref, json, approval ?? undefined);
  }
  return {
    get,
    async all() {
      const approvals = await redis.hgetall(keys.approvals);
      const found = new Map<string, StoredTombstone>();
      for await (const page of scan(redis, keys.leavers)) {
        for (const [ref, json] of page) found.set(ref, parse(ref, json, approvals[ref]));
      }
      return [...found.values()];
    },
    async passedSince(since) {
      const [missing, due] = await Promise.all([
        redis.zrangebyscore(keys.passed('missing'), since, '+inf'),
        redis.zrangebyscore(keys.passed('due'), since, '+inf'),
      ]);
      return { missing: new Set(missing), due: new Set(due) };
    },
    async write(change, token) {
      const about = [
        ...writerKeys(keys),
        keys.leavers,
        keys.approvals,
        keys.passed('missing'),
        keys.passed('due'),
      ];
      for (const batch of batches(linesOf(change, sealed), CHANGES_AT_ONCE)) {
        await redis.putLeavers(...about, token, change.at, ...batch.flat()).catch(throwFenced);
      }
    },
    async approve(tombstones) {
      if (tombstones.length === 0) return;
      await redis.hset(keys.approvals, Object.fromEntries(tombstones.map((one) => [one.ref, markOf(one)])));
    },
    async keep(refs) {
      if (refs.length === 0) return;
      const forget = [keys.approvals, keys.leavers] as const;
      await redis.sadd(keys.keeps, ...refs);
      for (const key of forget) await redis.hdel(key, ...refs);
    },
    async unkeep(refs) {
      if (refs.length > 0) await redis.srem(keys.keeps, ...refs);
    },
    async kept() {
      return new Set(await redis.smembers(keys.keeps));
    },
  };
}

/** As the script takes them. */
function linesOf({ remembered, forgotten, passed }: LeaversChange, sealed: Sealed): string[][] {
  return [
    ...passed.missing.map((ref) => ['missing', ref, '', '']),
    ...passed.due.map((ref) => ['due', ref, '', '']),
    ...forgotten.map((ref) => ['forget', ref, '', '']),
    ...remembered.map(({ ref, ...tombstone }) => {
      return ['remember', ref, sealed.write(tombstone, ref), markOf(tombstone)];
    }),
  ];
}

/** What an approval is bound to. */
function markOf({ since, cause, omniId }: Tombstone): string {
  return `${since} ${cause} ${omniId}`;
}

function stored(ref: string, tombstone: Tombstone, approval: string | undefined): StoredTombstone {
  if (tombstone.stage !== 'held' || approval !== markOf(tombstone)) return { ...tombstone, ref };
  const { heldBy: _, reason: __, ...approved } = tombstone;
  return { ...approved, stage: 'approved', ref };
}
