-- Sliding window: a record is what has been used in the present aligned window, and in the one
-- before it ---------------------------------------------------------------------------------------

local sliding_window = { size = 24 }

function sliding_window.read(value, at)
  local period, start, current, previous = struct.unpack('>I5I7I6I6', value, at)
  local is_known = period >= 1 and period <= LONGEST_PERIOD
    and start <= LATEST_TIME and start % period == 0
    and current <= MOST_USED and previous <= MOST_USED
  return is_known
    and { tag = 2, period = period, start = start, current = current, previous = previous }
    or nil
end

function sliding_window.write(record)
  local current, previous = record.current, record.previous
  return struct.pack('>BI5I7I6I6', 2, record.period, record.start, current, previous)
end

function sliding_window.at(stored, limit, now)
  local start = now - now % limit.period
  local previous = 0
  if stored and stored.start >= start then
    return stored
  elseif stored and stored.start + limit.period == start then
    previous = stored.current
  end
  return { tag = 2, period = limit.period, start = start, current = 0, previous = previous }
end

-- Of the window before as much as the sliding window still covers, rounded up.
local function used_in_sliding_window(record, now)
  local elapsed = math.max(now, record.start) - record.start
  local carried, rest = muldiv(record.previous, record.period - elapsed, record.period)
  return record.current + carried + (rest > 0 and 1 or 0)
end

-- When nothing counts any more; never in the future if nothing does.
function sliding_window.dead_at(record)
  local windows = record.current > 0 and 2 or record.previous > 0 and 1 or 0
  return record.start + windows * record.period
end

function sliding_window.standing(record, limit, now)
  local remaining = math.max(limit.capacity - used_in_sliding_window(record, now), 0)
  local reset_at = math.max(sliding_window.dead_at(record), record.start, now)
  return remaining, reset_at - now
end

function sliding_window.wait(record, limit, cost, now)
  if cost <= limit.capacity - used_in_sliding_window(record, now) then
    return nil
  elseif cost > limit.capacity then
    return -1
  end
  -- In this window, as the previous one leaves it; else in the next, as this one does.
  local start, free, leaving = record.start, limit.capacity - cost - record.current, record.previous
  if free < 0 then
    start, free, leaving = start + limit.period, limit.capacity - cost, record.current
  end
  return start + limit.period - muldiv(free, limit.period, leaving) - now
end

local function sliding_window_with(record, current, previous)
  if current == record.current and previous == record.previous then
    return record
  end
  local start = record.start
  return { tag = 2, period = record.period, start = start, current = current, previous = previous }
end

function sliding_window.charge(record, _, cost)
  return sliding_window_with(record, math.min(record.current + cost, MOST_USED), record.previous)
end

function sliding_window.refund(record, _, cost, charged_at)
  local charged = charged_at - charged_at % record.period
  local current, previous = record.current, record.previous
  if charged == record.start then
    current = math.max(current - cost, 0)
  elseif charged + record.period == record.start then
    previous = math.max(previous - cost, 0)
  end
  return sliding_window_with(record, current, previous)
end

function sliding_window.date(record)
  return record.start
end

