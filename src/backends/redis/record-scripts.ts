import { script } from './scripts.ts';

/**
 * Each script of a record begins so. The sections are those of KEYS[1], and the fields of KEYS[2]; the grammar is in
 * entity-record.ts. A script changes sections by `put`, `putTiles` and `remove`, and writes the record by `save`.
 *
 * The record expires when the last of its sections may: its lives are counted from this write, so it may live longer than its
 * sections need, by one life at most.
 */
const record = `
local FORMAT, MOST_TILES, MOST_RECORD, HOUR = 1, 512, 16384, 3600000
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
local function varint(n)
  if n < 128 then return string.char(n) end
  local bytes = {}
  while n > 127 do
    bytes[#bytes + 1] = string.char(n % 128 + 128)
    n = math.floor(n / 128)
  end
  bytes[#bytes + 1] = string.char(n)
  return table.concat(bytes)
end
local function sized(bytes) return varint(#bytes) .. bytes end

local held = redis.call('GET', KEYS[1]) or ''
local list, at, out = {}, {}, 0
if held ~= '' then
  if string.byte(held, 1) ~= FORMAT then error('RECORDFORMAT') end
  local i, size, long = 2, 0, #held
  out, i = number(held, i)
  while i <= long do
    local from = i
    size, i = number(held, i)
    local name = string.sub(held, i, i + size - 1)
    size, i = number(held, i + size)
    list[#list + 1] = { name, from, i, i + size - 1 }
    at[name] = #list
    i = i + size
  end
end
local function get(name)
  local section = list[at[name]]
  if section then return section[5] or string.sub(held, section[3], section[4]) end
  if out ~= 0 and string.byte(name) == 116 then return redis.call('HGET', KEYS[2], name) end
  return false
end
local function put(name, bytes)
  if not at[name] then
    list[#list + 1] = { name }
    at[name] = #list
  end
  list[at[name]][5] = bytes
end
local function remove(name)
  if at[name] then
    list[at[name]][5] = false
    list[at[name]][6] = true
    at[name] = nil
  elseif out ~= 0 and string.byte(name) == 116 and redis.call('HDEL', KEYS[2], name) == 1 then
    if redis.call('EXISTS', KEYS[2]) == 0 then out = 0 end
  end
end
local function putTiles(name, bytes)
  if #bytes <= MOST_TILES and #held + #bytes <= MOST_RECORD then
    if not at[name] then remove(name) end
    return put(name, bytes)
  end
  if at[name] then remove(name) end
  redis.call('HSET', KEYS[2], name, bytes)
  local life = number(bytes, 1)
  if life == 0 then out = 1 elseif out ~= 1 then out = math.max(out, life + 1) end
end
local function putWindows(name, bytes)
  if #held + #bytes <= MOST_RECORD then put(name, bytes) else remove(name) end
end
local function save()
  local parts, life, never = {}, 0, out == 1
  if out > 1 then life = out - 1 end
  for _, section in ipairs(list) do
    if not section[6] then
      local kind = string.byte(section[1])
      if kind == 98 then never = true
      elseif kind == 116 then
        local own = section[5] and number(section[5], 1) or number(held, section[3])
        if own == 0 then never = true elseif own > life then life = own end
      end
      parts[#parts + 1] = section[5] and sized(section[1]) .. sized(section[5]) or string.sub(held, section[2], section[4])
    end
  end
  if life == 0 and not never then return redis.call('UNLINK', KEYS[1], KEYS[2]) end
  local bytes = string.char(FORMAT) .. varint(out) .. table.concat(parts)
  if never then
    redis.call('SET', KEYS[1], bytes)
    if out ~= 0 then redis.call('PERSIST', KEYS[2]) end
  else
    redis.call('SET', KEYS[1], bytes, 'PX', string.format('%.0f', life * HOUR))
    if out ~= 0 then redis.call('PEXPIRE', KEYS[2], string.format('%.0f', life * HOUR)) end
  end
end
`;

