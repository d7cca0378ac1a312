-- Fixed window: when it began, and what has been used in it. `shape.lua` says what such a function
-- makes.

local function fixed_window(shape, lead, period, capacity)
  local operation, cost, charged_at = shape.operation, shape.cost, shape.charged_at
  local window, stamp, format = window_of(lead, period)
  local latest_date, life = now + period + LATEST_DATE_AHEAD, period + min(period, LONGEST_GRACE)
  format = format .. FIXED_WINDOW_STATE

  return function(value, place)
    local start, used, its_stamp, next_place = window, 0, stamp, place
    local ends, ends_before = LONG_AGO, LONG_AGO
    if value then
      if #value - place < #stamp + COUNT_BYTES - 1 then return nil end
      its_stamp, used, next_place = unpack_bytes(format, value, place)
      start = its_stamp == stamp and window or start_of(its_stamp, lead, period)
      if not start or used > MOST_USED then return nil end
      ends_before = start + life
      ends = start <= latest_date and ends_before or LONG_AGO
      if start ~= window and (start < window or start > latest_date) then
        start, used, its_stamp = window, 0, stamp
      end
    end

    local left = used
    if operation == CHECK or operation == PEEK then
      if cost > 0 and used + cost > capacity then
        return false
      elseif operation == CHECK then
        left = used + cost
      end
    elseif operation == CHARGE then
      left = min(used + cost, MOST_USED)
    elseif charged_at - charged_at % period == start then
      left = max(used - cost, 0)
    end
    if left == used then return true, ends, ends_before, next_place end
    return pack(format, its_stamp, left), start + life, ends_before, next_place
  end
end
