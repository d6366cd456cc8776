/**
 * How far Redis has come, noted in the data folder beside it: by that a Redis that was set back to an older copy is noticed.
 * Every host has a note of its own, and whoever notices tells all of them, through Redis.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { SyncKeys } from './keys.ts';
import type { ScriptedRedis } from './scripts.ts';

/** How far a ledger has come. */
export interface Counted {
  readonly epoch: string;
  readonly runs: number;
}

export interface CountNote {
  /** Whether the note is of a later point of the same epoch: an older copy was restored. */
  isNewer(now: Counted): Promise<boolean>;
  /** The same. Then everybody is to know, also hosts that have noted less, until a run has learned anew: the ledger is cold. */
  tell(now: Counted): Promise<boolean>;
  /** Notes it; a warning where the file system refuses. */
  write(now: Counted): Promise<string | undefined>;
  /** Notes how far Redis has come by now, or tells that it was set back. See Meta.witness. */
  witness(): Promise<string | undefined>;
}

/**
 * Forgets that everyone is known; and counts the runs on from where they were, or whoever has noted less than the one who
 * noticed would not see that it was a copy. Nothing where the runs were only read too early.
 */
const COOL = `
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'runs') or 0) >= tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], 'warm')
redis.call('HSET', KEYS[1], 'runs', ARGV[2])
return 1
`;

interface CoolingRedis extends ScriptedRedis {
  coolLedger(key: string, epoch: string, runs: number): Promise<number>;
}

/** The note in `file` about one sync. */
export function createNote(given: ScriptedRedis, { meta }: Pick<SyncKeys, 'meta'>, file: string): CountNote {
  given.defineCommand('coolLedger', { numberOfKeys: 1, lua: COOL });
  const redis = given as CoolingRedis;
  let witnessed = '';

  async function newer(now: Counted): Promise<number | undefined> {
    const { epoch, runs } = await read(file);
    return epoch === now.epoch && typeof runs === 'number' && runs > now.runs ? runs : undefined;
  }

  async function tell(now: Counted): Promise<boolean> {
    const runs = await newer(now);
    return runs !== undefined && (await redis.coolLedger(meta, now.epoch, runs)) === 1;
  }

  async function isAt(now: Counted): Promise<boolean> {
    const { epoch, runs } = await read(file);
    return epoch === now.epoch && runs === now.runs;
  }

  return {
    isNewer: async (now) => (await newer(now)) !== undefined,
    tell,
    write: (now) => write(file, now),
    async witness() {
      const [epoch, runs] = await redis.hmget(meta, 'epoch', 'runs');
      const seen = `${epoch} ${runs}`;
      if (epoch == null || seen === witnessed) return undefined;
      const now = { epoch, runs: Number(runs) };
      if ((await newer(now)) !== undefined) {
        await tell(now);
        return undefined;
      }
      witnessed = seen;
      if (await isAt(now)) return undefined;
      const warning = await write(file, now);
      // Another process of this folder may have done it at the same time.
      return (await isAt(now)) ? undefined : warning;
    },
  };
}

async function read(file: string): Promise<{ readonly epoch?: unknown; readonly runs?: unknown }> {
  try {
    const noted = JSON.parse(await readFile(file, 'utf8')) as { epoch?: unknown; runs?: unknown } | null;
    return noted ?? {};
  } catch {
    return {};
  }
}

/** Writes the file whole. */
async function write(file: string, now: Counted): Promise<string | undefined> {
  // Several may write it at once, also in one process.
  const own = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(own, JSON.stringify(now), { mode: 0o600 });
    await rename(own, file);
    return undefined;
  } catch (error) {
    await rm(own, { force: true }).catch(() => undefined);
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    return `${file} cannot be written (${error.code}), so a Redis that is set back to an older copy would not be noticed: mend the owner, rights or space of its folder`;
  }
}
