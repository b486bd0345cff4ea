import { createHash } from 'node:crypto';

/** Runs whole or not at all in the server, and nothing else runs meanwhile. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** Every script, for a server that has just started. */
export const scripts: Script[] = [];

export function script(text: string): Script {
  const lua = text.replace(/\n\s*/g, '\n');
  const made = { lua, sha: createHash('sha1').update(lua).digest('hex') };
  scripts.push(made);
  return made;
}

/** By the server's clock. */
export const clock = `
local function now() local t = redis.call('TIME'); return t[1] * 1000 + math.floor(t[2] / 1000) end`;

/**
 * What is not due yet stands in a stream of its own, its id in a sorted set by due time: equal messages stay two, and
 * bytes stay bytes. What follows the delay are the fields, names and values in turn.
 */
export const store = `${clock}
local function store(stream, side, delay, ...)
  if delay == 0 then return redis.call('XADD', stream, '*', ...) end
  local id = redis.call('XADD', side .. ':waiting', '*', ...)
  redis.call('ZADD', side .. ':later', now() + delay, id)
  return id
end`;

/** Of ids. */
export const isBefore = `
local function isBefore(one, other)
  local ms, sequence = string.match(one, '(%d+)-(%d+)')
  local otherMs, otherSequence = string.match(other, '(%d+)-(%d+)')
  if ms ~= otherMs then return tonumber(ms) < tonumber(otherMs) end
  return tonumber(sequence) < tonumber(otherSequence)
end`;

/** What XINFO says, by name. */
export const facts = `
local function named(list)
  local found = {}
  for at = 1, #list, 2 do found[list[at]] = list[at + 1] end
  return found
end
local function factsOfStream() return named(redis.call('XINFO', 'STREAM', KEYS[1])) end
local function factsOfGroup(name)
  for _, one in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local found = named(one)
    if found.name == name then return found end
  end
end`;

const weekMs = 7 * 86_400_000;

/**
 * Entries that a consumer held are not there any more, and we did not remove them: whoever looks next tells. KEYS stream,
 * side.
 */
export const missing = `
local function missing(count)
  if count == 0 then return end
  redis.call('INCRBY', KEYS[2] .. ':missing', count)
  redis.call('PEXPIRE', KEYS[2] .. ':missing', ${weekMs})
end`;

/**
 * What others removed from KEYS[1] since anybody looked: entries that nobody had read, and entries that were held. The
 * group counts what it has read; where every entry that is left is unread, it must have read all others. Redis 8 counts
 * anew with each read that follows a removal, so this is looked at before reading.
 */
export const removed = `${facts}${isBefore}
local function unread(group)
  local stream, read = factsOfStream(), factsOfGroup(group)
  if not read or not read['entries-read'] then return 0 end
  local last = read['last-delivered-id']
  if stream.length > 0 and not isBefore(last, stream['recorded-first-entry-id']) then return 0 end
  local count = stream['entries-added'] - read['entries-read'] - stream.length
  if count <= 0 then return 0 end
  redis.call('XGROUP', 'SETID', KEYS[1], group, last, 'ENTRIESREAD', read['entries-read'] + count)
  return count
end
local function removed(group)
  local held = redis.call('GETDEL', KEYS[2] .. ':missing')
  return {unread(group), tonumber(held or 0)}
end`;
