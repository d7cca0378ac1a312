-- The algorithms by their tags ------------------------------------------------------------------

local makers, made = { fixed_window, sliding_window, token_bucket }, {}

local function algorithm_of(tag)
  local algorithm = made[tag]
  if not algorithm and makers[tag] then
    algorithm = makers[tag]()
    local accept, format = algorithm.accept, '>' .. algorithm.format
    -- The state of a record that begins at a place, under a limit of its period, and when it is
    -- dead; nothing if it is no such record.
    function algorithm.read(value, place, limit)
      return accept(limit, unpack_bytes(format, value, place))
    end
    made[tag] = algorithm
  end
  return algorithm
end

-- The shapes -------------------------------------------------------------------------------------

-- Dated later than its period and this, a record was written by a clock that was wrong.
local CLOCK_IS_WRONG = 60000
-- The longest that what is as good as absent is kept.
local LONGEST_GRACE = 60000

-- What the end of a bucket's key is a multiple of: at most 5 s, which is as much longer as the law
-- `state_has_a_lifetime` lets a key live.
local function grain_of(grace)
  return max((grace - grace % 12) / 12, 1)
end

local shapes = {}

local function read_shape(place)
  local text = ARGV[place + 3]
  local operation, cost, charged_at = unpack_bytes('>BI6I7', text)
  local shape = { operation = operation, cost = cost, charged_at = charged_at }
  -- A value that holds the shape's records and no others: where a record begins in it, as bytes
  -- and as numbers.
  local start, field = 2, 2
  local format, fields = '>B', { 1 }
  local count = 0
  for at = 15, #text, 18 do
    local tag, period, number, capacity = unpack_bytes('>BI5I6I6', text, at)
    local algorithm = algorithm_of(tag)
    local grace = min(period, LONGEST_GRACE)
    count = count + 1
    shape[count] = {
      algorithm = algorithm,
      tag = tag,
      -- What the limit's record begins with.
      head = sub(text, at, at + 5),
      period = period,
      number = number,
      capacity = capacity,
      -- When the window began that holds now.
      window = now - now % period,
      latest_date = now + period + CLOCK_IS_WRONG,
      grace = grace,
      -- What the end of its key is a multiple of.
      grain = algorithm.ends_rounded and grain_of(grace) or 1,
      -- Where the state begins behind the head, in bytes and in numbers.
      body = start + 6,
      field = field + 2,
    }
    format = format .. 'BI5' .. algorithm.format
    fields[field], fields[field + 1] = tag, period
    start, field = start + 6 + algorithm.size, field + algorithm.fields
  end
  shape.count, shape.size = count, start - 1
  shape.start = '\1' .. shape[1].head
  shape.format, shape.fields, shape.field_count = format, fields, field - 1
  shapes[place] = shape
  return shape
end

