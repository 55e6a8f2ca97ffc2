import { record } from './record-scripts.ts';
import { type Script, script } from './scripts.ts';

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
export const upsertTiles = upsert({
  guard: 'local a = 2\n',
  stamps: 'stamp = ARGV[1]',
  answered: 'changedKeys',
});

/**
 * The same for tiles that were read and added to. KEYS[3] is the anchor. ARGV[1] how many of its fields must have the values that
 * follow, as pairs; then for each key the stamp that was read (empty: none), the stamp that it gets, and as above. A key with another
 * stamp is left as it is. Answers the outcomes, and which of the keys were left; or nothing where a field has another value.
 */
export const addTiles = upsert({
  guard: `local a = 2 + 2 * tonumber(ARGV[1])
for g = 2, a - 1, 2 do
  if redis.call('HGET', KEYS[3], ARGV[g]) ~= ARGV[g + 1] then return {} end
end
`,
  stamps: 'expected, stamp, a = ARGV[a], ARGV[a + 1], a + 2',
  answered: 'moved',
});

interface Kind {
  /** Sets `a`, the first argument of the keys. */
  readonly guard: string;
  /** Sets the stamp of a key, and the expected one where there is any. */
  readonly stamps: string;
  /** The keys that are answered. */
  readonly answered: string;
}

function upsert({ guard, stamps, answered }: Kind): Script {
  return script(`${record}
local function entries(s)
  local found, i, size = {}, 1, #s
  while i <= size do
    local from, generation, n, bytes = i, 0, 0, 0
    local place = byte(s, i)
    generation, i = number(s, i + 1)
    n, i = number(s, i)
    bytes, i = number(s, i)
    found[#found + 1] = { place, generation, n, i, i + bytes - 1, from }
    i = i + bytes
  end
  return found
end
local outcomes = { 0, 0, 0, 0 }
local function merge(old, new)
  local stored, sent, merged, h, changed = entries(old), entries(new), {}, 1, false
  for _, e in ipairs(sent) do
    while stored[h] and stored[h][1] < e[1] do
      merged[#merged + 1] = sub(old, stored[h][6], stored[h][5])
      h = h + 1
    end
    local o, outcome = stored[h], 1
    if o and o[1] == e[1] then
      h = h + 1
      if e[2] < o[2] or (e[2] == o[2] and e[3] < o[3]) then outcome = 3
      elseif e[2] == o[2] and e[3] == o[3] then
        outcome = sub(old, o[4], o[5]) == sub(new, e[4], e[5]) and 2 or 4
      end
      if outcome ~= 1 then merged[#merged + 1] = sub(old, o[6], o[5]) end
    end
    if outcome == 1 then
      merged[#merged + 1] = sub(new, e[6], e[5])
      changed = true
    end
    outcomes[outcome] = outcomes[outcome] + 1
  end
  if not changed then return nil end
  while stored[h] do
    merged[#merged + 1] = sub(old, stored[h][6], stored[h][5])
    h = h + 1
  end
  return table.concat(merged)
end
local function isPast(name, oldest)
  local bound = oldest[tonumber(sub(name, 1, 1), 36) + 1]
  if not bound then return false end
  local digits = sub(name, 2)
  if byte(digits) == 45 then return -tonumber(sub(digits, 2), 36) < bound end
  return tonumber(digits, 36) < bound
end
${guard}local key, changedKeys, moved = 0, {}, {}
while a <= #ARGV do
  local expected, stamp
  ${stamps}
  local id, life, windows, oldest, blocks = ARGV[a], tonumber(ARGV[a + 1]), ARGV[a + 2], {}, tonumber(ARGV[a + 4])
  for bound in string.gmatch(ARGV[a + 3], '%S+') do oldest[#oldest + 1] = tonumber(bound) or false end
  local old = get('t' .. id) or ''
  local blockNames, bytesOf, i, size, last = {}, {}, 1, 0, ''
  if old ~= '' then
    size, i = number(old, i)
    size, i = number(old, i)
    last = sub(old, i, i + size - 1)
    i = i + size
  end
  key, a = key + 1, a + 5
  if expected and last ~= expected then
    moved[#moved + 1] = key
    a = a + 2 * blocks
  else
    while old ~= '' and i <= #old do
      size, i = number(old, i)
      local name = sub(old, i, i + size - 1)
      size, i = number(old, i + size)
      blockNames[#blockNames + 1], bytesOf[name] = name, sub(old, i, i + size - 1)
      i = i + size
    end
    local changed, refused = expected ~= nil, outcomes[3] + outcomes[4]
    for _ = 1, blocks do
      local name = ARGV[a]
      local merged = merge(bytesOf[name] or '', ARGV[a + 1])
      if merged then
        if not bytesOf[name] then blockNames[#blockNames + 1] = name end
        bytesOf[name], changed = merged, true
      end
      a = a + 2
    end
    if changed then
      local parts = { varint(life), sized(stamp) }
      for _, name in ipairs(blockNames) do
        if not isPast(name, oldest) then parts[#parts + 1] = sized(name) .. sized(bytesOf[name]) end
      end
      putTiles('t' .. id, table.concat(parts))
      if windows ~= '' and refused == outcomes[3] + outcomes[4] then putWindows('w' .. id, windows) else remove('w' .. id) end
      changedKeys[#changedKeys + 1] = key
    end
  end
end
if #changedKeys > 0 then save() end
for _, one in ipairs(${answered}) do outcomes[#outcomes + 1] = one end
return outcomes
`);
}
