/**
 * How far Redis has come, noted in the data folder beside it: by that a Redis that was set back to an older copy is noticed.
 * Every host has a note of its own, and whoever notices tells all of them, through Redis.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { clockOf } from './clock.ts';
import type { SyncKeys } from './keys.ts';
import type { ScriptedRedis } from './scripts.ts';

/** How far a ledger has come. */
interface Counted {
  /**
   * Its number, and a random part: `1795680000000.<uuid>`. A ledger that begins, or is noticed to be an older copy, gets Redis's time in
   * milliseconds, by which it is later than one that this host has never noted; and always a higher number than the note's.
   */
  readonly epoch: string;
  readonly runs: number;
}

export interface CountNote {
  /** The epoch of a ledger that begins now. */
  nextEpoch(): Promise<string>;
  /** Reads the note: whether Redis, which says this of itself, was set back. To be called before Redis is asked. */
  read(): Promise<(said: Counted) => boolean>;
  /** The same of what was said already. Then the ledger is cold for everybody, and what it said is to be read again. */
  tell(said: Counted): Promise<boolean>;
  /** See Meta.count. */
  count(): Promise<string | undefined>;
  /** See Meta.witness. */
  witness(): Promise<string | undefined>;
}

/**
 * Of a Redis that was set back the epoch ends, and with it the belief that everyone is known: hosts that have noted less
 * are to see it too, and so is the run that was at work. Nothing where Redis has come further since it was asked. Then counts on.
 */
const ADVANCE = `
local noted, noted_runs, least, random, add = unpack(ARGV)
local epoch, runs = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'runs'))
if not epoch then return { false, false } end
local function number_of(name) return tonumber(name:match('^(%d+)%.') or 0) end
local older = false
if epoch == noted then older = tonumber(runs or 0) < tonumber(noted_runs)
elseif noted ~= '' then older = number_of(epoch) <= number_of(noted) end
if older then
  redis.call('HDEL', KEYS[1], 'warm')
  local now = redis.call('TIME')
  local number = math.max(tonumber(least), now[1] * 1000 + math.floor(now[2] / 1000))
  redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f.%s', number, random))
end
redis.call('HINCRBY', KEYS[1], 'runs', add)
return redis.call('HMGET', KEYS[1], 'epoch', 'runs')
`;

interface AdvancingRedis extends ScriptedRedis {
  advanceLedger(...args: (string | number)[]): Promise<[epoch: string | null, runs: string | null]>;
}

/** The note in `file` about one sync. */
export function createNote(given: ScriptedRedis, { meta }: Pick<SyncKeys, 'meta'>, file: string): CountNote {
  given.defineCommand('advanceLedger', { numberOfKeys: 1, lua: ADVANCE });
  const redis = given as AdvancingRedis;
  const clock = clockOf(given);
  let witnessed = '';
  let noting: Promise<unknown> = Promise.resolve();

  /** Undefined where there is no ledger. */
  async function advance(runs: 0 | 1): Promise<Counted | undefined> {
    const noted = await read(file);
    const { epoch, runs: notedRuns } = noted ?? { epoch: '', runs: 0 };
    const fresh = [numberAfter(noted), randomUUID()];
    return countedOf(await redis.advanceLedger(meta, epoch, notedRuns, ...fresh, runs));
  }

  /** One after another: what is written must not depend on who is slower. */
  function note(now: Counted): Promise<string | undefined> {
    const written = noting.then(() => write(file, now));
    noting = written.catch(() => undefined);
    return written;
  }

  return {
    async nextEpoch() {
      return `${Math.max(numberAfter(await read(file)), await clock())}.${randomUUID()}`;
    },
    async read() {
      const noted = await read(file);
      return (said) => isOlder(said, noted);
    },
    async tell(said) {
      const older = isOlder(said, await read(file));
      if (older) await advance(0);
      return older;
    },
    async count() {
      const now = await advance(1);
      return now && note(now);
    },
    async witness() {
      const now = countedOf(await redis.hmget(meta, 'epoch', 'runs'));
      if (now === undefined) return undefined;
      const seen = `${now.epoch} ${now.runs}`;
      if (seen === witnessed) return undefined;
      const noted = await read(file);
      if (isOlder(now, noted)) {
        await advance(0);
        return undefined;
      }
      witnessed = seen;
      if (isAt(now, noted)) return undefined;
      const warning = await note(now);
      // Another process of this folder may have done it at the same time.
      return isAt(now, await read(file)) ? undefined : warning;
    },
  };
}

function countedOf([epoch, runs]: (string | null)[]): Counted | undefined {
  return epoch == null ? undefined : { epoch, runs: Number(runs) };
}

function numberAfter(noted: Counted | undefined): number {
  return numberOf(noted?.epoch ?? '') + 1;
}

function numberOf(epoch: string): number {
  return Number(/^(\d+)\./.exec(epoch)?.[1] ?? 0);
}

/** Of one epoch the runs tell; else a later ledger has the higher number. */
function isOlder(said: Counted, noted: Counted | undefined): boolean {
  if (noted === undefined) return false;
  return said.epoch === noted.epoch ? said.runs < noted.runs : numberOf(said.epoch) <= numberOf(noted.epoch);
}

function isAt(now: Counted, noted: Counted | undefined): boolean {
  return noted?.epoch === now.epoch && noted.runs === now.runs;
}

/** Undefined where there is no note, or none that can be read. */
async function read(file: string): Promise<Counted | undefined> {
  try {
    const { epoch, runs } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    return typeof epoch === 'string' && typeof runs === 'number' ? { epoch, runs } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the file whole, unless it says more already; a warning where the file system refuses. */
async function write(file: string, now: Counted): Promise<string | undefined> {
  if (isOlder(now, await read(file))) return undefined;
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
