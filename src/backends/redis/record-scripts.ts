import { script } from './scripts.ts';

/**
 * Each script of a record begins so. The sections are those of KEYS[1], and the fields of KEYS[2]; the grammar is in
 * entity-record.ts. A script changes sections by `put`, `putTiles` and `remove`, and writes the record by `save`.
 *
 * The record expires when the last of its sections may: its lives are counted from this write, so it may live longer than its
 * sections need, by one life at most.
 */
export const record = `
local FORMAT, MOST_TILES, MOST_RECORD, HOUR = 1, 512, 16384, 3600000
local byte, sub = string.byte, string.sub
local function number(s, i)
  local b = byte(s, i)
  if b < 128 then return b, i + 1 end
  local value, weight = 0, 1
  while b > 127 do
    value = value + (b - 128) * weight
    weight = weight * 128
    i = i + 1
    b = byte(s, i)
  end
  return value + b * weight, i + 1
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
local names, froms, starts, ends, bodies, at, count, out = {}, {}, {}, {}, {}, {}, 0, 0
if held ~= '' then
  if byte(held, 1) ~= FORMAT then error('RECORDFORMAT') end
  local i, size, long = 2, 0, #held
  out, i = number(held, i)
  while i <= long do
    count = count + 1
    froms[count] = i
    size, i = number(held, i)
    local name = sub(held, i, i + size - 1)
    size, i = number(held, i + size)
    names[count], starts[count], at[name] = name, i, count
    i = i + size
    ends[count] = i - 1
  end
end
local function get(name)
  local p = at[name]
  if p then return bodies[p] or sub(held, starts[p], ends[p]) end
  if out ~= 0 and byte(name) == 116 then return redis.call('HGET', KEYS[2], name) end
  return false
end
local function put(name, bytes)
  if not at[name] then
    count = count + 1
    names[count], at[name] = name, count
  end
  bodies[at[name]] = bytes
end
local function remove(name)
  local p = at[name]
  if p then names[p], bodies[p], at[name] = false, nil, nil
  elseif out ~= 0 and byte(name) == 116 and redis.call('HDEL', KEYS[2], name) == 1 then
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
  local parts, life, never, as = { '', '' }, 0, out == 1, 0
  if out > 1 then life = out - 1 end
  for p = 1, count do
    local name, body = names[p], bodies[p]
    if as > 0 and (not name or body) then
      parts[#parts + 1] = sub(held, froms[as], ends[p - 1])
      as = 0
    end
    if name then
      local kind = byte(name)
      if kind == 98 then never = true
      elseif kind == 116 then
        local own = body and number(body, 1) or number(held, starts[p])
        if own == 0 then never = true elseif own > life then life = own end
      end
      if body then parts[#parts + 1] = sized(name) .. sized(body) elseif as == 0 then as = p end
    end
  end
  if as > 0 then parts[#parts + 1] = sub(held, froms[as], ends[count]) end
  if life == 0 and not never then return redis.call('UNLINK', KEYS[1], KEYS[2]) end
  parts[1], parts[2] = string.char(FORMAT), varint(out)
  local bytes, ms = table.concat(parts), string.format('%.0f', life * HOUR)
  if never then
    redis.call('SET', KEYS[1], bytes)
    if out ~= 0 then redis.call('PERSIST', KEYS[2]) end
  else
    redis.call('SET', KEYS[1], bytes, 'PX', ms)
    if out ~= 0 then redis.call('PEXPIRE', KEYS[2], ms) end
  end
end
`;

/** Sections of tiles: ARGV their names. Answers their bytes. */
export const readSections = script(`${record}
local found = {}
for a = 1, #ARGV do found[a] = get(ARGV[a]) end
return found
`);

/** All sections of tiles whose names begin with ARGV[1]: names and bytes in turn. */
export const sectionsOf = script(`${record}
local found, size = {}, #ARGV[1]
for p = 1, count do
  if sub(names[p], 1, size) == ARGV[1] then
    found[#found + 1] = names[p]
    found[#found + 1] = get(names[p])
  end
end
for _, name in ipairs(out ~= 0 and redis.call('HKEYS', KEYS[2]) or {}) do
  if sub(name, 1, size) == ARGV[1] then
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
if sub(tiles, i, i + size - 1) ~= ARGV[2] then return 0 end
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
local exact, stay, gone = tonumber(ARGV[1]), {}, {}
local beginnings = tonumber(ARGV[exact + 2])
for a = exact + beginnings + 3, #ARGV do stay[ARGV[a]] = true end
for a = 2, exact + 1 do gone[#gone + 1] = ARGV[a] end
local function judge(name)
  for a = exact + 3, exact + beginnings + 2 do
    if not stay[name] and sub(name, 1, #ARGV[a]) == ARGV[a] then gone[#gone + 1] = name end
  end
end
for p = 1, count do judge(names[p]) end
for _, name in ipairs(out ~= 0 and redis.call('HKEYS', KEYS[2]) or {}) do judge(name) end
if #gone == 0 then return 0 end
for _, name in ipairs(gone) do remove(name) end
save()
return 1
`);
