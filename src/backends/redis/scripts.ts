import { createHash } from 'node:crypto';

/** A Lua script with the digest under which servers keep it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * Writes the next commit to an anchor: KEYS[1] the anchor; ARGV: owner, the previous commit (empty: none), commit, its note
 * (writer and position), the oldest commit to forget. Returns ok, owner (another process writes) or lost (an acknowledged
 * commit is missing).
 */
export const beginCommit = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
local last = redis.call('HGET', KEYS[1], 'last') or ''
if last ~= ARGV[2] then return 'lost' end
redis.call('HSET', KEYS[1], 'next', ARGV[3], 'c' .. ARGV[3], ARGV[4])
redis.call('HDEL', KEYS[1], 'c' .. ARGV[5])
return 'ok'
`);

/** Says that the tiles of a commit are written: KEYS[1] the anchor; ARGV: owner, commit, writer, note, fresh (empty: as it was). */
export const endCommit = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
if redis.call('HGET', KEYS[1], 'next') ~= ARGV[2] then return 'lost' end
redis.call('HSET', KEYS[1], 'last', ARGV[2], 'p' .. ARGV[3], ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'fresh', ARGV[5]) end
return 'ok'
`);

/**
 * Sets fields of an anchor that is there and ours: KEYS[1] the anchor; ARGV: owner, the last commit, then pairs. Answers as
 * beginCommit.
 */
export const markAnchor = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
if (redis.call('HGET', KEYS[1], 'last') or '') ~= ARGV[2] then return 'lost' end
for a = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[a], ARGV[a + 1]) end
return 'ok'
`);

/** From the reports of all shares and the serving process: the freshness of the tiles, and the server processes that have all. */
const tellShares = `
local function tell(shares)
  local fresh, whole, runs = nil, {}, {}
  for p = 0, shares - 1 do
    local said = redis.call('HMGET', KEYS[1], 'f' .. p, 'r' .. p)
    if not said[1] then fresh = ''
    elseif fresh == nil or (fresh ~= '' and tonumber(said[1]) < tonumber(fresh)) then fresh = said[1] end
    runs[#runs + 1] = ' ' .. (said[2] or '') .. ' '
  end
  for id in string.gmatch(redis.call('HGET', KEYS[1], 'served') or '', '%S+') do
    local all = true
    for _, run in ipairs(runs) do all = all and string.find(run, ' ' .. id .. ' ', 1, true) end
    if all then whole[#whole + 1] = id end
  end
  if fresh and fresh ~= '' then redis.call('HSET', KEYS[1], 'fresh', fresh)
  else redis.call('HDEL', KEYS[1], 'fresh') end
  redis.call('HSET', KEYS[1], 'run', table.concat(whole, ' '))
end
`;

/**
 * Writes to an anchor which processes write the tiles: KEYS[1] the anchor; ARGV: owner, the name of the shares (empty: the owner
 * writes them), how entities are nested. Reports of shares of another name are deleted.
 */
export const openShares = script(`
redis.call('HSET', KEYS[1], 'own', ARGV[1], 'run', '', 'served', '')
redis.call('HSETNX', KEYS[1], 'nested', ARGV[3])
local shares = redis.call('HMGET', KEYS[1], 'shares', 'of')
if (shares[1] or '') == ARGV[2] and not shares[2] then return 1 end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.find(field, '^[sfr]%d+$') then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HDEL', KEYS[1], 'fresh', 'shares', 'of', 'ahead')
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'shares', ARGV[2]) end
return 1
`);

/**
 * Writes to an anchor that many processes make the tiles and write them: KEYS[1] the anchor; ARGV: owner, the name of the shares, how
 * entities are nested, the writer whose position they continue, its commits ahead of that, then share and place by turns, of that
 * position. Shares of the same name stay as they are. Those of another keep their places, belong to nobody, and are closed until they
 * are confirmed.
 */
export const openLogShares = script(`
redis.call('HSET', KEYS[1], 'own', ARGV[1], 'run', '', 'served', '')
redis.call('HSETNX', KEYS[1], 'nested', ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'shares', 'of')
if held[2] and held[1] == ARGV[2] then return 1 end
redis.call('HDEL', KEYS[1], 'fresh', 'shares')
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.find(field, '^[fr]%d+$') then redis.call('HDEL', KEYS[1], field)
  elseif string.find(field, '^s%d+$') then
    local place = held[2] and string.match(redis.call('HGET', KEYS[1], field), '^%x+ (.*)$') or ''
    if place == '' then redis.call('HDEL', KEYS[1], field) else redis.call('HSET', KEYS[1], field, '0 ' .. place) end
  end
end
if held[2] then return 1 end
redis.call('HSET', KEYS[1], 'of', ARGV[4], 'ahead', ARGV[5])
for a = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], 's' .. ARGV[a], '0 ' .. ARGV[a + 1]) end
return 1
`);

/**
 * Closes an anchor for the processes that make the tiles, until it is confirmed: KEYS[1] the anchor; ARGV: owner, whether it forgets
 * where they stood (0, 1).
 */
export const closeLogShares = script(`
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
redis.call('HDEL', KEYS[1], 'shares', 'fresh')
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.find(field, '^[fr]%d+$') or (ARGV[2] == '1' and string.find(field, '^s%d+$')) then redis.call('HDEL', KEYS[1], field) end
end
return 'ok'
`);

/**
 * Says on an anchor which server processes the owner found whole, where others write the tiles: KEYS[1] the anchor; ARGV: owner, the
 * last commit, how many shares, processes, the name of the shares (empty: as it is). Answers as beginCommit.
 */
export const confirmServed = script(`${tellShares}
if redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
if (redis.call('HGET', KEYS[1], 'last') or '') ~= ARGV[2] then return 'lost' end
redis.call('HSET', KEYS[1], 'served', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'shares', ARGV[5]) end
tell(tonumber(ARGV[3]))
return 'ok'
`);

/**
 * Takes shares: KEYS[1] the anchor; ARGV: what names the shares, how many there are, who takes, whether something was lost (0, 1), then
 * shares. Answers their places in this order (empty: none), or closed.
 */
export const takeShares = script(`${tellShares}
if redis.call('HGET', KEYS[1], 'shares') ~= ARGV[1] then return 'closed' end
local places = {}
for a = 5, #ARGV do
  local held = redis.call('HGET', KEYS[1], 's' .. ARGV[a]) or ''
  local place = string.match(held, '^%x+ (.*)$') or ''
  if place == '' or ARGV[4] == '1' then redis.call('HDEL', KEYS[1], 'f' .. ARGV[a], 'r' .. ARGV[a]) end
  redis.call('HSET', KEYS[1], 's' .. ARGV[a], ARGV[3] .. ' ' .. place)
  places[#places + 1] = place
end
tell(tonumber(ARGV[2]))
return places
`);

/**
 * Says where shares are read on, when their tiles are written: KEYS[1] the anchor; ARGV: what names the shares, how many there are, the
 * server process that has the tiles, fresh (empty: as it was), processes that are whole (empty: as it was), then threes: share, owner and
 * place as they were left, and as they are. Answers ok, closed, busy (another server process has come) or moved (one is not as it was left).
 */
export const moveShares = script(`${tellShares}
if redis.call('HGET', KEYS[1], 'shares') ~= ARGV[1] then return 'closed' end
if string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') ~= ARGV[3] then return 'busy' end
for a = 6, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], 's' .. ARGV[a])
  if held ~= ARGV[a + 1] and held ~= ARGV[a + 2] then return 'moved' end
