import { clock, script } from './scripts.ts';

/**
 * KEYS the group's hash. ARGV member, milliseconds it may be silent, partitions. In the hash: \`m:<member>\` until when a
 * member counts as alive, \`o:<partition>\` whose it is, \`p:<partition>\` up to where it is done. Partitions are dealt out
 * in turn; what belongs to another member is taken only when that has given it up, or is silent for too long. Returns
 * what we hold, and of that what we are to give up; then partitions that are now ours, with their positions.
 */
export const share = script(`${clock}
local time = now()
redis.call('HSET', KEYS[1], 'm:' .. ARGV[1], string.format('%.0f', time + ARGV[2]))
local all, alive, members = redis.call('HGETALL', KEYS[1]), {}, {}
for at = 1, #all, 2 do
  if string.sub(all[at], 1, 2) == 'm:' then
    if tonumber(all[at + 1]) < time then redis.call('HDEL', KEYS[1], all[at])
    else local id = string.sub(all[at], 3); alive[id] = true; members[#members + 1] = id end
  end
end
table.sort(members)
local held, extra, fresh = {}, {}, {}
for partition = 0, ARGV[3] - 1 do
  local owner = redis.call('HGET', KEYS[1], 'o:' .. partition)
  local isDue = members[partition % #members + 1] == ARGV[1]
  if owner == ARGV[1] then
    held[#held + 1] = partition
    if not isDue then extra[#extra + 1] = partition end
  elseif isDue and not alive[owner] then
    redis.call('HSET', KEYS[1], 'o:' .. partition, ARGV[1])
    fresh[#fresh + 1] = {partition, redis.call('HGET', KEYS[1], 'p:' .. partition)}
  end
end
return {held, extra, fresh}`);

/** KEYS the group's hash. ARGV member; then partition and position of each. Returns the indices of those that are not ours. */
export const commit = script(`
local lost = {}
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], 'o:' .. ARGV[at]) == ARGV[1] then redis.call('HSET', KEYS[1], 'p:' .. ARGV[at], ARGV[at + 1])
  else lost[#lost + 1] = (at - 2) / 2 end
end
return lost`);

/** KEYS the group's hash. ARGV member, 1 to leave the group; then partitions to give up. */
export const giveUp = script(`
for at = 3, #ARGV do
  if redis.call('HGET', KEYS[1], 'o:' .. ARGV[at]) == ARGV[1] then redis.call('HDEL', KEYS[1], 'o:' .. ARGV[at]) end
end
if ARGV[2] == '1' then redis.call('HDEL', KEYS[1], 'm:' .. ARGV[1]) end
return 1`);
