-- A value: a byte of format version, then the records of a subject.
--
-- Both functions apply a shape to a value, all or nothing. They return nil if the value is not one
-- that they know; false if the shape is denied; true if it changes nothing; else the value that is
-- left, the version alone where nothing is, and when its key ends.

-- When a key ends whose last record may go then. A time that was given is not that of the server's
-- clock, by which keys end: such a key gets a life instead, of an hour at least.
local function end_of_key(ends, grain)
  ends = ends + -ends % grain
  return is_given_time and max(ends - now, 3600000) or ends
end

-- Knows none, and a value of the shape's records in its order. It leaves to the other one what
-- changes some of them and some not. It returns no end where the key keeps the one that it has.
local function apply_aligned(shape, value)
  local count, place, left, unchanged, ends, ends_before = shape.count, 1, nil, 0, 0, 0
  for i = 1, count do
    local record, its_end, its_end_before, after = shape[i](value, place)
    if not record then
      return record
    elseif record == true then
      unchanged = unchanged + 1
    else
      left = left and left .. record or record
    end
    if its_end > ends then ends = its_end end
    if its_end_before > ends_before then ends_before = its_end_before end
    place = after
  end
  if value and place <= #value then
    return nil
  elseif unchanged > 0 then
    return unchanged == count or nil
  end
  local grain = shape.grain
  if value and #left == #value and not is_given_time
    and (ends == ends_before or end_of_key(ends, grain) == end_of_key(ends_before, grain)) then
    return left
  end
  return left, end_of_key(ends, grain)
end

-- A shape that changes nothing.
local look = { operation = PEEK, cost = 0 }

-- Takes a value apart: returns its records in their order and by their heads, or nil.
local function take_apart(value)
  if sub(value, 1, 1) ~= VERSION then return nil end
  local records, by_head, place = {}, {}, 2
  while place <= #value do
    local head = sub(value, place, place + HEAD_SIZE - 1)
    if #head < HEAD_SIZE or by_head[head] then return nil end
    local apply, grain = new_limit(look, '', head, 0, 0)
    if not apply then return nil end
    local is_known, ends, _, after = apply(value, place)
    if not is_known then return nil end
    local text = sub(value, place, after - 1)
    by_head[head] = { place = place, text = text, ends = ends, grain = grain }
    records[#records + 1], place = by_head[head], after
  end
  return records, by_head
end

-- Knows any value.
local function apply_apart(shape, value)
  local records, by_head = take_apart(value or VERSION)
  if not records then return nil end
  local is_changed = false
  for i = 1, shape.count do
    local head, apply, grain = limit_apart(shape, i)
    local record = by_head[head]
    local text, ends = apply(record and value, record and record.place)
    if not text then
      return text
    elseif shape.operation == RESET then
      text = nil
    elseif text == true then
      text = record and record.text
    end
    if text ~= (record and record.text) then
      is_changed = true
      if not record then
        record = { grain = grain }
        records[#records + 1] = record
      end
      record.text, record.ends = text, ends
    end
  end
  if not is_changed then return true end
  local left, last, grain = VERSION, 0, 1
  for i = 1, #records do
    local record = records[i]
    -- What may go goes with any write.
    if record.text and record.ends > now then
      left, last = left .. record.text, max(last, record.ends)
      grain = max(grain, record.grain)
    end
  end
  return left, end_of_key(last, grain)
end
