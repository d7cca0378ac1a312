-- What is asked of a key, and what does it.
--
-- A function of an algorithm makes of a shape and a limit, whose records begin with `lead`, one that
-- applies the shape: it takes a value (nil where there is none) and the place of the limit's record
-- in it. It returns nil if no such record is there; false if the limit denies it; else the record
-- that is left, true where it is left as it was; then when that may go, as good as absent and its
-- grace over; when the one that was there might (both long ago where there is none to keep); and the
-- place behind it.

-- Makes that of a limit, whose record begins with its head, the tag of its algorithm and its period,
-- behind the version where it is the first of a value. Besides it returns what the end of a key is a
-- multiple of: where the state ends at another time with each charge, many keys have the same end so,
-- and one that is charged again mostly keeps it.
local function new_limit(shape, version, head, number, capacity)
  local tag, period = unpack_bytes(HEAD_FORMAT, head)
  local lead = version .. head
  if period < 1 or period > LONGEST_PERIOD then
    return nil
  elseif tag == FIXED_WINDOW then
    return fixed_window(shape, lead, period, capacity), 1
  elseif tag == SLIDING_WINDOW then
    return sliding_window(shape, lead, period, capacity), 1
  end
  local grace = min(period, LONGEST_GRACE)
  local grain = max((grace - grace % GRAINS_OF_GRACE) / GRAINS_OF_GRACE, 1)
  if tag == TOKEN_BUCKET then
    return token_bucket(shape, lead, period, capacity, number), grain
  elseif tag == SLIDING_LOG then
    return sliding_log(shape, lead, period, capacity), grain
  end
end

-- Reads a shape. It has a function for each limit, for its record in a value that holds those of the
-- shape in its order and no others.
local function read_shape(text)
  local operation, cost, charged_at, place = unpack_bytes(SHAPE_FORMAT, text)
  local shape = {
    text = text, operation = operation, cost = cost, charged_at = charged_at, count = 0, grain = 1,
    -- What gives back or forgets leaves records alone, or none.
    is_mostly_aligned = operation ~= REFUND and operation ~= RESET,
  }
  while place <= #text do
    local version, head, number, capacity = place == SHAPE_SIZE + 1 and VERSION or ''
    head, number, capacity, place = unpack_bytes(LIMIT_FORMAT, text, place)
    local apply, grain = new_limit(shape, version, head, number, capacity)
    shape.count, shape.grain = shape.count + 1, max(shape.grain, grain)
    shape[shape.count] = apply
  end
  return shape
end

-- Reads a limit of a shape again, for a record that stands by itself: its head, and what new_limit
-- returns.
local function limit_apart(shape, i)
  local place = SHAPE_SIZE + 1 + (i - 1) * LIMIT_SIZE
  local head, number, capacity = unpack_bytes(LIMIT_FORMAT, shape.text, place)
  return head, new_limit(shape, '', head, number, capacity)
end
