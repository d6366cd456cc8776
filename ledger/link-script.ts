/** The Lua functions that scripts of the ledger find and change a packed link with: two bytes of length, then one of the id's. */

/** Replaces, adds or (with an empty entry) removes one packed link and its fingerprint. */
export const PUT_LINK = `
local function put_link(links_key, index_key, bucket, id, entry, print)
  local blob = redis.call('GET', links_key) or ''
  local prints = redis.call('HGET', index_key, bucket) or ''
  local at, nth = 1, 0
  while at <= #blob do
    local length = blob:byte(at) * 256 + blob:byte(at + 1)
    if blob:byte(at + 2) == #id and blob:sub(at + 3, at + 2 + #id) == id then
      blob = blob:sub(1, at - 1) .. entry .. blob:sub(at + 2 + length)
      prints = prints:sub(1, nth * 8) .. print .. prints:sub(nth * 8 + 9)
      break
    end
    at = at + 2 + length
    nth = nth + 1
    if at > #blob then
      blob = blob .. entry
      prints = prints .. print
      break
    end
  end
  if #blob == 0 then
    blob = entry
    prints = print
  end
  if #blob == 0 then
    redis.call('DEL', links_key)
    redis.call('HDEL', index_key, bucket)
  else
    redis.call('SET', links_key, blob)
    redis.call('HSET', index_key, bucket, prints)
  end
end

local function mark_link(links_key, index_key, bucket, id, print)
  local blob = redis.call('GET', links_key) or ''
  local at, nth = 1, 0
  while at <= #blob do
    if blob:byte(at + 2) == #id and blob:sub(at + 3, at + 2 + #id) == id then
      local prints = redis.call('HGET', index_key, bucket)
      redis.call('HSET', index_key, bucket, prints:sub(1, nth * 8) .. print .. prints:sub(nth * 8 + 9))
      return
    end
    at = at + 2 + blob:byte(at) * 256 + blob:byte(at + 1)
    nth = nth + 1
  end
end
`;

/** The packed link of a person, with its length; an empty text where there is none. */
export const LINK_OF = `
local function link_of(links_key, id)
  local blob = redis.call('GET', links_key) or ''
  local at = 1
  while at <= #blob do
    local length = blob:byte(at) * 256 + blob:byte(at + 1)
    if blob:byte(at + 2) == #id and blob:sub(at + 3, at + 2 + #id) == id then return blob:sub(at, at + 1 + length) end
    at = at + 2 + length
  end
  return ''
end
`;
