
-- What writes keys together, by a time that was given, or not at all -----------------------------

-- The end of a time that was given is counted by the server's clock, which is not the clock of
-- that time.
local unit = is_given_time and 'PX' or 'PXAT'
-- With MSETEX the keys of one end and one kind, new or not, are written by one call. Lives are
-- made longer by up to a 32nd for it, so that there are few ends.
local together = has_msetex and {}

local function note(key, wrong)
  if wrong then
    failed = failed or {}
    failed[key] = wrong
  end
end

-- Returns what is wrong if the key could not be written.
local function write(key, value, last, is_new)
  local written
  if last ~= text_of then
    text_of, text = last, string.format('%.0f', last)
  end
  if last > 0 then
    if is_new then
      written = ask('SET', KEYS[key], value, unit, text, 'NX')
    else
      written = ask('SET', KEYS[key], value, unit, text)
    end
  elseif is_new then
    written = ask('GET', KEYS[key]) or true
  else
    written = ask('DEL', KEYS[key])
  end
  if type(written) == 'table' and written.err then
    if not string.find(written.err, 'WRONGTYPE', 1, true) then
      return written
    end
    written = false
  end
  return not written and NOT_A_STRING or nil
end

function write_any(key, value, last, is_new)
  if is_given_time and last > 0 then
    last = math.max(last - now, 3600000)
  end
  if not together or last == 0 then
    note(key, write(key, value, last, is_new))
    return
  end
  local life = is_given_time and last or last - now
  local _, bits = math.frexp(life)
  local grain = bits > 6 and 2 ^ (bits - 6) or 1
  last = last + -life % grain
  local class = is_new and -last or last
  local keys = together[class]
  if not keys then
    keys = { size = 0, is_new = is_new, last = last, values = {} }
    together[class] = keys
  end
  local size = keys.size + 1
  keys.size, keys[size], keys.values[size] = size, key, value
end

function write_aside()
  for _, keys in pairs(together or {}) do
    local call = { 'MSETEX', keys.size }
    for i = 1, keys.size do
      call[2 * i + 1], call[2 * i + 2] = KEYS[keys[i]], keys.values[i]
    end
    local size = 2 * keys.size + 2
    call[size + 1], call[size + 2] = unit, string.format('%.0f', keys.last)
    call[size + 3] = keys.is_new and 'NX' or nil
    -- Where it wrote none of them, each finds out why.
    if ask(unpack(call)) ~= 1 then
      for i = 1, keys.size do
        note(keys[i], write(keys[i], keys.values[i], keys.last, keys.is_new))
      end
    end
  end
end
