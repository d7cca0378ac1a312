-- Sliding window: `at` is when the present aligned window began, `current` what has been used in
-- it, `previous` what has been used in the one before it ------------------------------------------

local function sliding_window()
  local algorithm = { size = 19, format = 'BI5I7I6I6', fields = 5 }

  -- When nothing counts any more; never in the future if nothing does.
  local function end_of(period, at, current, previous)
    if current > 0 then
      return at + 2 * period
    elseif previous > 0 then
      return at + period
    end
    return at
  end

  function algorithm.dead_at(limit, at, current, previous)
    return end_of(limit.period, at, current, previous)
  end

  function algorithm.read(value, place, period)
    local at, current, previous = unpack_bytes('>I7I6I6', value, place)
    if at % period == 0 and at <= LATEST_TIME and current <= MOST_USED and previous <= MOST_USED then
      return at, current, previous, end_of(period, at, current, previous)
    end
  end

  function algorithm.write(limit, at, current, previous)
    return limit.head .. pack_bytes('>I7I6I6', at, current, previous)
  end

  function algorithm.put(fields, place, at, current, previous)
    fields[place], fields[place + 1], fields[place + 2] = at, current, previous
  end

  function algorithm.roll(limit, at, current, previous)
    local window = limit.window
    if not at then
      return window, 0, 0
    elseif at >= window then
      return at, current, previous
    elseif at + limit.period == window then
      return window, 0, current
    end
    return window, 0, 0
  end

  -- Of the window before as much as the sliding window still covers, rounded up.
  function algorithm.used(limit, at, current, previous)
    if previous == 0 then
      return current
    end
    local covered = limit.period - (max(now, at) - at)
    local carried, rest = muldiv(previous, covered, limit.period)
    return current + carried + (rest > 0 and 1 or 0)
  end

  function algorithm.passes_at(limit, at, current, previous, cost)
    -- In this window, as the previous one leaves it; else in the next, as this one does.
    local free, leaving = limit.capacity - cost - current, previous
    if free < 0 then
      at, free, leaving = at + limit.period, limit.capacity - cost, current
    end
    return at + limit.period - muldiv(free, limit.period, leaving)
  end

  function algorithm.charge(_, _, current, previous, cost)
    return min(current + cost, MOST_USED), previous
  end

  function algorithm.refund(limit, at, current, previous, cost, charged_at)
    local charged = charged_at - charged_at % limit.period
    if charged == at then
      return max(current - cost, 0), previous
    elseif charged + limit.period == at then
      return current, max(previous - cost, 0)
    end
    return current, previous
  end

  return algorithm
end

