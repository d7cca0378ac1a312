-- One operation ---------------------------------------------------------------------------------

local ats, xs, ys, frees = {}, {}, {}, {}

-- Makes the function that checks or peeks at a key under the one limit of a shape. It does nothing
-- and returns false where the key holds anything else than a record of that limit.
--
-- This is `check` with what hangs on the shape alone looked up once, since looking up is what costs.
local function check_of_one(shape)
  local limit = shape[1]
  local algorithm, tag, period, capacity = limit.algorithm, limit.tag, limit.period, limit.capacity
  local read, roll, used_of, charge = algorithm.read, algorithm.roll, algorithm.used, algorithm.charge
  local dead_at_of, grace, grain = algorithm.dead_at, limit.grace, limit.grain
  local start, length, format, latest_date = shape.start, shape.size, shape.format, limit.latest_date
  local cost, is_written = shape.cost, shape.cost > 0 and shape.operation == CHECK
  return function(key, value)
    local at, x, y, dead_at
    local end_before = 0
    if value then
      if #value ~= length or sub(value, 1, 7) ~= start then
        return false
      end
      at, x, y, dead_at = read(value, 8, period)
      if not at then
        return false
      end
      end_before = dead_at + grace
      end_before = end_before + -end_before % grain
      if at > latest_date then
        at = nil
      end
    end
    at, x, y = roll(limit, at, x, y)
    local free = capacity - used_of(limit, at, x, y)
    local ahead = at > now and (at - now) * 2 or 0
    local wait
    if cost <= free or cost == 0 then
      x, y = charge(limit, at, x, y, cost)
      free = free - cost
    else
      ahead = ahead + 1
      wait = cost <= capacity and algorithm.passes_at(limit, at, x, y, cost) - now or -1
    end
    dead_at = dead_at_of(limit, at, x, y)
    local reset_at = dead_at > at and dead_at or at
    reply[size + 1], reply[size + 2] = ahead, free > 0 and free or 0
    reply[size + 3], reply[size + 4] = reset_at > now and reset_at - now or 0, wait
    size = size + (wait and 4 or 3)
    if is_written and not wait then
      -- A window has no third number, and leaves what comes behind it alone.
      values[key] = pack_bytes(format, 1, tag, period, at, x, y, dead_at - at)
      local ends = dead_at + grace
      ends = ends + -ends % grain
      -- Where the value is one of this batch, it is the end of what that replaced.
      keeps_end[key] = ends == end_before and (not expires[key] or keeps_end[key])
      expires[key] = ends
    end
    return true
  end
end

-- A check or a peek under several limits of a key that has no value, or one with the records of the shape alone.
local function check(key, shape, value)
  local cost, count = shape.cost, shape.count
  local is_denied, latest, ends_before = false, now, 0
  for i = 1, count do
    local limit = shape[i]
    local algorithm = limit.algorithm
    local at, x, y, dead_at
    if value then
      at, x, y, dead_at = algorithm.read(value, limit.body, limit.period)
      if not at then
        size = size + 1
        reply[size] = MALFORMED
        return
      end
      local end_before = dead_at + limit.grace
      end_before = end_before + -end_before % limit.grain
      if end_before > ends_before then
        ends_before = end_before
      end
      if at > limit.latest_date then
        at = nil
      end
    end
    at, x, y = algorithm.roll(limit, at, x, y)
    local free = limit.capacity - algorithm.used(limit, at, x, y)
    if cost > free and cost > 0 then
      is_denied = true
    end
    if at > latest then
      latest = at
    end
    ats[i], xs[i], ys[i], frees[i] = at, x, y, free
  end
  size = size + 1
  reply[size] = (latest - now) * 2 + (is_denied and 1 or 0)
  local fields, ends = shape.fields, 0
  for i = 1, count do
    local limit, at, x, y, free = shape[i], ats[i], xs[i], ys[i], frees[i]
    local algorithm = limit.algorithm
    local wait
    if not is_denied then
      x, y = algorithm.charge(limit, at, x, y, cost)
      free = free - cost
    elseif cost > limit.capacity then
      wait = -1
    elseif cost > free then
      wait = algorithm.passes_at(limit, at, x, y, cost) - now
    else
      wait = 0
    end
    local dead_at = algorithm.dead_at(limit, at, x, y)
    local its_end = dead_at + limit.grace
    its_end = its_end + -its_end % limit.grain
    if its_end > ends then
      ends = its_end
    end
    algorithm.put(fields, limit.field, at, x, y, dead_at)
    local reset_at = dead_at > at and dead_at or at
    reply[size + 1] = free > 0 and free or 0
    reply[size + 2] = reset_at > now and reset_at - now or 0
    reply[size + 3] = wait
    size = size + (wait and 3 or 2)
  end
  if is_denied or cost == 0 or shape.operation == PEEK then
    return
  end
  values[key] = pack_bytes(shape.format, unpack(fields, 1, shape.field_count))
  -- Where the value is one of this batch, it is the end of what that replaced.
  keeps_end[key] = ends == ends_before and (not expires[key] or keeps_end[key])
  expires[key] = ends
