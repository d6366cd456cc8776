/**
 * Takes out what cannot be read where it stands: it was sealed for another place, or changed, by somebody else who writes to
 * this Redis. Nobody is wanted or taken away by it: a full read works out anew what is wanted, and a grace begins anew.
 */
import { isSyncError } from '../model/errors.ts';
import type { Envelope } from './envelope.ts';
import type { Note } from './intents.ts';
import type { SyncKeys } from './keys.ts';
import { scan } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';

/** Replaces a field that is as it was read, or takes it away. */
const REPLACE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
`;

interface MendingRedis extends ScriptedRedis {
  replaceMoved(key: string, field: string, before: string, after: string): Promise<number>;
}

/** Does so. @throws SyncError `config` for a value under a key that is not known. */
export async function dropMoved(given: ScriptedRedis, keys: SyncKeys, envelope: Envelope): Promise<void> {
  given.defineCommand('replaceMoved', { numberOfKeys: 1, lua: REPLACE });
  const redis = given as MendingRedis;
  const { outbox, quarantine, leavers, held, answers, unmatched, rejected, asks, intents, watermark } = keys;
  const text = await redis.get(watermark);
  if (text !== null && isMoved(text, envelope, [watermark, ''])) await redis.del(watermark);
  for (const key of [outbox, quarantine, leavers, held, answers, unmatched, rejected, asks]) {
    for await (const [field, value] of fields(redis, key)) {
      // What scripts compare stands before what is sealed.
      if (!isMoved(value.slice(value.lastIndexOf('\n') + 1), envelope, [key, field])) continue;
      // Before it: a read of changes need not meet whose value is dropped.
      await redis.del(watermark);
      await redis.replaceMoved(key, field, value, '');
    }
  }
  for await (const [field, note] of fields(redis, intents)) {
    const mended = withoutNames(note, envelope, [intents, field]);
    if (mended !== note) await redis.replaceMoved(intents, field, note, mended);
  }
}

async function* fields(redis: ScriptedRedis, key: string): AsyncGenerator<[field: string, value: string]> {
  for await (const page of scan(redis, key)) yield* page;
}

type Place = readonly [key: string, field: string];

function isMoved(sealed: string, envelope: Envelope, [key, field]: Place): boolean {
  try {
    envelope.at(key).read(sealed, field);
    return false;
  } catch (error) {
    if (isSyncError(error) && error.code === 'ledger.moved') return true;
    throw error;
  }
}

/** That something may have been sent stays noted: Omni is asked under the name that is wanted now. */
function withoutNames(text: string, envelope: Envelope, place: Place): string {
  const note = JSON.parse(text) as Note;
  const posted = (note.posted ?? []).filter((name) => !isMoved(name, envelope, place));
  return posted.length === (note.posted ?? []).length ? text : JSON.stringify({ ...note, posted });
}
