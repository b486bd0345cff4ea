import { script, store } from './scripts.ts';

/**
 * Stores messages in each of the places, up to the first message that fails, and says how: `{how many, error, ids}`, the
 * ids in one text. ARGV window, retention, most, name of the body's field; then for each message: body, headers. Without
 * a name, for messages that are delayed, remembered or without a body: delay, send id, number of fields, fields.
 */
const storeAll = `${store}
local function storeAll(places)
  local ids, window, body = {}, tonumber(ARGV[1]), ARGV[4]
  local function put(delay, ...)
    local id
    for _, place in ipairs(places) do id = store(place[1], place[2], delay, ...) end
    ids[#ids + 1] = id or ''
  end
  local function told(err)
    return {#ids, type(err) == 'table' and err.err or tostring(err or ''), table.concat(ids, ' ')}
  end
  local at = 5
  while body ~= '' and at < #ARGV do
    local done, err = pcall(put, 0, body, ARGV[at], 'headers', ARGV[at + 1])
    if not done then return told(err) end
    at = at + 2
  end
  while at < #ARGV do
    local sent, last = KEYS[2] .. ':sent:' .. ARGV[at + 1], at + 2 + ARGV[at + 2]
    if window > 0 and redis.call('EXISTS', sent) == 1 then ids[#ids + 1] = '' else
      local done, err = pcall(put, tonumber(ARGV[at]), unpack(ARGV, at + 3, last))
      if not done then return told(err) end
      if window > 0 then redis.call('SET', sent, '', 'PX', window) end
    end
    at = last + 1
  end
  return told()
end`;

/**
 * KEYS stream, side. Trims exactly, and notes up to where and how many, so that a reader can tell whether it missed
 * something: XTRIM leaves no trace.
 */
export const append = script(`${storeAll}
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
local told = storeAll({{KEYS[1], KEYS[2]}})
local function trim(last)
  if not last then return end
  local count = redis.call('XTRIM', KEYS[1], 'MINID', last[1]) + redis.call('XDEL', KEYS[1], last[1])
  redis.call('HSET', KEYS[2] .. ':meta', 'trimmed ' .. KEYS[1], last[1])
  redis.call('HINCRBY', KEYS[2] .. ':meta', 'removed ' .. KEYS[1], count)
end
if ARGV[2] ~= '0' then
  trim(redis.call('XREVRANGE', KEYS[1], '(' .. string.format('%.0f', math.max(1, now() - ARGV[2])) .. '-0', '-', 'COUNT', 1)[1])
end
if ARGV[3] ~= '0' then
  local over = redis.call('XLEN', KEYS[1]) - ARGV[3]
  if over > 0 then trim(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over)[over]) end
end
return told`);

/** KEYS topic, topic. A copy for each subscription. One whose key has expired, because nobody keeps it any more, is forgotten. */
export const publish = script(`${storeAll}
local fields = redis.call('HKEYS', KEYS[1])
if #fields == 0 then return redis.error_reply('NOPLACE ' .. KEYS[1] .. ' does not exist') end
local places = {}
for _, field in ipairs(fields) do
  if field ~= 'topic' then
    local stream = KEYS[1] .. ':' .. field
    if redis.call('EXISTS', stream) == 1 then places[#places + 1] = {stream, stream}
    elseif string.sub(field, 1, 5) == 'live:' then redis.call('HDEL', KEYS[1], field)
    else return redis.error_reply('NOPLACE ' .. stream .. ' does not exist') end
  end
end
return storeAll(places)`);
