/**
 * Who may write desired states and tombstones: the reconcile that holds the lease, or whoever looks single people up by
 * hand beside it. The part of Lua that the scripts share.
 *
 * | writer | token | refused once | writes |
 * |---|---|---|---|
 * | a reconcile | its lease | the lease has gone to another | everyone but whom a look-up by hand has written since it began: what it read of them may be older |
 * | by hand | its lease `@` the reconciles begun before it read | its lease has gone, or another reconcile has begun: that one may have read newer | everyone |
 */
import type { SyncKeys } from './keys.ts';

/** The first keys of a script that begins with `WRITER`. */
export function writerKeys({ lease, hand, fence, asked }: SyncKeys): string[] {
  return [lease, hand, fence, asked];
}

/** `writer(token)`: nothing, or a function that says whether this person may be written, and notes it where it is by hand. */
export const WRITER = `
local function writer(token)
  local lease, hand, fence, asked = unpack(KEYS, 1, 4)
  local by_hand, begun = token:match('^(.*)@(%d+)$')
  if by_hand then
    if redis.call('GET', hand) ~= by_hand or (redis.call('GET', fence) or '0') ~= begun then return nil end
    return function(ref)
      redis.call('SADD', asked, ref)
      return true
    end
  end
  if redis.call('GET', lease) ~= token then return nil end
  local none = redis.call('EXISTS', asked) == 0
  return function(ref) return none or redis.call('SISMEMBER', asked, ref) == 0 end
end
`;
