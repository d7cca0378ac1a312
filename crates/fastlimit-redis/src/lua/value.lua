-- A value: a byte of format version, then a record for each limit that was charged --------------

local MALFORMED = 'a value that is not made of rate limit records'

-- Tells whether a value holds the records of the shape, in its order, and no others.
local function is_aligned(value, shape)
  if #value ~= shape.size or sub(value, 1, 7) ~= shape.start then
    return false
  end
  for i = 2, shape.count do
    local body = shape[i].body
    if sub(value, body - 6, body - 1) ~= shape[i].head then
      return false
    end
  end
  return true
end

-- The records of any value by their heads, with the heads in order; or what is wrong with it.
local function read_records(value)
  local format = byte(value)
  if not format then
    return nil, MALFORMED
  elseif format ~= 1 then
    return nil, 'a value of format version ' .. format .. '; this version reads format 1'
  end
  local records = {}
  local place, size = 2, #value
  while place <= size do
    local algorithm = algorithm_of(byte(value, place))
    local last = algorithm and place + 5 + algorithm.size
    if not last or last > size then
      return nil, MALFORMED
    end
    local head = sub(value, place, place + 5)
    local period = unpack_bytes('>I5', head, 2)
    if period < 1 or period > LONGEST_PERIOD or records[head] then
      return nil, MALFORMED
    end
    local at, x, y, dead_at = algorithm.read(value, place + 6, { period = period })
    if not at then
      return nil, MALFORMED
    end
    records[#records + 1] = head
    records[head] = {
      at = at, x = x, y = y, period = period, dead_at = dead_at,
      bytes = sub(value, place, last),
    }
    place = last + 1
  end
  return records
end

