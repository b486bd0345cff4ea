import { clock, facts, isBefore, missing, removed, script, store } from './scripts.ts';

/** Whether a delivery is still the one that was handed out: this consumer's, and not claimed since. ARGV group, consumer. */
export const isOurs = `
local function isOurs(id, count)
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1]
  return held and held[4] == tonumber(count)
end`;

const dayMs = 86_400_000;

/** Whom we have claimed from has to look at each delivery before it settles it. KEYS stream, side. */
export const robbed = `
local function robbed(consumer) redis.call('SET', KEYS[2] .. ':claimed:' .. consumer, '', 'PX', ${dayMs}) end`;

/** ARGV group, consumer, ids in order, their counts: each list as JSON, which is cheaper than an argument for each. */
const sift = `${isOurs}
local function sift(ids)
  local counts, ours, lost = cjson.decode(ARGV[4]), {}, {}
  for at, id in ipairs(ids) do
    if isOurs(id, counts[at]) then ours[#ours + 1] = id else lost[#lost + 1] = at - 1 end
  end
  return ours, lost
end`;

const forget = `${missing}
local function forget(...)
  local settled = redis.call('XACK', KEYS[1], ARGV[1], ...)
  missing(math.max(0, settled - redis.call('XDEL', KEYS[1], ...)))
end`;

/**
 * Where a stream is ours alone, everything before the oldest entry that is held is settled: it is cut off at once, which
 * costs a tenth of deleting one by one. Ids in order.
 */
const forgetAll = `${isBefore}
local function forgetAll(ids)
  local settled = redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
  local oldest = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1)[1]
  local from = oldest and oldest[1] or ids[#ids]
  local kept, high = 1, #ids + 1
  while kept < high do
    local middle = math.floor((kept + high) / 2)
    if isBefore(ids[middle], from) then kept = middle + 1 else high = middle end
  end
  local gone = kept > 1 and redis.call('XTRIM', KEYS[1], 'MINID', from) or 0
  if kept <= #ids then gone = gone + redis.call('XDEL', KEYS[1], unpack(ids, kept)) end
  missing(math.max(0, settled - gone))
end`;

/**
 * KEYS stream, side. ARGV as \`sift\`, and 1 where the stream is ours alone. A consumer that was never claimed from holds
 * what it was handed. Returns the indices of those that are not ours.
 */
export const accept = script(`${sift}${forget}${forgetAll}
local ids, lost = cjson.decode(ARGV[3]), {}
if redis.call('EXISTS', KEYS[2] .. ':claimed:' .. ARGV[2]) == 1 then ids, lost = sift(ids) end
if #ids == 0 then return lost end
if ARGV[5] == '1' then forgetAll(ids) else forget(unpack(ids)) end
return lost`);

/** KEYS stream, side. ARGV as \`sift\`. Their leases begin anew. Returns the indices of those that are not ours. */
export const extend = script(`${sift}${missing}
local ids, lost = sift(cjson.decode(ARGV[3]))
if #ids > 0 then
  local count = #ids
  ids[count + 1] = 'JUSTID'
  missing(count - #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids)))
end
return lost`);

/**
 * Puts an entry back before it goes: if there is no memory for it, it stays where it is. What was counted against it so
 * far goes with it, and \`more\`.
 */
const putBack = `${store}${forget}
local function putBack(id, delay, more)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then
    local fields, at, before = entry[2], nil, 0
    for i = 1, #fields, 2 do if fields[i] == 'waybill-failures' then at = i + 1; before = tonumber(fields[at]) or 0 end end
    if not at then fields[#fields + 1] = 'waybill-failures'; at = #fields + 1 end
    fields[at] = before + more
    store(KEYS[1], KEYS[2], delay, unpack(fields))
  end
  forget(id)
  return entry and 1 or 0
end`;

/** KEYS stream, side. ARGV group, consumer, id, count, delay, 1 for a failed run. Returns 0 for what is not ours any more. */
export const release = script(`${isOurs}${putBack}
if not isOurs(ARGV[3], ARGV[4]) then return 0 end
return putBack(ARGV[3], tonumber(ARGV[5]), ARGV[4] - 1 + ARGV[6])`);

/** KEYS stream, side. ARGV group, consumer, id, count, attempts, reason. One step: dead letter and end of the original. */
export const bury = script(`${clock}${isOurs}${forget}
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
 * none), whether something has been idle for longer than the lease, and what others removed.
 */
export const tend = script(`${clock}${removed}
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
return {due, #redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], '-', '+', 1), removed(ARGV[1])}`);

/**
 * KEYS stream, side. ARGV group, consumer, lease, limit, cursor, then names of consumers that are gone. Claims what nobody
 * holds any more: of those that are gone, and of those that let their own lease end, which is the number behind the last
 * \`/\` of their name. Returns the claimed entries with their counts, the next cursor (\`-\`: that was all), and of how many
 * of the gone it does not know yet that they hold nothing.
 */
export const claim = script(`${missing}${robbed}
local limit, found, unsure, cursor, without, victims = tonumber(ARGV[4]), {}, 0, ARGV[5], 0, {}
local function claim(held, idle)
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], idle, held[1])[1]
  if entry then found[#found + 1] = {entry[1], entry[2], held[4] + 1} else without = without + 1 end
  victims[held[2]] = true
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
missing(without)
for consumer in pairs(victims) do robbed(consumer) end
return {found, cursor, unsure}`);

/** KEYS stream, side. ARGV group, most. Removes what nobody holds; returns how many it removed, at most as asked. */
export const purge = script(`${facts}
redis.call('DEL', KEYS[2] .. ':later', KEYS[2] .. ':waiting')
local group, ids = factsOfGroup(ARGV[1]), {}
local from = group and '(' .. group['last-delivered-id'] or '-'
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])) do ids[#ids + 1] = entry[1] end
if #ids == 0 then return 0 end
redis.call('XDEL', KEYS[1], unpack(ids))
if group and group['entries-read'] then
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ids[#ids], 'ENTRIESREAD', group['entries-read'] + #ids)
end
return #ids`);

/** KEYS stream. ARGV group. What was removed before there was the group is none of its business. */
export const createGroup = script(`${facts}
local before = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local stream = factsOfStream()
  before = stream['entries-added'] - stream.length
end
return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM', 'ENTRIESREAD', before)`);

/** KEYS topic, stream. ARGV field, group, time to live. */
export const join = script(`
if redis.call('HEXISTS', KEYS[1], 'topic') == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
redis.call('XGROUP', 'CREATE', KEYS[2], ARGV[2], '0', 'MKSTREAM', 'ENTRIESREAD', 0)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return redis.call('HSET', KEYS[1], ARGV[1], '')`);

/** KEYS topic, stream. ARGV field. */
export const leaveTopic = script(`
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('UNLINK', KEYS[2], KEYS[2] .. ':later', KEYS[2] .. ':waiting', KEYS[2] .. ':missing')`);