/**
 * The versioned upsert of tiles of the keys of one record, after features/tile/upsert.ts; see tile-block.ts for the bytes. Versions are
 * compared as their two parts, each of which a double holds exactly. A tile that is refused changes nothing, the stamp and the
 * expiry neither.
 *
 * ARGV[1] stamp, then for each key of a view: the end of its sections' names, its life in hours, its windows with these tiles (empty:
 * they are not known), by hop the oldest block that a window may still reach, how many blocks, and for each its name and bytes. Where a
 * tile was refused the windows are of other tiles than those that stand. Answers applied, duplicate, stale, conflict, and which of the
 * keys changed.
 */
export const upsertTiles = script(`${record}
local function entries(s)
  local found, i, size = {}, 1, #s
  while i <= size do
    local from, generation, n, bytes = i, 0, 0, 0
    local place = string.byte(s, i)
    generation, i = number(s, i + 1)
    n, i = number(s, i)
    bytes, i = number(s, i)
    found[#found + 1] = { place, generation, n, i, i + bytes - 1, from }
    i = i + bytes
  end
  return found
end
local count = { 0, 0, 0, 0 }
local function merge(old, new)
  local stored, sent, merged, h, changed = entries(old), entries(new), {}, 1, false
  for _, e in ipairs(sent) do
    while stored[h] and stored[h][1] < e[1] do
      merged[#merged + 1] = string.sub(old, stored[h][6], stored[h][5])
      h = h + 1
    end
    local o, outcome = stored[h], 1
    if o and o[1] == e[1] then
      h = h + 1
      if e[2] < o[2] or (e[2] == o[2] and e[3] < o[3]) then outcome = 3
      elseif e[2] == o[2] and e[3] == o[3] then
        outcome = string.sub(old, o[4], o[5]) == string.sub(new, e[4], e[5]) and 2 or 4
      end
      if outcome ~= 1 then merged[#merged + 1] = string.sub(old, o[6], o[5]) end
    end
    if outcome == 1 then
      merged[#merged + 1] = string.sub(new, e[6], e[5])
      changed = true
    end
    count[outcome] = count[outcome] + 1
  end
  if not changed then return nil end
  while stored[h] do
    merged[#merged + 1] = string.sub(old, stored[h][6], stored[h][5])
    h = h + 1
  end
  return table.concat(merged)
end
local function isPast(name, oldest)
  local bound = oldest[tonumber(string.sub(name, 1, 1), 36) + 1]
  if not bound then return false end
  local digits = string.sub(name, 2)
  if string.byte(digits) == 45 then return -tonumber(string.sub(digits, 2), 36) < bound end
  return tonumber(digits, 36) < bound
end
local a, key, changedKeys = 2, 0, {}
while a <= #ARGV do
  local id, life, windows, oldest, blocks = ARGV[a], tonumber(ARGV[a + 1]), ARGV[a + 2], {}, tonumber(ARGV[a + 4])
  for bound in string.gmatch(ARGV[a + 3], '%S+') do oldest[#oldest + 1] = tonumber(bound) or false end
  local old = get('t' .. id) or ''
  local names, bytesOf, i, size = {}, {}, 1, 0
  if old ~= '' then
    size, i = number(old, i)
    size, i = number(old, i)
    i = i + size
  end
  while old ~= '' and i <= #old do
    size, i = number(old, i)
    local name = string.sub(old, i, i + size - 1)
    size, i = number(old, i + size)
    names[#names + 1], bytesOf[name] = name, string.sub(old, i, i + size - 1)
    i = i + size
  end
  local changed, refused = false, count[3] + count[4]
  key, a = key + 1, a + 5
  for _ = 1, blocks do
    local name = ARGV[a]
    local merged = merge(bytesOf[name] or '', ARGV[a + 1])
    if merged then
      if not bytesOf[name] then names[#names + 1] = name end
      bytesOf[name], changed = merged, true
    end
    a = a + 2
  end
  if changed then
    local parts = { varint(life), sized(ARGV[1]) }
    for _, name in ipairs(names) do
      if not isPast(name, oldest) then parts[#parts + 1] = sized(name) .. sized(bytesOf[name]) end
    end
    putTiles('t' .. id, table.concat(parts))
    if windows ~= '' and refused == count[3] + count[4] then putWindows('w' .. id, windows) else remove('w' .. id) end
    changedKeys[#changedKeys + 1] = key
  end
end
if #changedKeys > 0 then save() end
for _, one in ipairs(changedKeys) do count[#count + 1] = one end
return count
`);

