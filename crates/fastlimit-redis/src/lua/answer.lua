
-- The answer --------------------------------------------------------------------------------------

if not failed then
  -- What is unpacked has to find room on Lua's stack, which ends at 8,000.
  if size == 2 and not has_words then
    return pack_bytes('>i8i8', now, reply[2])
  elseif size <= 4000 and not has_words then
    return pack_bytes('>' .. string.rep('i8', size), unpack(reply))
  end
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
  local length, first, asked = 1, reply[place], ARGV[shape + 3]
  if type(first) == 'number' then
    length = (#asked - 14) / 18
    if first >= 0 then
      length = 1 + (2 + first % 2) * length
    elseif length == 1 and string.byte(asked, 15) == 3 and first >= -4398046511104 then
      length = 2 -- a bucket that does not miss whole milli
    end
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
