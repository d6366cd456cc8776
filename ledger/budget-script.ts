/**
 * The Lua that keeps the budget's clocks in Redis, on Redis' own time. Never reserves ahead: it grants a slot that
 * is free now, or says how long to wait.
 *
 * Times are whole microseconds. They are stored by %.0f, for Lua's own text of a number keeps 14 digits, and
 * returned rounded up, for Redis cuts off what stands after the point: a wait of 0.3 would be "go".
 *
 * | key | field | holds |
 * |---|---|---|
 * | an API key's | next | when its next slot is free (GCRA) |
 * | | paused, backoffs | until when a 429 pauses it; how many 429 without Retry-After in a row |
 * | | refusals, refusedSince, probe | 401 and 403 in a row, the first one's time; until when a trial call is out |
 * | | used, throttled | totals, for status |
 * | the host's | failures, open, probe | calls in a row without an answer; until when none goes out; as above |
 */

/** Refusals in a row after which a key is refused. */
export const REFUSALS = 3;

/** Failures in a row after which the breaker opens. */
const FAILURES = 5;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function read(key, ...)
  local values = redis.call('HMGET', key, ...)
  for i = 1, select('#', ...) do values[i] = tonumber(values[i]) or 0 end
  return unpack(values)
end
local function write(key, field, value) redis.call('HSET', key, field, string.format('%.0f', value)) end
`;

/**
 * KEYS: the host's, then each API key's. ARGV: the period, the tolerance, how long a trial call may be out, the longest
 * pause (all µs), how long an unused key is remembered (ms).
 * Returns {'wait', µs}, {'refused'}, or {'turn', index of the key from 0, dirty, trial of the key, trial of the host}.
 * A stored time further ahead than it can be by these rules was written before Redis' clock stepped back: it is cut.
 */
export const TAKE_TURN = `${NOW}
local period, tolerance, trial, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local best, chosen, dirty, probing, slot
for i = 2, #KEYS do
  local refusals, nextSlot, paused, probe, backoffs = read(KEYS[i], 'refusals', 'next', 'paused', 'probe', 'backoffs')
  if refusals < ${REFUSALS} then
    nextSlot = math.min(nextSlot, now + period)
    local free = math.max(nextSlot, math.min(paused, now + longest))
    if refusals > 0 then free = math.max(free, math.min(probe, now + period)) end
    if not best or free < best then
      best, chosen, slot, probing, dirty = free, i, nextSlot, refusals > 0, refusals + backoffs > 0
    end
  end
end
if not best then return {'refused'} end
local failures, open, probe = read(KEYS[1], 'failures', 'open', 'probe')
local broken = failures >= ${FAILURES}
if broken then best = math.max(best, math.min(open, now + longest), math.min(probe, now + period)) end
if best > now then return {'wait', math.ceil(best - now)} end
write(KEYS[chosen], 'next', math.max(slot, now - tolerance) + period)
redis.call('HINCRBY', KEYS[chosen], 'used', 1)
redis.call('PEXPIRE', KEYS[chosen], ARGV[5])
if probing then write(KEYS[chosen], 'probe', now + trial) end
if broken then write(KEYS[1], 'probe', now + trial) end
local function flag(yes) return yes and 1 or 0 end
return {'turn', chosen - 2, flag(dirty or failures > 0), flag(probing), flag(broken)}
`;

/**
 * KEYS: the host's, the API key's. ARGV: the verdict's kind, Retry-After (µs, 0 for none), a random number from 0 to 1,
 * the first and the longest wait of a backoff, the longest pause (µs), whether the turn was a trial of the key, of the
 * host (0 or 1), how long an unused key is remembered (ms).
 * Of calls that were out together, the first 429 and the first failures count, not each of them.
 */
export const SETTLE_TURN = `${NOW}
local host, key, verdict = KEYS[1], KEYS[2], ARGV[1]
local after, random, first, cap = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local longest, keyTrial, hostTrial = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8] == '1'
local function backoff(times) return math.min(cap, first * 2 ^ math.min(times - 1, 30)) * (1 + random / 5) end

if keyTrial then redis.call('HDEL', key, 'probe') end
if verdict ~= 'failed' then redis.call('DEL', host) end

if verdict == 'failed' then
  if hostTrial or read(host, 'failures') < ${FAILURES} then
    local failures = redis.call('HINCRBY', host, 'failures', 1)
    redis.call('HDEL', host, 'probe')
    if failures >= ${FAILURES} then write(host, 'open', now + backoff(failures - ${FAILURES - 1})) end
    redis.call('PEXPIRE', host, math.ceil(longest / 1000))
  end
elseif verdict == 'throttled' then
  redis.call('HINCRBY', key, 'throttled', 1)
  local paused = read(key, 'paused')
  local till = paused
  if after > 0 then
    till = now + math.min(after, longest)
  elseif paused <= now then
    till = now + backoff(redis.call('HINCRBY', key, 'backoffs', 1))
  end
  write(key, 'paused', math.max(paused, till))
elseif verdict == 'unauthorized' then
  redis.call('HINCRBY', key, 'refusals', 1)
  redis.call('HSETNX', key, 'refusedSince', string.format('%.0f', now))
elseif read(key, 'refusals') < ${REFUSALS} then
  redis.call('HDEL', key, 'refusals', 'refusedSince', 'probe', 'backoffs')
end
if redis.call('EXISTS', key) == 1 then redis.call('PEXPIRE', key, ARGV[9]) end
return 1
`;

/** KEYS: the host's, then each API key's. Returns now (µs, as text), then each key's fields, all at one moment. */
export const READ_CLOCKS = `${NOW}
local all = {string.format('%.0f', now)}
for i = 1, #KEYS do all[i + 1] = redis.call('HGETALL', KEYS[i]) end
return all
`;
