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
 * bytes stay bytes. Fields come as an array from \`first\` to \`last\`.
 */
const store = `${clock}
local function store(stream, side, delay, fields, first, last)
  if delay == 0 then return redis.call('XADD', stream, '*', unpack(fields, first, last)) end
  local id = redis.call('XADD', side .. ':waiting', '*', unpack(fields, first, last))
  redis.call('ZADD', side .. ':later', now() + delay, id)
  return id
end`;

/** Stores messages up to the first that fails, and says how: \`{ids, error}\`. */
const storeAll = `${store}
local function storeAll(window, from, put)
  local ids, at = {}, from
  while at <= #ARGV do
    local delay, sent, count = tonumber(ARGV[at]), KEYS[2] .. ':sent:' .. ARGV[at + 1], tonumber(ARGV[at + 2])
    if window > 0 and redis.call('EXISTS', sent) == 1 then ids[#ids + 1] = '' else
      local done, id = pcall(put, delay, at + 3, at + 2 + count)
      if not done then return {ids, type(id) == 'table' and id.err or tostring(id)} end
      if window > 0 then redis.call('SET', sent, '', 'PX', window) end
      ids[#ids + 1] = id
    end
    at = at + 3 + count
  end
  return {ids, ''}
end`;

/**
 * KEYS stream, side. ARGV window, retention, most; then for each message: delay, send id, number of fields, fields.
 * Trims exactly, and notes up to where, so that a reader can tell whether it missed something: XTRIM leaves no trace.
 */
export const append = script(`${storeAll}
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
local told = storeAll(tonumber(ARGV[1]), 4, function(delay, first, last)
  return store(KEYS[1], KEYS[2], delay, ARGV, first, last)
end)
local function trim(last)
  if not last then return end
  redis.call('HSET', KEYS[2] .. ':meta', 'trimmed ' .. KEYS[1], last[1])
  redis.call('XTRIM', KEYS[1], 'MINID', last[1])
  redis.call('XDEL', KEYS[1], last[1])
end
if ARGV[2] ~= '0' then
  trim(redis.call('XREVRANGE', KEYS[1], '(' .. string.format('%.0f', math.max(1, now() - ARGV[2])) .. '-0', '-', 'COUNT', 1)[1])
end
if ARGV[3] ~= '0' then
  local over = redis.call('XLEN', KEYS[1]) - ARGV[3]
  if over > 0 then trim(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over)[over]) end
end
return told`);

/** A copy for each subscription. One whose key has expired, because nobody keeps it any more, is forgotten. */
export const publish = script(`${storeAll}
local fields = redis.call('HKEYS', KEYS[1])
if #fields == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
local streams = {}
for _, field in ipairs(fields) do
  if field ~= 'topic' then
    local stream = KEYS[1] .. ':' .. field
    if redis.call('EXISTS', stream) == 1 then streams[#streams + 1] = stream
    elseif string.sub(field, 1, 5) == 'live:' then redis.call('HDEL', KEYS[1], field)
    else return redis.error_reply('NOPLACE ' .. stream .. ' does not exist') end
  end
end
return storeAll(tonumber(ARGV[1]), 2, function(delay, first, last)
  local id = ''
  for _, stream in ipairs(streams) do id = store(stream, stream, delay, ARGV, first, last) end
  return id
end)`);

/** Whether the delivery is still the one that was handed out: this consumer's, and not claimed since. */
export const isOurs = `
local function isOurs(id, count)
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1]
  return held and held[4] == tonumber(count)
end
local function forget(...)
  redis.call('XACK', KEYS[1], ARGV[1], ...)
  redis.call('XDEL', KEYS[1], ...)
end`;

/** KEYS stream. ARGV group, consumer; then id and count of each. Returns the indices of those that are not ours. */
export const accept = script(`${isOurs}
local ids, lost = {}, {}
for at = 3, #ARGV, 2 do
  if isOurs(ARGV[at], ARGV[at + 1]) then ids[#ids + 1] = ARGV[at] else lost[#lost + 1] = (at - 3) / 2 end
end
if #ids > 0 then forget(unpack(ids)) end
return lost`);

/**
 * Puts an entry back before it goes: if there is no memory for it, it stays where it is. What was counted against it so
 * far goes with it, and \`more\`.
 */
const putBack = `${store}${isOurs}
local function putBack(id, delay, more)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then
    local fields, at, before = entry[2], nil, 0
    for i = 1, #fields, 2 do if fields[i] == 'waybill-failures' then at = i + 1; before = tonumber(fields[at]) or 0 end end
    if not at then fields[#fields + 1] = 'waybill-failures'; at = #fields + 1 end
    fields[at] = before + more
    store(KEYS[1], KEYS[2], delay, fields, 1, #fields)
  end
  forget(id)
  return entry and 1 or 0
end`;

/** KEYS stream, side. ARGV group, consumer, id, count, delay, 1 for a failed run. Returns 0 for what is not ours any more. */
export const release = script(`${putBack}
if not isOurs(ARGV[3], ARGV[4]) then return 0 end
return putBack(ARGV[3], tonumber(ARGV[5]), ARGV[4] - 1 + ARGV[6])`);

/** KEYS stream, side. ARGV group, consumer, id, count, attempts, reason. One step: dead letter and end of the original. */
export const bury = script(`${store}${isOurs}
if not isOurs(ARGV[3], ARGV[4]) then return 0 end
local dead = redis.call('HMGET', KEYS[2] .. ':meta', 'deadLetter', 'name')
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
if dead[1] and entry then
  local fields = entry[2]
  local cause = {'waybill-dead-reason', ARGV[6], 'waybill-dead-from', dead[2], 'waybill-dead-attempts', ARGV[5],
    'waybill-dead-at', string.format('%.0f', now())}
  for _, word in ipairs(cause) do fields[#fields + 1] = word end
  if not redis.call('XADD', dead[1], 'NOMKSTREAM', '*', unpack(fields)) then
    return redis.error_reply('NOPLACE ' .. dead[1] .. ' does not exist')
  end
end
forget(ARGV[3])
return 1`);

/** KEYS stream, side. ARGV group, consumer. Gives back all that the consumer holds, at once, and lets it go. */
export const leave = script(`${putBack}
for _, held in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])) do
  putBack(held[1], 0, held[4] - 1)
end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 1 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 0`);

/**
 * KEYS stream, side. ARGV group, lease, time to live. Moves what is due. Returns milliseconds until the next is due (-1:
 * none), and whether something has been idle for longer than the lease.
 */
export const tend = script(`${clock}
local time = now()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2] .. ':later', '-inf', time, 'LIMIT', 0, 1000)) do
  local entry = redis.call('XRANGE', KEYS[2] .. ':waiting', id, id)[1]
  if entry then
    redis.call('XADD', KEYS[1], '*', unpack(entry[2]))
    redis.call('XDEL', KEYS[2] .. ':waiting', id)
  end
  redis.call('ZREM', KEYS[2] .. ':later', id)
