-- The writes --------------------------------------------------------------------------------------

-- The time to live as a text, which is the same for most keys of a batch.
local text_of, text

local function ttl_text(ttl)
  if ttl ~= text_of then
    text_of, text = ttl, string.format('%.0f', ttl)
  end
  return text
end

-- Writes one key; returns what is wrong if it could not. MGET showed a value of another type like
-- none, so what was not there must not be there now.
local function write(key, value, ttl)
  local written
  if ttl == 0 then
    if absent[key] then
      written = redis.pcall('GET', KEYS[key]) or true
    else
      written = redis.pcall('DEL', KEYS[key])
    end
  elseif absent[key] then
    written = redis.pcall('SET', KEYS[key], value, 'PX', ttl_text(ttl), 'NX')
  else
    written = redis.pcall('SET', KEYS[key], value, 'PX', ttl_text(ttl))
  end
  if type(written) == 'table' and written.err then
    if not string.find(written.err, 'WRONGTYPE', 1, true) then
      return written
    end
    written = false
  end
  return not written and 'a value that is not a string' or nil
end

-- With MSETEX the keys of one time to live and one kind, new or not, are written by one call. A
-- time to live is made longer by up to a 32nd for it, so that there are few.
local together = ARGV[2] == '1' and #KEYS > 1 and {}
local failed

for key = 1, #KEYS do
  local by = counted_by[key]
  local value, last = values[key], expires[key]
  if by then
    if absent[key] == nil then
      absent[key] = not value
    end
    value, last = struct.pack('>c14I6', stamps[by], counted[key]), ends[by]
  end
  if last then
    local ttl = 0
    if last > 0 then
      ttl = is_given_time and math.max(last - now, 3600000) or last - now
    end
    if together and ttl > 0 then
      local _, bits = math.frexp(ttl)
      local grain = bits > 6 and 2 ^ (bits - 6) or 1
      ttl = ttl + (-ttl) % grain
      local class = absent[key] and -ttl or ttl
      local keys = together[class]
      if not keys then
        keys = { size = 0, values = {} }
        together[class] = keys
      end
      keys.size = keys.size + 1
      keys[keys.size], keys.values[keys.size] = key, value
    else
      local wrong = write(key, value, ttl)
      if wrong then
        failed = failed or {}
        failed[key] = wrong
      end
    end
  end
end

for class, keys in pairs(together or {}) do
  local ttl = math.abs(class)
  local call = { 'MSETEX', keys.size }
  for i = 1, keys.size do
    call[2 * i + 1], call[2 * i + 2] = KEYS[keys[i]], keys.values[i]
  end
  call[#call + 1] = 'PX'
  call[#call + 1] = ttl_text(ttl)
  if class < 0 then
    call[#call + 1] = 'NX'
  end
  -- Where it wrote none of them, each finds out why.
  if redis.pcall(unpack(call)) ~= 1 then
    for i = 1, keys.size do
      local wrong = write(keys[i], keys.values[i], ttl)
      if wrong then
        failed = failed or {}
        failed[keys[i]] = wrong
      end
    end
  end
end

if not failed then
  return reply
end

-- The items of keys that could not be written are told so instead.
local told, place = { now }, 2
for item = 1, count do
  local key, shape = item, 1
  if not is_plain then
    key, shape = string.byte(items, item * 2 - 1, item * 2)
    key, shape = key + 1, shape + 1
  end
  local length = 1
  if type(reply[place]) == 'number' then
    length = 1 + (2 + reply[place] % 2) * (#ARGV[shape + 3] - 14) / 18
  end
  if failed[key] then
    told[#told + 1] = failed[key]
  else
    for at = place, place + length - 1 do
      told[#told + 1] = reply[at]
    end
  end
  place = place + length
end
return told
