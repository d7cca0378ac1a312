-- One operation ---------------------------------------------------------------------------------

local ats, xs, ys, frees = {}, {}, {}, {}

-- The quick checks: functions that check the value of a key under the limits of one shape, with what
-- hangs on the shape alone looked up once and no function called, since that is what costs. They
-- return the value to write, its end, and whether that is the end that the key has, or false where
-- nothing is written; and where they do not know the value, nil, and have done nothing.

-- Makes that of several fixed windows: it knows a value whose windows all hold now.
local function check_of_windows(shape)
  local count, cost, length = shape.count, shape.cost, shape.size
  local stamps, capacities, resets_after, last = {}, {}, {}, 0
  local format = '>'
  for i = 1, count do
    local limit = shape[i]
    -- What stands before the count; before the first one also the version.
    stamps[i] = (i == 1 and '\1' or '') .. limit.head .. pack_bytes('>I7', limit.window)
    format = format .. 'c' .. #stamps[i] .. 'I6'
    capacities[i], resets_after[i] = limit.capacity, limit.window + limit.period - now
    last = max(last, limit.window + limit.period + limit.grace)
  end

  -- The value that was denied last, and where its answer stands: a client that goes on comes many
  -- times.
  local denied, denied_at

  local function check_of_many(value)
    if value == denied then
      for i = 0, count * 3 do
        reply[size + 1 + i] = reply[denied_at + i]
      end
      size = size + 1 + count * 3
      return false
    elseif #value ~= length then
      return nil
    end
    local fields = { unpack_bytes(format, value) }
    local is_denied = false
    for i = 1, count do
      local used = fields[i * 2]
      if fields[i * 2 - 1] ~= stamps[i] or used > MOST_USED then
        return nil
      end
      is_denied = is_denied or used + cost > capacities[i]
    end
    if is_denied then
      size = size + 1
      reply[size] = 1
      denied, denied_at = value, size
      for i = 1, count do
        local used, capacity = fields[i * 2], capacities[i]
        local wait = 0
        if cost > capacity then
          wait = -1
        elseif used + cost > capacity then
          wait = resets_after[i]
        end
        reply[size + 1], reply[size + 2] = used < capacity and capacity - used or 0, resets_after[i]
        reply[size + 3], size = wait, size + 3
      end
      return false
    end
    for i = 1, count do
      local used = fields[i * 2] + cost
      fields[i * 2], reply[size + i] = used, capacities[i] - used
    end
    reply[size + 1], size = -1 - reply[size + 1], size + count
    return pack_bytes(format, unpack(fields, 1, count * 2)), last, true
  end

  if count > 3 then
    return check_of_many
  end
  -- Two or three that all allow it, without a table. Where there is no third one, what comes behind
  -- the second is the place after the end of the value.
  local stamp, other, third = stamps[1], stamps[2], stamps[3] or length + 1
  local most, most_of_other = capacities[1] - cost, capacities[2] - cost
  local most_of_third = count == 3 and capacities[3] - cost or 0
  return function(value)
    if value == denied then
      return check_of_many(value)
    elseif #value ~= length then
      return nil
    end
    local a, used, b, used_of_other, c, used_of_third = unpack_bytes(format, value)
    used_of_third = count == 3 and used_of_third or 0
    if a ~= stamp or b ~= other or c ~= third then
      return nil
    elseif used > most or used_of_other > most_of_other or used_of_third > most_of_third then
      return check_of_many(value)
    end
    reply[size + 1], reply[size + 2] = used - most - 1, most_of_other - used_of_other
    size = size + 2
    if count == 3 then
      size = size + 1
      reply[size] = most_of_third - used_of_third
    end
    return pack_bytes(
      format, stamp, used + cost, other, used_of_other + cost, third, used_of_third + cost
    ), last, true
  end
end

-- Makes the quick check of a shape, if there is one.
local function quick_of(shape)
  if shape.operation ~= CHECK or shape.cost == 0 then
    return nil
  elseif shape.count == 1 then
    local quick = shape[1].algorithm.quick
    return quick and quick(shape)
  end
  for i = 1, shape.count do
    if shape[i].tag ~= 1 then
      return nil
    end
  end
  return check_of_windows(shape)
end

-- A check or a peek of a key that has no value, or one with the records of the shape alone.
local function check(key, shape, value)
  local cost, count = shape.cost, shape.count
  local is_denied, latest, ends_before = false, now, 0
  for i = 1, count do
    local limit = shape[i]
    local algorithm = limit.algorithm
    local at, x, y, dead_at
    if value then
      at, x, y, dead_at = algorithm.read(value, limit.body, limit)
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
    local used
    at, x, y, used = algorithm.roll(limit, at, x, y)
    local free = limit.capacity - used
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
    local wait, dead_at
    if not is_denied then
      x, y, dead_at = algorithm.charge(limit, at, x, y, cost)
      free = free - cost
    else
      if cost > limit.capacity then
        wait = -1
      elseif cost > free then
        wait = algorithm.passes_at(limit, at, x, y, cost) - now
      else
        wait = 0
      end
      dead_at = algorithm.dead_at(limit, at, x, y)
    end
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
  if ends == ends_before and not expires[key] then
    keeps_end[key] = ends
  else
    expires[key], keeps_end[key] = ends, nil
  end
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
    local at, x, y, used
    if stored then
      at, x, y, used = limit.algorithm.roll(limit, stored.at, stored.x, stored.y)
    else
      at, x, y, used = limit.algorithm.roll(limit)
    end
    local free = limit.capacity - used
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

-- The operation of a shape that was read on a key, by their places.
local function run_any(key, place)
  local shape, value = shapes[place], values[key]
  local start = size + 1
  if absent[key] == nil then
    absent[key] = not value
  end
  if shape.operation <= PEEK and (not value or is_aligned(value, shape)) then
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
  has_words = has_words or type(reply[start]) ~= 'number'
end

-- Reads the shape of a place, and notes the quick check of it.
local function note_quick(place)
  local quick = quick_of(read_shape(place)) or false
  quicks[place] = quick
  return quick
end

return run_any, note_quick