end

-- Any operation on any value.
local function apply(key, shape, value)
  local records = {}
  if value then
    local problem
    records, problem = read_records(value)
    if problem then
      size = size + 1
      reply[size] = problem
      return
    end
  end
  local operation, cost, charged_at = shape.operation, shape.cost, shape.charged_at
  local is_check = operation == CHECK or operation == PEEK
  local is_denied, latest = false, now
  for i = 1, shape.count do
    local limit = shape[i]
    local stored = operation ~= RESET and records[limit.head] or nil
    if stored and stored.at > limit.latest_date then
      stored = nil
    end
    local at, x, y
    if stored then
      at, x, y = limit.algorithm.roll(limit, stored.at, stored.x, stored.y)
    else
      at, x, y = limit.algorithm.roll(limit)
    end
    local free = limit.capacity - limit.algorithm.used(limit, at, x, y)
    is_denied = is_denied or is_check and cost > 0 and cost > free
    latest = max(latest, at)
    ats[i], xs[i], ys[i], frees[i] = at, x, y, free
  end
  size = size + 1
  reply[size] = (latest - now) * 2 + (is_denied and 1 or 0)
  local is_changed = false
  for i = 1, shape.count do
    local limit, at, x, y, free = shape[i], ats[i], xs[i], ys[i], frees[i]
    local algorithm = limit.algorithm
    local new_x, new_y, wait = x, y, 0
    if operation == RESET then
      if records[limit.head] then
        records[limit.head] = nil
        is_changed = true
      end
    elseif operation == REFUND then
      new_x, new_y = algorithm.refund(limit, at, x, y, cost, charged_at)
    elseif not is_denied then
      new_x, new_y = algorithm.charge(limit, at, x, y, cost)
    elseif cost > limit.capacity then
      wait = -1
    elseif cost > free then
      wait = algorithm.passes_at(limit, at, x, y, cost) - now
    end
    local dead_at = algorithm.dead_at(limit, at, new_x, new_y)
    if new_x ~= x or new_y ~= y then
      is_changed = true
      if not records[limit.head] then
        records[#records + 1] = limit.head
      end
      records[limit.head] = {
        at = at, period = limit.period, dead_at = dead_at,
        bytes = algorithm.write(limit, at, new_x, new_y, dead_at),
      }
    end
    reply[size + 1] = max(limit.capacity - algorithm.used(limit, at, new_x, new_y), 0)
    reply[size + 2] = max(dead_at, at, now) - now
    reply[size + 3] = is_denied and wait or nil
    size = size + (is_denied and 3 or 2)
  end
  if is_changed and operation ~= PEEK then
    local bytes, last = '\1', 0
    for i = 1, #records do
      local record = records[records[i]]
      -- What is dead goes with any write.
      if record then
        local grace = min(record.period, LONGEST_GRACE)
        local ends = record.dead_at + grace
        if ends > now and record.at <= now + record.period + CLOCK_IS_WRONG then
          bytes = bytes .. record.bytes
          if algorithm_of(byte(record.bytes)).ends_rounded then
            ends = ends + -ends % grain_of(grace)
          end
          last = max(last, ends)
        end
      end
    end
    values[key], expires[key], keeps_end[key] = last > 0 and bytes, last, nil
  end
end

-- MGET shows a value of another type like none: what is wrong with it, if it is there.
local looked_at = {}

local function misread(key)
  local wrong = looked_at[key]
  if wrong == nil then
    local value = ask('GET', KEYS[key])
    wrong = type(value) == 'table' and value or false
    if wrong and string.find(wrong.err, 'WRONGTYPE', 1, true) then
      wrong = 'a value that is not a string'
    end
    looked_at[key] = wrong
  end
  return wrong
end

-- The operation of a shape on a key, by their places.
local function run_any(key, place)
  local shape, value = shapes[place], values[key]
  if not shape then
    shape = read_shape(place)
    shape.check_one = shape.count == 1 and shape.operation <= PEEK and check_of_one(shape)
  end
  local start = size + 1
  if absent[key] == nil then
    absent[key] = not value
  end
  local check_one = shape.check_one
  if check_one then
    if not check_one(key, value) then
      apply(key, shape, value)
    end
  elseif shape.operation <= PEEK and (not value or is_aligned(value, shape)) then
    check(key, shape, value)
  else
    apply(key, shape, value)
  end
  -- Whatever is written finds out by itself.
  if absent[key] and not expires[key] then
    local wrong = misread(key)
    if wrong then
      for at = start + 1, size do
        reply[at] = nil
      end
      reply[start], size = wrong, start
    end
  end
end

return run_any
