/**
 * What needs no worker, written on links at once, many in one round trip: by a reconcile or a look-up by hand, while it may
 * write, and where the link is as it was read. One that stood still meanwhile would undo what was carried out since.
 */
import type { Link } from '../model/link.ts';
import { VIEW_ALONE } from './audit.ts';
import { type Commit, commitArgs } from './commit.ts';
import type { SyncKeys } from './keys.ts';
import { LINK_OF } from './link-script.ts';
import { throwFenced } from './outbox.ts';
import { packLink } from './packing.ts';
import { COMMIT, type ScriptedRedis } from './scripts.ts';
import { WRITER, writerKeys } from './writer-script.ts';

/** A commit without a worker. */
export interface Settlement extends Commit {
  /** The link as it was read; nothing where there was none. */
  readonly before: Link | undefined;
}

export interface Settler {
  /** Leaves out whose link is another by now. @throws SyncError `unsafe` where the lease has gone to another; a part may be written. */
  settle(settlements: readonly Settlement[], token: string): Promise<void>;
}

const SETTLE = `${WRITER}${LINK_OF}
local may_write = writer(ARGV[1])
if not may_write then return redis.error_reply('FENCED the lease has gone to another') end
local before = ARGV[2]
local KEYS, ARGV = { unpack(KEYS, 5) }, { unpack(ARGV, 3) }
if not may_write(ARGV[6]) or link_of(KEYS[1], ARGV[2]) ~= before then return 0 end
${COMMIT}`;

interface SettlingRedis extends ScriptedRedis {
  settlePerson(...args: (string | Buffer | number)[]): Promise<number>;
}

/** The settler of one sync. Audited as commits are. */
export function createSettler(given: ScriptedRedis, keys: SyncKeys, audit = VIEW_ALONE): Settler {
  given.defineCommand('settlePerson', { numberOfKeys: 15, lua: SETTLE });
  const redis = given as SettlingRedis;
  return {
    async settle(settlements, token) {
      const written = settlements.map(async ({ before, ...commit }) => {
        const { about, args } = await commitArgs(commit, keys, audit);
        const packed = before === undefined ? '' : packLink(before);
        await redis.settlePerson(...writerKeys(keys), ...about, token, packed, ...args);
      });
      await Promise.all(written).catch(throwFenced);
    },
  };
}
