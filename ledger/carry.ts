/** Putting a link that was carried over beside those that are there: never over one, and under the lease. */
import type { Link } from '../model/link.ts';
import type { SyncKeys } from './keys.ts';
import { DEACTIVATED_PRINT, UNKNOWN_PRINT } from './link-index.ts';
import { LINK_OF, PUT_LINK } from './link-script.ts';
import { groupOf } from './links.ts';
import { throwFenced } from './outbox.ts';
import { bucketOf, packLink } from './packing.ts';
import type { ScriptedRedis } from './scripts.ts';

/** A link to be put, with the ref of its person. */
export interface Carried {
  readonly ref: string;
  readonly link: Link;
  /** An operator keeps this person. */
  readonly kept: boolean;
}

export interface Carry {
  /**
   * Puts a link of whom nothing is remembered; the next reconcile looks at the person anew. Returns whether it did: not where there is
   * one by now, or something is being sent for this person.
   * @throws SyncError `unsafe` where the lease has gone to another.
   */
  put(carried: Carried, leaseToken: string): Promise<boolean>;
}

const CARRY = `${PUT_LINK}${LINK_OF}
local links, index, intents, keeps, lease = unpack(KEYS)
local token, bucket, id, entry, print, ref, kept = unpack(ARGV)
if redis.call('GET', lease) ~= token then return redis.error_reply('FENCED the lease has gone to another') end
if redis.call('HEXISTS', intents, ref) == 1 or link_of(links, id) ~= '' then return 0 end
put_link(links, index, bucket, id, entry, print)
if kept == '1' then redis.call('SADD', keeps, ref) end
return 1
`;

interface CarryingRedis extends ScriptedRedis {
  carryLink(...args: (string | Buffer | number)[]): Promise<number>;
}

/** Carries links into the ledger of one sync. */
export function createCarry(given: ScriptedRedis, keys: SyncKeys): Carry {
  given.defineCommand('carryLink', { numberOfKeys: 5, lua: CARRY });
  const redis = given as CarryingRedis;
  return {
    async put({ ref, link, kept }, leaseToken) {
      const bucket = bucketOf(link.sourceId);
      const about = [keys.links(bucket), keys.index(groupOf(bucket)), keys.intents, keys.keeps, keys.lease];
      const print = link.state === 'deactivated' ? DEACTIVATED_PRINT : UNKNOWN_PRINT;
      const args = [leaseToken, bucket, link.sourceId, packLink(link), print, ref, kept ? '1' : ''];
      return (await redis.carryLink(...about, ...args).catch(throwFenced)) === 1;
    },
  };
}