/** Sections of tiles: ARGV their names. Answers their bytes. */
export const readSections = script(`${record}
local found = {}
for a = 1, #ARGV do found[a] = get(ARGV[a]) end
return found
`);

/** All sections of tiles whose names begin with ARGV[1]: names and bytes in turn. */
export const sectionsOf = script(`${record}
local found, size = {}, #ARGV[1]
for _, section in ipairs(list) do
  if string.sub(section[1], 1, size) == ARGV[1] then
    found[#found + 1] = section[1]
    found[#found + 1] = get(section[1])
  end
end
for _, name in ipairs(out ~= 0 and redis.call('HKEYS', KEYS[2]) or {}) do
  if string.sub(name, 1, size) == ARGV[1] then
    found[#found + 1] = name
    found[#found + 1] = get(name)
  end
end
return found
`);

/**
 * Replaces sections of tiles that are as they were read: ARGV threes: the end of the name, what it was, what it becomes (empty: it goes,
 * with its windows). One that was written meanwhile is left.
 */
export const replaceSections = script(`${record}
for a = 1, #ARGV, 3 do
  if get('t' .. ARGV[a]) == ARGV[a + 1] then
    if ARGV[a + 2] ~= '' then putTiles('t' .. ARGV[a], ARGV[a + 2])
    else
      remove('t' .. ARGV[a])
      remove('w' .. ARGV[a])
    end
  end
end
save()
return 1
`);

/**
 * Sets the stored windows of a key if they are of the tiles that stand: ARGV: the end of the name, the stamp of the write after which
 * the tiles were read, windows.
 */
export const keepWindows = script(`${record}
local tiles = get('t' .. ARGV[1])
if not tiles then return 0 end
local size, i = number(tiles, 1)
size, i = number(tiles, i)
if string.sub(tiles, i, i + size - 1) ~= ARGV[2] then return 0 end
putWindows('w' .. ARGV[1], ARGV[3])
save()
return 1
`);

/** Writes sections as they are: ARGV names and bytes in turn. */
export const putSections = script(`${record}
for a = 1, #ARGV, 2 do put(ARGV[a], ARGV[a + 1]) end
save()
return 1
`);

/**
 * Removes sections: ARGV[1] how many names follow, the names, how many beginnings of names follow, these, and then names that
 * stay whatever they begin with.
 */
export const removeSections = script(`${record}
local names, stay, gone = tonumber(ARGV[1]), {}, {}
local beginnings = tonumber(ARGV[names + 2])
for a = names + beginnings + 3, #ARGV do stay[ARGV[a]] = true end
for a = 2, names + 1 do gone[#gone + 1] = ARGV[a] end
local function judge(name)
  for a = names + 3, names + beginnings + 2 do
    if not stay[name] and string.sub(name, 1, #ARGV[a]) == ARGV[a] then gone[#gone + 1] = name end
  end
end
for _, section in ipairs(list) do judge(section[1]) end
for _, name in ipairs(out ~= 0 and redis.call('HKEYS', KEYS[2]) or {}) do judge(name) end
if #gone == 0 then return 0 end
for _, name in ipairs(gone) do remove(name) end
save()
return 1
`);
