/**
 * The Lua scripts of the ledger: each changes several keys of one sync together, or not at all.
 * Names and argument order are fixed by ledger/ itself; nobody else calls them.
 */
import type { Redis } from 'ioredis';
import { PUT_LINK } from './link-script.ts';
import { WRITER } from './writer-script.ts';

/**
 * What became of one person, all at once: the link, the fingerprint, the intent, the quarantine, the tombstone, the
 * audit, the run's counts; a link that moves from another sourceId goes from there; and the outbox row goes, if it still is the version that was applied.
 * Returns 1 where the person has nothing more to apply, 0 where a newer desired state waits.
 */
export const COMMIT = `${PUT_LINK}
local links, index, outbox, intents, quarantine, audit, run, leavers, approvals, from_links, from_index = unpack(KEYS)
local bucket, id, mode, entry, print, ref, version, record, kind, calls, from_bucket, from_id, from_ref = unpack(ARGV)
local function forget_leaver(who)
  redis.call('HDEL', leavers, who)
  redis.call('HDEL', approvals, who)
end
if from_id ~= '' then
  put_link(from_links, from_index, from_bucket, from_id, '', '')
  forget_leaver(from_ref)
end
if mode == 'put' then put_link(links, index, bucket, id, entry, print) end
if mode == 'put' or mode == 'drop' then forget_leaver(ref) end
if mode == 'drop' then put_link(links, index, bucket, id, '', '') end
if mode == 'mark' then mark_link(links, index, bucket, id, print) end
redis.call('HDEL', intents, ref)
redis.call('HDEL', quarantine, ref)
if record ~= '' then redis.call('XADD', audit, 'MAXLEN', '~', 10000, '*', 'record', record) end
if kind ~= '' then
  redis.call('HINCRBY', run, 'applied', 1)
  redis.call('HINCRBY', run, 'applied:' .. kind, 1)
end
if calls ~= '0' then redis.call('HINCRBY', run, 'calls', calls) end
redis.call('EXPIRE', run, 2592000)
local row = redis.call('HGET', outbox, ref)
if row then
  if row:sub(1, #version + 1) ~= version .. '\\n' then return 0 end
  redis.call('HDEL', outbox, ref)
end
return 1
`;

/** Writes desired states, unless the lease has gone to another holder. Returns how many rows are new or different. */
const PUT_OUTBOX = `${WRITER}
local outbox, quarantine = KEYS[5], KEYS[6]
local may_write = writer(ARGV[1])
if not may_write then return redis.error_reply('FENCED the lease has gone to another') end
local changed = 0
for i = 2, #ARGV, 3 do
  local ref, version, row = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if may_write(ref) then
    local old = redis.call('HGET', outbox, ref)
    if not old or old:sub(1, #version + 1) ~= version .. '\\n' then
      changed = changed + 1
      redis.call('HDEL', quarantine, ref)
    end
    redis.call('HSET', outbox, ref, version .. '\\n' .. row)
  end
end
return changed
`;

/**
 * Notes that a write of this version is about to be sent; the time is Redis's, and the first one's; versions that differ
 * become none, for an account may hold any of them; the userNames that were posted, that a removal was among what may have
 * been sent, and whose link was to move, stay noted. Returns the note; nothing where nothing waits for this person: another
 * process has carried them out, and no commit would end the intent.
 */
const INTEND = `
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return false end
local now = redis.call('TIME')
local earlier = redis.call('HGET', KEYS[1], ARGV[1])
local note = earlier and cjson.decode(earlier) or { at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)) }
note.version = (note.version or ARGV[2]) == ARGV[2] and ARGV[2] or ''
if ARGV[3] == 'leave' then note.leave = true end
if ARGV[4] ~= '' then
  note.posted = note.posted or {}
  local known = false
  for _, name in ipairs(note.posted) do known = known or name == ARGV[4] end
  if not known then table.insert(note.posted, ARGV[4]) end
end
if ARGV[5] ~= '' then note.from = cjson.decode(ARGV[5]) end
local text = cjson.encode(note)
redis.call('HSET', KEYS[1], ARGV[1], text)
return text
`;

/**
 * Remembers and forgets leavers, and notes who passed the guard's looks, unless the lease has gone to another holder. The
 * arguments after the token and the time come in fours: what to do, ref, tombstone, and what an approval of it says: one
 * that says something else is of another leave, and goes.
 */