end
if ARGV[3] ~= '0' then
  for _, key in ipairs({KEYS[1], KEYS[2] .. ':later', KEYS[2] .. ':waiting'}) do redis.call('PEXPIRE', key, ARGV[3]) end
end
local head = redis.call('ZRANGE', KEYS[2] .. ':later', 0, 0, 'WITHSCORES')
local due = head[2] and math.max(1, head[2] - time) or -1
return {due, #redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], '-', '+', 1)}`);

/**
 * KEYS stream. ARGV group, consumer, lease, limit, cursor, then names of consumers that are gone. Claims what nobody
 * holds any more: of those that are gone, and of those that let their own lease end, which is the number behind the last
 * \`/\` of their name. Returns the claimed entries with their counts, the next cursor (\`-\`: that was all), and of how many
 * of the gone it does not know yet that they hold nothing.
 */
export const claim = script(`
local limit, found, unsure, cursor = tonumber(ARGV[4]), {}, 0, ARGV[5]
local function claim(held, idle)
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], idle, held[1])[1]
  if entry then found[#found + 1] = {entry[1], entry[2], held[4] + 1} end
end
for at = 6, #ARGV do
  local left = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', limit, ARGV[at])
  for _, held in ipairs(left) do if #found < limit then claim(held, 0) end end
  if #left > 0 then unsure = unsure + 1 else redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[at]) end
end
if #found < limit then
  local most = math.max(100, limit)
  local idle = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], cursor, '+', most)
  cursor = #idle < most and '-' or '(' .. idle[#idle][1]
  for at, held in ipairs(idle) do
    if #found == limit then cursor = at > 1 and '(' .. idle[at - 1][1] or cursor; break end
    local lease = math.max(tonumber(ARGV[3]), tonumber(string.match(held[2], '/(%d+)$') or 0))
    if held[3] >= lease then claim(held, lease) end
  end
end
return {found, cursor, unsure}`);

/** KEYS stream. ARGV group, consumer; then id and count of each. Returns the indices of those that are not ours. */
export const extend = script(`${isOurs}
local lost = {}
for at = 3, #ARGV, 2 do
  if isOurs(ARGV[at], ARGV[at + 1]) then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'JUSTID')
  else lost[#lost + 1] = (at - 3) / 2 end
end
return lost`);

/** KEYS stream, side. ARGV group, most. Removes what nobody holds; returns how many it removed, at most as asked. */
export const purge = script(`
redis.call('DEL', KEYS[2] .. ':later', KEYS[2] .. ':waiting')
local oldest = redis.call('XINFO', 'GROUPS', KEYS[1])
local from = '-'
for _, one in ipairs(oldest) do if one[2] == ARGV[1] then from = '(' .. one[8] end end
local ids = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])) do ids[#ids + 1] = entry[1] end
if #ids > 0 then redis.call('XDEL', KEYS[1], unpack(ids)) end
return #ids`);

/** KEYS topic, stream. ARGV field, group, time to live. */
export const join = script(`
if redis.call('HEXISTS', KEYS[1], 'topic') == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
redis.call('XGROUP', 'CREATE', KEYS[2], ARGV[2], '0', 'MKSTREAM')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return redis.call('HSET', KEYS[1], ARGV[1], '')`);

/** KEYS topic, stream. ARGV field. */
export const leaveTopic = script(`
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('UNLINK', KEYS[2], KEYS[2] .. ':later', KEYS[2] .. ':waiting')`);
