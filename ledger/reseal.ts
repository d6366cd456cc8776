/**
 * Seals anew, under the key that seals now, what Redis keeps under another one or plain: after a rotation, and once a key
 * is set. A value that changes meanwhile was sealed by who changed it.
 */
import type { Envelope } from './envelope.ts';
import type { Note } from './intents.ts';
import type { SyncKeys } from './keys.ts';
import { scan } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';

/** Replaces fields of a hash that are as they were: field, before and after in threes. */
const REPLACE_FIELDS = `
for i = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
end
return 1
`;

/** Replaces a string that is as it was. */
const REPLACE_TEXT = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return 1
`;

interface ResealingRedis extends ScriptedRedis {
  replaceFields(...args: string[]): Promise<number>;
  replaceText(...args: string[]): Promise<number>;
}

type Renew = (text: string, key: string, field: string) => string;

/** Of this sync's, all that is sealed. @throws SyncError `config` for a value under a key that is not known. */
export async function reseal(given: ScriptedRedis, keys: SyncKeys, envelope: Envelope): Promise<void> {
  given.defineCommand('replaceFields', { numberOfKeys: 1, lua: REPLACE_FIELDS });
  given.defineCommand('replaceText', { numberOfKeys: 1, lua: REPLACE_TEXT });
  const redis = given as ResealingRedis;
  const { outbox, quarantine, leavers, held, answers, unmatched, rejected, asks, intents, watermark } = keys;
  for (const key of [outbox, quarantine, leavers, held, answers, unmatched, rejected, asks]) {
    await resealHash(redis, key, afterHead(envelope));
  }
  await resealHash(redis, intents, inNote(envelope));
  const text = await redis.get(watermark);
  if (text !== null) await redis.replaceText(watermark, text, envelope.renewed(text, watermark));
}

async function resealHash(redis: ResealingRedis, key: string, renew: Renew): Promise<void> {
  for await (const page of scan(redis, key)) {
    const changed = page.flatMap(([field, text]) => {
      const renewed = renew(text, key, field);
      return renewed === text ? [] : [field, text, renewed];
    });
    if (changed.length > 0) await redis.replaceFields(key, ...changed);
  }
}

/** What scripts compare stands before the sealed value, in lines of its own. */
function afterHead(envelope: Envelope): Renew {
  return (text, key, field) => {
    const at = text.lastIndexOf('\n') + 1;
    return text.slice(0, at) + envelope.renewed(text.slice(at), key, field);
  };
}

function inNote(envelope: Envelope): Renew {
  return (text, key, field) => {
    const note = JSON.parse(text) as Note;
    if (note.posted === undefined) return text;
    const posted = note.posted.map((name) => envelope.renewed(name, key, field));
    return posted.every((name, i) => name === note.posted?.[i]) ? text : JSON.stringify({ ...note, posted });
  };
}