const PUT_LEAVERS = `${WRITER}
local leavers, approvals, missing, due = unpack(KEYS, 5)
local may_write = writer(ARGV[1])
if not may_write then return redis.error_reply('FENCED the lease has gone to another') end
local now = ARGV[2]
for i = 3, #ARGV, 4 do
  local what, ref, tombstone, approval = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if what == 'missing' then
    redis.call('ZADD', missing, now, ref)
  elseif what == 'due' then
    redis.call('ZADD', due, now, ref)
  elseif may_write(ref) then
    if what == 'remember' then
      redis.call('HSET', leavers, ref, tombstone)
    else
      redis.call('HDEL', leavers, ref)
      redis.call('ZREM', missing, ref)
    end
    if redis.call('HGET', approvals, ref) ~= approval then redis.call('HDEL', approvals, ref) end
  end
end
redis.call('ZREMRANGEBYSCORE', missing, '-inf', now - 172800000)
redis.call('ZREMRANGEBYSCORE', due, '-inf', now - 172800000)
return 1
`;

/**
 * Writes the watermark, or with an empty one forgets it, unless the lease has gone to another holder. Where somebody was looked up
 * by hand meanwhile it does not move: what was read of them was not written, and is read again.
 */
const PUT_WATERMARK = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease has gone to another') end
if ARGV[2] == '' then redis.call('DEL', KEYS[2])
elseif redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SET', KEYS[2], ARGV[2]) end
return 1
`;

/** Takes the lease if nobody holds it, and forgets what was noted under an earlier one. Returns its token, or nothing. */
const ACQUIRE = `
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
if KEYS[3] then redis.call('DEL', KEYS[3]) end
local token = ARGV[1] .. ':' .. redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
return token
`;

/** Prolongs (or with 0 gives back) a lease that is still ours. Returns 1 where it was. */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`;

/**
 * Notes why a person is set aside or waits, with the not-before time by Redis's clock, if what failed is wanted still:
 * another process may have carried it out. Counts the calls.
 */
const SET_ASIDE = `
local quarantine, run, audit, outbox = unpack(KEYS)
local ref, version, note, wait, calls, failed, record = unpack(ARGV)
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local row = redis.call('HGET', outbox, ref)
if row and row:sub(1, #version + 1) == version .. '\\n' then
  redis.call('HSET', quarantine, ref, string.format('%.0f\\n%.0f\\n', at + wait, at) .. note)
end
if calls ~= '0' then redis.call('HINCRBY', run, 'calls', calls) end
if failed ~= '0' then redis.call('HINCRBY', run, 'failed', failed) end
redis.call('EXPIRE', run, 2592000)
if record ~= '' then redis.call('XADD', audit, 'MAXLEN', '~', 10000, '*', 'record', record) end
return at
`;

/** Notes that everyone is known, in the ledger of this epoch alone. */
const WARM = `
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'warm', '1')
return 1
`;

/** An ioredis client that knows the scripts: EVALSHA first, EVAL where Redis has forgotten them. */
export interface ScriptedRedis extends Redis {
  commitPerson(...args: (string | Buffer | number)[]): Promise<number>;
  putOutbox(...args: (string | Buffer | number)[]): Promise<number>;
  intend(...args: (string | number)[]): Promise<string | null>;
  putLeavers(...args: (string | number)[]): Promise<number>;
  putWatermark(...args: string[]): Promise<number>;
  acquireLease(...args: (string | number)[]): Promise<string | null>;
  renewLease(...args: (string | number)[]): Promise<number>;
  setAside(...args: (string | number)[]): Promise<number>;
  warmLedger(...args: string[]): Promise<number>;
}

/** Teaches `redis` the scripts. */
export function withScripts(redis: Redis): ScriptedRedis {
  redis.defineCommand('commitPerson', { numberOfKeys: 11, lua: COMMIT });
  redis.defineCommand('putOutbox', { numberOfKeys: 6, lua: PUT_OUTBOX });
  redis.defineCommand('intend', { numberOfKeys: 2, lua: INTEND });
  redis.defineCommand('putLeavers', { numberOfKeys: 8, lua: PUT_LEAVERS });
  redis.defineCommand('putWatermark', { numberOfKeys: 3, lua: PUT_WATERMARK });
  redis.defineCommand('acquireLease', { lua: ACQUIRE });
  redis.defineCommand('renewLease', { numberOfKeys: 1, lua: RENEW });
  redis.defineCommand('setAside', { numberOfKeys: 4, lua: SET_ASIDE });
  redis.defineCommand('warmLedger', { numberOfKeys: 1, lua: WARM });
  return redis as ScriptedRedis;
}
