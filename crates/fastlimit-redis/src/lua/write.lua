-- The writes: a value and the end of its key in one command, since a script is not rolled back, or
-- the value alone where the key keeps its end.

local has_msetex = ARGV[2] == '1' and #KEYS > 1
local unit = is_given_time and 'PX' or 'PXAT'
-- With MSETEX the keys of one end and one kind, new or not, are written by one call.
local groups = {}

-- Writes a key, which keeps its end where there is none. Returns an error if it could not be written.
local function write_one(key, value, ends, is_new)
  local written
  if not ends then
    written = ask('SETRANGE', KEYS[key], '0', value)
    if written == #value then return nil end
  elseif value == VERSION then
    written = is_new and ask('GET', KEYS[key]) or ask('DEL', KEYS[key])
  elseif is_new then
    -- MGET shows a value of another type like none, and it must stay.
    written = ask('SET', KEYS[key], value, unit, string.format('%.0f', ends), 'NX')
      or ask('GET', KEYS[key])
  else
    written = ask('SET', KEYS[key], value, unit, string.format('%.0f', ends))
  end
  return type(written) == 'table' and written.err and written or nil
end

-- Puts a key into its group.
local function write_together(key, value, ends, is_new)
  if value == VERSION then return write_one(key, value, ends, is_new) end
  if ends then
    -- Lives are made longer by up to a 32nd, so that there are few ends.
    local life = is_given_time and ends or ends - now
    local _, bits = math.frexp(life)
    ends = ends + -life % max(2 ^ (bits - 6), 1)
  end
  local class = (ends or 0) * (is_new and -1 or 1)
  local group = groups[class]
  if not group then group = { values = {}, ends = ends, is_new = is_new } end
  groups[class] = group
  group[#group + 1], group.values[#group + 1] = key, value
end

local write = has_msetex and write_together or write_one

-- Returns what is wrong with the keys that could not be written, by their places.
local function write_groups()
  local failed = {}
  for _, group in pairs(groups) do
    local size = #group
    local call, last = { 'MSETEX', size }, 2 * size + 2
    for i = 1, size do call[2 * i + 1], call[2 * i + 2] = KEYS[group[i]], group.values[i] end
    if group.ends then
      call[last + 1], call[last + 2] = unit, string.format('%.0f', group.ends)
      call[last + 3] = group.is_new and 'NX' or nil
    else
      call[last + 1] = 'KEEPTTL'
    end
    -- Where it wrote none of them, each finds out why.
    if ask(unpack(call)) ~= 1 then
      for i = 1, size do
        failed[group[i]] = write_one(group[i], group.values[i], group.ends, group.is_new)
      end
    end
  end
  return failed
end
