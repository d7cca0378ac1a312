
-- The writes --------------------------------------------------------------------------------------
--
-- Each sets the value and its end in one command, since a script is not rolled back.

local has_msetex = ARGV[2] == '1' and #KEYS > 1
local failed, are_more

-- Mostly what is counted was in the window already: its key has the end of the window.
for key = 1, #KEYS do
  local used = counted[key]
  if used and not (renewed[key] or is_given_time or has_msetex) then
    local by = counted_by and counted_by[key] or at_hand
    if by ~= at_hand then
      at_hand, stamp, last = by, stamps[by], ends[by]
    end
    local written = ask('SET', KEYS[key], pack_bytes('>c14I6', stamp, used), 'KEEPTTL')
    if written.err then
      failed = failed or {}
      failed[key] = written
    end
    counted[key] = nil
  elseif used or expires and expires[key] then
    are_more = true
  end
end

if are_more then
  expires, absent, keeps_end = expires or {}, absent or {}, keeps_end or {}
  -- The end of a time that was given is counted by the server's clock, which is not the clock of
  -- that time.
  local unit = is_given_time and 'PX' or 'PXAT'
  -- The end of a key as a text, which is the same for most keys of a batch.
  local text_of, text

  -- Writes one key; returns what is wrong if it could not. MGET showed a value of another type like
  -- none, so what was not there must not be there now.
  local function write(key, value, last)
    local written
    if last ~= text_of then
      text_of, text = last, string.format('%.0f', last)
    end
    if last > 0 then
      if absent[key] then
        written = ask('SET', KEYS[key], value, unit, text, 'NX')
      else
        written = ask('SET', KEYS[key], value, unit, text)
      end
    elseif absent[key] then
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
    return not written and 'a value that is not a string' or nil
  end

  -- With MSETEX the keys of one end and one kind, new or not, are written by one call. Lives are
  -- made longer by up to a 32nd for it, so that there are few ends.
  local together = has_msetex and {}

  for key = 1, #KEYS do
    local value, ends_at = values[key], expires[key]
    local keeps_its_end = keeps_end[key] and not is_given_time
    local used = counted[key]
    if used then
      local by = counted_by and counted_by[key] or at_hand
      if by ~= at_hand then
        at_hand, stamp, last = by, stamps[by], ends[by]
      end
      if absent[key] == nil then
        absent[key] = not value
      end
      keeps_its_end = not (renewed[key] or is_given_time)
      value, ends_at = pack_bytes('>c14I6', stamp, used), last
    end
    if ends_at then
      if is_given_time and ends_at > 0 then
        ends_at = math.max(ends_at - now, 3600000)
      end
      if together and ends_at > 0 then
        local class = 'KEEPTTL'
        if not keeps_its_end then
          local life = is_given_time and ends_at or ends_at - now
          local _, bits = math.frexp(life)
          local grain = bits > 6 and 2 ^ (bits - 6) or 1
          ends_at = ends_at + -life % grain
          class = absent[key] and -ends_at or ends_at
        end
        local keys = together[class]
        if not keys then
          keys = { size = 0, values = {}, lasts = {} }
          together[class] = keys
        end
        keys.size = keys.size + 1
        keys[keys.size], keys.values[keys.size], keys.lasts[keys.size] = key, value, ends_at
      else
        local wrong
        if keeps_its_end then
          local written = ask('SET', KEYS[key], value, 'KEEPTTL')
          wrong = written.err and written
        else
          wrong = write(key, value, ends_at)
        end
        if wrong then
          failed = failed or {}
          failed[key] = wrong
        end
      end
    end
  end

  for class, keys in pairs(together or {}) do
    local call = { 'MSETEX', keys.size }
    for i = 1, keys.size do
      call[2 * i + 1], call[2 * i + 2] = KEYS[keys[i]], keys.values[i]
    end
    local size = 2 * keys.size + 2
    if class == 'KEEPTTL' then
      call[size + 1] = class
    else
      call[size + 1], call[size + 2] = unit, string.format('%.0f', keys.lasts[1])
      call[size + 3] = class < 0 and 'NX' or nil
    end
    -- Where it wrote none of them, each finds out why.
    if ask(unpack(call)) ~= 1 then
      for i = 1, keys.size do
        local wrong = write(keys[i], keys.values[i], keys.lasts[i])
        if wrong then
          failed = failed or {}
          failed[keys[i]] = wrong
        end
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
  local length, first = 1, reply[place]
  if type(first) == 'number' and first >= 0 then
    length = 1 + (2 + first % 2) * (#ARGV[shape + 3] - 14) / 18
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
