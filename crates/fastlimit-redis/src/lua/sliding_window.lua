-- Sliding window: `at` is when the present aligned window began, `current` what has been used in
-- it, `previous` what has been used in the one before it ------------------------------------------

local function sliding_window()
  local algorithm = { size = 19, format = 'I7I6I6', fields = 5 }

  -- When nothing counts any more; never in the future if nothing does.
  function algorithm.dead_at(limit, at, current, previous)
    if current > 0 then
      return at + 2 * limit.period
    elseif previous > 0 then
      return at + limit.period
    end
    return at
  end

  function algorithm.accept(limit, at, current, previous)
    local period = limit.period
    local is_ours = at % period == 0 and at <= LATEST_TIME
    if is_ours and current <= MOST_USED and previous <= MOST_USED then
      if current > 0 then
        return at, current, previous, at + 2 * period
      end
      return at, current, previous, previous > 0 and at + period or at
    end
  end

  function algorithm.write(limit, at, current, previous)
    return limit.head .. pack_bytes('>I7I6I6', at, current, previous)
  end

  function algorithm.put(fields, place, at, current, previous)
    fields[place], fields[place + 1], fields[place + 2] = at, current, previous
  end

  -- Of the window before as much as the sliding window still covers, rounded up.
  local function used_of(limit, at, current, previous)
    if previous == 0 then
      return current
    end
    local covered = limit.period - (max(now, at) - at)
    local carried, rest = muldiv(previous, covered, limit.period)
    return current + carried + (rest > 0 and 1 or 0)
  end

  algorithm.used = used_of

  function algorithm.roll(limit, at, current, previous)
    local window = limit.window
    if not at then
      return window, 0, 0, 0
    elseif at < window then
      if at + limit.period ~= window then
        return window, 0, 0, 0
      end
      at, current, previous = window, 0, current
    end
    if previous == 0 then
      return at, current, 0, current
    end
    return at, current, previous, used_of(limit, at, current, previous)
  end

  function algorithm.passes_at(limit, at, current, previous, cost)
    -- In this window, as the previous one leaves it; else in the next, as this one does.
    local free, leaving = limit.capacity - cost - current, previous
    if free < 0 then
      at, free, leaving = at + limit.period, limit.capacity - cost, current
    end
    return at + limit.period - muldiv(free, limit.period, leaving)
  end

  function algorithm.charge(limit, at, current, previous, cost)
    current = current + cost
    if current > MOST_USED then
      current = MOST_USED
    end
    if current > 0 then
      return current, previous, at + 2 * limit.period
    end
    return current, previous, previous > 0 and at + limit.period or at
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

  -- Makes the quick check of a shape of one such limit: it knows a key that was charged in the
  -- window that holds now.
  function algorithm.quick(shape)
    local limit, cost = shape[1], shape.cost
    local period, window, capacity = limit.period, limit.window, limit.capacity
    local stamp = shape.start .. pack_bytes('>I7', window)
    local covered, last = period - (now - window), window + 2 * period + limit.grace
    -- The value that was denied last, and where its answer stands: a client that goes on comes many
    -- times.
    local denied, denied_at
    return function(value)
      if value == denied then
        reply[size + 1], reply[size + 2] = 1, reply[denied_at + 1]
        reply[size + 3], reply[size + 4] = reply[denied_at + 2], reply[denied_at + 3]
        size = size + 4
        return false
      elseif #value ~= 26 then
        return nil
      end
      local start, current, previous = unpack_bytes('>c14I6I6', value)
      local carried = previous * covered
      if start ~= stamp or current == 0 or previous > MOST_USED or carried >= EXACT then
        return nil
      end
      if carried > 0 then
        local rest = carried % period
        carried = (carried - rest) / period + (rest > 0 and 1 or 0)
      end
      local used = current + carried + cost
      if used > capacity then
        if current > MOST_USED then
          return nil -- not ours
        end
        local free = capacity - current - carried
        denied, denied_at = value, size + 1
        reply[size + 1], reply[size + 2] = 1, free > 0 and free or 0
        reply[size + 3], reply[size + 4] = window + 2 * period - now, -1
        if cost <= capacity then
          reply[size + 4] = algorithm.passes_at(limit, window, current, previous, cost) - now
        end
        size = size + 4
        return false
      end
      size = size + 1
      reply[size] = used - capacity - 1
      return pack_bytes('>c14I6I6', stamp, current + cost, previous), last, true
    end
  end

  return algorithm
end

