-- The algorithms by their tags ------------------------------------------------------------------

local makers, made = { fixed_window, sliding_window, token_bucket }, {}

local function algorithm_of(tag)
  local algorithm = made[tag]
  if not algorithm and makers[tag] then
    algorithm = makers[tag]()
    made[tag] = algorithm
  end
  return algorithm
end

-- The shapes -------------------------------------------------------------------------------------

-- Dated later than its period and this, a record was written by a clock that was wrong.
local CLOCK_IS_WRONG = 60000
-- The longest that what is as good as absent is kept.
local LONGEST_GRACE = 60000

local function read_shape(text)
  local operation, cost, charged_at = unpack_bytes('>BI6I7', text)
  local shape = { operation = operation, cost = cost, charged_at = charged_at }
  local count, place = 0, 2
  for at = 15, #text, 18 do
    local tag, period, number, capacity = unpack_bytes('>BI5I6I6', text, at)
    local algorithm = algorithm_of(tag)
    count = count + 1
    shape[count] = {
      algorithm = algorithm,
      -- What the limit's record begins with.
      head = sub(text, at, at + 5),
      period = period,
      number = number,
      capacity = capacity,
      -- When the window began that holds now.
      window = now - now % period,
      latest_date = now + period + CLOCK_IS_WRONG,
      grace = min(period, LONGEST_GRACE),
      -- Where its record begins in a value that holds the shape's records and no others.
      place = place,
    }
    place = place + 6 + algorithm.size
  end
  shape.count, shape.size = count, place - 1
  return shape
end

local shapes = {}

local function shape_at(place)
  local shape = shapes[place]
  if not shape then
    shape = read_shape(ARGV[place + 3])
    shapes[place] = shape
  end
  return shape
end

