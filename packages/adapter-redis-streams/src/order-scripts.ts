import { isOurs, robbed } from './queue-scripts.ts';
import { missing, removed, script } from './scripts.ts';

/**
 * One consumer of an ordered place: only its owner reads, and its name in \`owner\` says who that is. KEYS stream, side.
 * ARGV group, consumer, lease, time to live, 1 if we were the owner, limit, cursor (empty: no backlog), then names of
 * consumers that are gone. Who becomes the owner holds all that others held, at once; what they settle late finds
 * nothing of theirs. Returns -1 (not ours any more), 0 (another's), or 1; then entries with their counts in order of the
 * stream, first what was held before, the next cursor, up to where everything was handed out, and what others removed.
 */
export const take = script(`${missing}${removed}${robbed}
local name, limit, found, cursor = KEYS[2] .. ':owner', tonumber(ARGV[6]), {}, ARGV[7]
local owner = redis.call('GET', name)
if owner ~= ARGV[2] then
  if ARGV[5] == '1' then return {-1} end
  local isFree = not owner
  for at = 8, #ARGV do isFree = isFree or owner == ARGV[at] end
  if not isFree then return {0} end
  for _, held in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000000)) do
    if held[2] ~= ARGV[2] then
      missing(1 - #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, held[1], 'JUSTID'))
      robbed(held[2])
    end
  end
  for at = 8, #ARGV do redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[at]) end
end
if owner ~= ARGV[2] or redis.call('PTTL', name) < ARGV[3] * 2 / 3 then redis.call('SET', name, ARGV[2], 'PX', ARGV[3]) end
if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
if cursor ~= '' then
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], cursor, '+', limit, ARGV[2])
  for _, one in ipairs(held) do
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, one[1])[1]
    if entry then found[#found + 1] = {entry[1], entry[2], one[4] + 1} else missing(1) end
  end
  cursor = #held < limit and '' or '(' .. held[#held][1]
end
local without = removed(ARGV[1])
if #found < limit and cursor == '' then
  local fresh = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit - #found, 'STREAMS', KEYS[1], '>')
  if fresh then for _, entry in ipairs(fresh[1][2]) do found[#found + 1] = {entry[1], entry[2], 1} end end
end
return {1, found, cursor, factsOfGroup(ARGV[1])['last-delivered-id'], without}`);

/** KEYS stream, side. ARGV group, consumer; then id, count, and the count to go on with, of each. Hands them out again. */
export const again = script(`${isOurs}${missing}
local found = {}
for at = 3, #ARGV, 3 do
  if isOurs(ARGV[at], ARGV[at + 1]) then
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'RETRYCOUNT', ARGV[at + 2])[1]
    if entry then found[#found + 1] = {entry[1], entry[2], tonumber(ARGV[at + 2])} else missing(1) end
  end
end
return found`);

/** KEYS stream, side. ARGV group, consumer. Leaves what it holds where it is, uncounted, and calls the next owner. */
export const resign = script(`
for _, held in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000000, ARGV[2])) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, held[1], 'RETRYCOUNT', math.max(0, held[4] - 1), 'JUSTID')
end
if redis.call('GET', KEYS[2] .. ':owner') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2] .. ':owner')
redis.call('RPUSH', KEYS[2] .. ':turn', '')
redis.call('PEXPIRE', KEYS[2] .. ':turn', 1000)
return 1`);

/** KEYS stream, side. ARGV consumer, lease. */
export const renew = script(`
if redis.call('GET', KEYS[2] .. ':owner') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[2] .. ':owner', ARGV[2])`);
