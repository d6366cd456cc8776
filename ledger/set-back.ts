/**
 * How far Redis has come, noted in the data folder beside it: by that a Redis that was set back to an older copy is noticed.
 * Every host has a note of its own, and whoever notices tells all of them, through Redis.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { SyncKeys } from './keys.ts';
import type { ScriptedRedis } from './scripts.ts';

/** How far a ledger has come. */
interface Counted {
  /** Its number, and a random part: `3.<uuid>`. A ledger that is begun again, or is noticed to be an older copy, gets the next number. */
  readonly epoch: string;
  readonly runs: number;
}

export interface CountNote {
  /** The epoch of a ledger that begins now. */
  nextEpoch(): Promise<string>;
  /** Whether Redis, which says this of itself, was set back. */
  isOlder(said: Counted): Promise<boolean>;
  /** The same. Then the ledger is cold for everybody, and what it said is to be read again. */
  tell(said: Counted): Promise<boolean>;
  /** See Meta.count. */
  count(): Promise<string | undefined>;
  /** See Meta.witness. */
  witness(): Promise<string | undefined>;
}

/**
 * Of a Redis that was set back the epoch ends, and with it the belief that everyone is known: hosts that have noted less
 * are to see it too, and so is the run that was at work. Nothing where the note was only read too early. Then counts, if it is asked to.
 */
const COUNT = `
local add, noted, noted_runs, fresh = unpack(ARGV)
local epoch, runs = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'runs'))
local function number_of(name) return tonumber(name:match('^(%d+)%.') or 0) end
local older = false
if epoch and noted ~= '' then
  if epoch == noted then older = tonumber(runs or 0) < tonumber(noted_runs)
  else older = number_of(epoch) <= number_of(noted) end
end
if older then
  redis.call('HDEL', KEYS[1], 'warm')
  redis.call('HSET', KEYS[1], 'epoch', fresh)
end
if add == '1' then redis.call('HINCRBY', KEYS[1], 'runs', 1) end
return redis.call('HMGET', KEYS[1], 'epoch', 'runs')
`;

interface CountingRedis extends ScriptedRedis {
  countRun(...args: (string | number)[]): Promise<[epoch: string | null, runs: string | null]>;
}

/** The note in `file` about one sync. */
export function createNote(given: ScriptedRedis, { meta }: Pick<SyncKeys, 'meta'>, file: string): CountNote {
  given.defineCommand('countRun', { numberOfKeys: 1, lua: COUNT });
  const redis = given as CountingRedis;
  let witnessed = '';

  async function counted(add: 0 | 1): Promise<Counted> {
    const noted = await read(file);
    const about = [noted?.epoch ?? '', noted?.runs ?? 0, epochAfter(noted)];
    const [epoch, runs] = await redis.countRun(meta, add, ...about);
    return { epoch: epoch ?? '', runs: Number(runs) };
  }

  return {
    nextEpoch: async () => epochAfter(await read(file)),
    isOlder: async (said) => isOlder(said, await read(file)),
    async tell(said) {
      const noted = await read(file);
      const older = isOlder(said, noted);
      // Also a ledger that has just begun: a copy of one before may come back before its first run has ended.
      if (older || noted?.epoch !== said.epoch) await write(file, older ? await counted(0) : said);
      return older;
    },
    count: async () => write(file, await counted(1)),
    async witness() {
      const [epoch, runs] = await redis.hmget(meta, 'epoch', 'runs');
      const seen = `${epoch} ${runs}`;
      if (epoch == null || seen === witnessed) return undefined;
      const now = { epoch, runs: Number(runs) };
      const noted = await read(file);
      if (isOlder(now, noted)) {
        await write(file, await counted(0));
        return undefined;
      }
      witnessed = seen;
      if (isAt(now, noted)) return undefined;
      const warning = await write(file, now);
      // Another process of this folder may have done it at the same time.
      return isAt(now, await read(file)) ? undefined : warning;
    },
  };
}

function epochAfter(noted: Counted | undefined): string {
  return `${numberOf(noted?.epoch ?? '') + 1}.${randomUUID()}`;
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

/** Writes the file whole, unless it says more by now; a warning where the file system refuses. */
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
