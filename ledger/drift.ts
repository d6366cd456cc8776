/**
 * What is remembered of drift: who differs in which fields, how far the rolling read has come, how the last pass went;
 * and the one change of a link that a pass makes. Never holds a value.
 */
import type { DriftRow } from '../model/drift.ts';
import type { Link } from '../model/link.ts';
import type { SyncKeys } from './keys.ts';
import { PUT_LINK } from './link-script.ts';
import { groupOf } from './links.ts';
import { scan, throwFenced } from './outbox.ts';
import { bucketOf, packLink } from './packing.ts';
import type { ScriptedRedis } from './scripts.ts';

/** So many people are kept by name. */
const KEPT = 10_000;

/** How a verify pass went. Times are ISO 8601. */
export interface VerifyPass {
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Why it did not come to its end. */
  readonly problem?: string;
  /** People whose account was compared, some of them twice. */
  readonly compared: number;
  readonly calls: number;
}

/** A link as a pass wants it to be. */
export interface Correction {
  readonly ref: string;
  /** As the pass has read it. */
  readonly before: Link;
  /** Nothing: no account is linked any more. */
  readonly after: Link | undefined;
  readonly fingerprint: Buffer;
}

export interface Drift {
  all(): Promise<Map<string, DriftRow>>;
  get(ref: string): Promise<DriftRow | undefined>;
  /** People who differ, as far as they are kept. */
  count(): Promise<number>;
  /** Remembers this person; not beyond so many. */
  put(ref: string, row: DriftRow): Promise<void>;
  remove(refs: readonly string[]): Promise<void>;
  /** Changes a link, if it is as it was read and nothing waits for its person. @throws SyncError `unsafe` where the lease has gone to another. */
  correct(correction: Correction, leaseToken: string): Promise<boolean>;
  /** The bucket where the rolling read goes on. */
  cursor(): Promise<number>;
  setCursor(bucket: number): Promise<void>;
  lastPass(): Promise<VerifyPass | undefined>;
  notePass(pass: VerifyPass): Promise<void>;
}

/**
 * Changes a link under a lease. Returns 0 where it is not as it was read, or something waits or was sent for its person: a
 * worker knows better then.
 */
const CORRECT = `${PUT_LINK}
local links, index, outbox, intents, lease, leavers, approvals = unpack(KEYS)
local token, bucket, id, before, after, print, ref = unpack(ARGV)
if redis.call('GET', lease) ~= token then return redis.error_reply('FENCED the lease has gone to another') end
if redis.call('HEXISTS', outbox, ref) == 1 or redis.call('HEXISTS', intents, ref) == 1 then return 0 end
local blob = redis.call('GET', links)
if not blob or not blob:find(before, 1, true) then return 0 end
put_link(links, index, bucket, id, after, print)
if after == '' then
  redis.call('HDEL', leavers, ref)
  redis.call('HDEL', approvals, ref)
end
return 1
`;

interface CorrectingRedis extends ScriptedRedis {
  correctLink(...args: (string | Buffer | number)[]): Promise<number>;
}

/** The drift of one sync. */
export function createDrift(given: ScriptedRedis, keys: SyncKeys): Drift {
  given.defineCommand('correctLink', { numberOfKeys: 7, lua: CORRECT });
  const redis = given as CorrectingRedis;
  return {
    async all() {
      const rows = new Map<string, DriftRow>();
      for await (const page of scan(redis, keys.drift)) {
        for (const [ref, json] of page) rows.set(ref, JSON.parse(json) as DriftRow);
      }
      return rows;
    },
    async get(ref) {
      const json = await redis.hget(keys.drift, ref);
      return json === null ? undefined : (JSON.parse(json) as DriftRow);
    },
    count: () => redis.hlen(keys.drift),
    async put(ref, row) {
      const full = (await redis.hlen(keys.drift)) >= KEPT && (await redis.hexists(keys.drift, ref)) === 0;
      if (!full) await redis.hset(keys.drift, ref, JSON.stringify(row));
    },
    async remove(refs) {
      if (refs.length > 0) await redis.hdel(keys.drift, ...refs);
    },
    async correct({ ref, before, after, fingerprint }, leaseToken) {
      const { sourceId } = before;
      const bucket = bucketOf(sourceId);
      const about = [keys.links(bucket), keys.index(groupOf(bucket)), keys.outbox, keys.intents];
      const entry = after === undefined ? '' : packLink(after);
      const print = after === undefined ? '' : fingerprint;
      const args = [leaseToken, bucket, sourceId, packLink(before), entry, print, ref];
      const answer = redis.correctLink(...about, keys.lease, keys.leavers, keys.approvals, ...args);
      return (await answer.catch(throwFenced)) === 1;
    },
    cursor: async () => Number((await redis.hget(keys.verify, 'cursor')) ?? 0),
    setCursor: async (bucket) => void (await redis.hset(keys.verify, 'cursor', bucket)),
    async lastPass() {
      const json = await redis.hget(keys.verify, 'pass');
      return json === null ? undefined : (JSON.parse(json) as VerifyPass);
    },
    notePass: async (pass) => void (await redis.hset(keys.verify, 'pass', JSON.stringify(pass))),
  };
}
