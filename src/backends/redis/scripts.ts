import { createHash } from 'node:crypto';

/** A Lua script with the digest under which servers keep it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * The versioned upsert of tiles of one key, after features/tile/upsert.ts; see tile-block.ts for the bytes. Versions are
 * compared as their two parts, each of which a double holds exactly. A tile that is refused changes nothing, the stamp and
 * the expiry neither.
 *
 * KEYS[1] the hash, KEYS[2] the key's stored windows (absent: its view has none); ARGV[1] stamp, ARGV[2] ms until the hash may go (0: never), ARGV[3] whether fields expire (0, 1), ARGV[4] the
 * windows with these tiles (empty: they are not known), then threes: field, ms until the field may go (0: never), block. Where a
 * tile was refused the windows are of other tiles than those that stand. Answers applied, duplicate, stale, conflict.
 */
export const upsertTiles = script(`
local function number(s, i)
  local value, weight = 0, 1
  while true do
    local b = string.byte(s, i)
    i = i + 1
    if b < 128 then return value + b * weight, i end
    value = value + (b - 128) * weight
    weight = weight * 128
  end
end
local function entries(s)
  local list, i, size = {}, 2, #s
  if size > 0 and string.byte(s, 1) ~= 1 then error('BLOCKFORMAT') end
  while i <= size do
    local from, generation, n, bytes = i, 0, 0, 0
    local place = string.byte(s, i)
    generation, i = number(s, i + 1)
    n, i = number(s, i)
    bytes, i = number(s, i)
    list[#list + 1] = { place, generation, n, i, i + bytes - 1, from }
    i = i + bytes
  end
  return list
end
local count = { 0, 0, 0, 0 }
local any = false
for a = 5, #ARGV, 3 do
  local new = ARGV[a + 2]
  local old = redis.call('HGET', KEYS[1], ARGV[a]) or ''
  local held, sent, out, h, changed = entries(old), entries(new), { string.char(1) }, 1, false
  for _, e in ipairs(sent) do
    while held[h] and held[h][1] < e[1] do
      out[#out + 1] = string.sub(old, held[h][6], held[h][5])
      h = h + 1
    end
    local o, outcome = held[h], 1
    if o and o[1] == e[1] then
      h = h + 1
      if e[2] < o[2] or (e[2] == o[2] and e[3] < o[3]) then outcome = 3
      elseif e[2] == o[2] and e[3] == o[3] then
        outcome = string.sub(old, o[4], o[5]) == string.sub(new, e[4], e[5]) and 2 or 4
      end
      if outcome ~= 1 then out[#out + 1] = string.sub(old, o[6], o[5]) end
    end
    if outcome == 1 then
      out[#out + 1] = string.sub(new, e[6], e[5])
      changed = true
    end
    count[outcome] = count[outcome] + 1
  end
  if changed then
    while held[h] do
      out[#out + 1] = string.sub(old, held[h][6], held[h][5])
      h = h + 1
    end
    redis.call('HSET', KEYS[1], ARGV[a], table.concat(out))
    if KEYS[2] and not any then redis.call('UNLINK', KEYS[2]) end
    any = true
    if ARGV[3] == '1' and ARGV[a + 1] ~= '0' then
      redis.call('HPEXPIRE', KEYS[1], ARGV[a + 1], 'FIELDS', '1', ARGV[a])
    end
  end
end
if any then
  redis.call('HSET', KEYS[1], '~', ARGV[1])
  if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  if KEYS[2] and ARGV[4] ~= '' and count[3] + count[4] == 0 then
    if ARGV[2] == '0' then redis.call('SET', KEYS[2], ARGV[4])
    else redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[2]) end
  end
end
return count
`);

/**
 * Drops blocks that are as they were read: KEYS[1] the hash; ARGV threes: field, what it was, what it becomes (empty: it
 * goes). One that was written meanwhile is left. The hash goes when only its stamp is left.
 */
export const replaceBlocks = script(`
for a = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[a]) == ARGV[a + 1] then
    if ARGV[a + 2] == '' then redis.call('HDEL', KEYS[1], ARGV[a])
    else redis.call('HSET', KEYS[1], ARGV[a], ARGV[a + 2]) end
  end
end
if redis.call('HLEN', KEYS[1]) <= 1 and redis.call('HEXISTS', KEYS[1], '~') == 1 then
  redis.call('UNLINK', KEYS[1])
end
return 1
`);

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

/**
 * Sets the stored windows of a key if they are of the tiles that stand: KEYS[1] the hash, KEYS[2] the windows; ARGV: the stamp of the
 * write after which the tiles were read, ms until they go (0: never), windows.
 */
export const keepWindows = script(`
if redis.call('HGET', KEYS[1], '~') ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('SET', KEYS[2], ARGV[3])
else redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2]) end
return 1
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
 * writes them). Reports of shares of another name are deleted.
 */
export const openShares = script(`
redis.call('HSET', KEYS[1], 'own', ARGV[1], 'run', '', 'served', '')
if (redis.call('HGET', KEYS[1], 'shares') or '') == ARGV[2] then return 1 end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.find(field, '^[sfr]%d+$') then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HDEL', KEYS[1], 'fresh', 'shares')
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'shares', ARGV[2]) end
return 1
`);

/**
 * Says on an anchor which server processes the owner found whole, where others write the tiles: KEYS[1] the anchor; ARGV: owner, the
 * last commit, how many shares, processes. Answers as beginCommit.
 */
export const confirmServed = script(`${tellShares}
if redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
if redis.call('HGET', KEYS[1], 'own') ~= ARGV[1] then return 'owner' end
if (redis.call('HGET', KEYS[1], 'last') or '') ~= ARGV[2] then return 'lost' end
redis.call('HSET', KEYS[1], 'served', ARGV[4])
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

function script(text: string): Script {
  const trimmed = text.trim();
  return { text: trimmed, sha: createHash('sha1').update(trimmed).digest('hex') };
}