end
for a = 6, #ARGV, 3 do
  redis.call('HSET', KEYS[1], 's' .. ARGV[a], ARGV[a + 2])
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'f' .. ARGV[a], ARGV[4]) end
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'r' .. ARGV[a], ARGV[5]) end
end
tell(tonumber(ARGV[2]))
return 'ok'
`);

/** Takes or keeps the lock: KEYS[1] the lock; ARGV: owner, ms, an owner that is known to be gone. Answers who has it. */
export const takeLock = script(`
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] or holder == ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
return holder
`);

/** Gives the lock back if it is ours: KEYS[1] the lock; ARGV[1] owner. */
export const dropLock = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** Takes a namespace that nobody has: KEYS[1] the owner; ARGV[1] who, or nothing to take nothing. Answers whose it is. */
export const claimOwner = script(`
local holder = redis.call('GET', KEYS[1])
if holder or ARGV[1] == '' then return holder or '' end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
`);

/**
 * Notes hot names: KEYS[1] the hash; ARGV: ms that they are hot, most names, then names. Answers all that are hot; the hash goes
 * with the last of them.
 */
export const shareHot = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for a = 3, #ARGV do redis.call('HSET', KEYS[1], ARGV[a], now + ARGV[1]) end
local all, alive = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) > now and #alive < tonumber(ARGV[2]) then alive[#alive + 1] = all[i]
  else redis.call('HDEL', KEYS[1], all[i]) end
end
if #ARGV > 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return alive
`);

export function script(text: string): Script {
  const trimmed = text.trim();
  return { text: trimmed, sha: createHash('sha1').update(trimmed).digest('hex') };
}
