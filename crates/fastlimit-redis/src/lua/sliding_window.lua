-- Sliding window: when the present aligned window began, what has been used in it, and what has
-- been used in the one before it.

local function sliding_window(shape, lead, period, capacity)
  local operation, cost, charged_at = shape.operation, shape.cost, shape.charged_at
  local window, stamp, format = window_of(lead, period)
  local latest_date, grace = now + period + LATEST_DATE_AHEAD, min(period, LONGEST_GRACE)
  format = format .. SLIDING_WINDOW_STATE

  -- As good as absent when nothing counts any more; in the past if nothing does.
  local function end_of(start, current, previous)
    if current > 0 then return start + 2 * period + grace end
    return (previous > 0 and start + period or start) + grace
  end

  return function(value, place)
    local start, current, previous, its_stamp, next_place = window, 0, 0, stamp, place
    local ends, ends_before = LONG_AGO, LONG_AGO
    if value then
      if #value - place < #stamp + 2 * COUNT_BYTES - 1 then return nil end
      its_stamp, current, previous, next_place = unpack_bytes(format, value, place)
      start = its_stamp == stamp and window or start_of(its_stamp, lead, period)
      if not start or current > MOST_USED or previous > MOST_USED then return nil end
      ends_before = end_of(start, current, previous)
      ends = start <= latest_date and ends_before or LONG_AGO
      if start > latest_date then
        start, current, previous, its_stamp = window, 0, 0, stamp
      elseif start < window then
        previous = start + period == window and current or 0
        start, current, its_stamp = window, 0, stamp
      end
    end

    local new_current, new_previous = current, previous
    if operation == CHECK or operation == PEEK then
      local used = current + cost
      if previous > 0 then
        -- As much of the window before as the sliding one still covers, rounded up.
        local carried, rest = muldiv(previous, period - max(now - start, 0), period)
        used = used + carried + (rest > 0 and 1 or 0)
      end
      if used > capacity and cost > 0 then
        return false
      elseif operation == CHECK then
        new_current = current + cost
      end
    elseif operation == CHARGE then
      new_current = min(current + cost, MOST_USED)
    else
      local charged = charged_at - charged_at % period
      if charged == start then
        new_current = max(current - cost, 0)
      elseif charged + period == start then
        new_previous = max(previous - cost, 0)
      end
    end
    if new_current == current and new_previous == previous then
      return true, ends, ends_before, next_place
    end
    return pack(format, its_stamp, new_current, new_previous),
      end_of(start, new_current, new_previous), ends_before, next_place
  end
end
