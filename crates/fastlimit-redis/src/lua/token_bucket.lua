-- Token bucket: at the time `at`, `whole + part / period` milli are missing. Behind them a record
-- holds how long that takes to come back, under the limit that wrote it.

local function token_bucket(shape, lead, period, capacity, number)
  local operation, cost = shape.operation, shape.cost
  local latest_date, grace = now + period + LATEST_DATE_AHEAD, min(period, LONGEST_GRACE)
  local format = (#lead == HEAD_SIZE and LEAD_FORMAT or FIRST_LEAD_FORMAT) .. TOKEN_BUCKET_STATE
  local size = #lead + TOKEN_BUCKET_SIZE
  -- What comes back in a millisecond, about.
  local pace = number / period
  -- The most that can be missing: what comes back in the longest drain, or the greatest count.
  local is_slow = pace * LONGEST_DRAIN < ABOVE_ALL
  local most = is_slow and min(MOST_USED, (muldiv(number, LONGEST_DRAIN, period))) or MOST_USED

  return function(value, place)
    local at, whole, part, next_place = now, 0, 0, place
    local ends, ends_before = LONG_AGO, LONG_AGO
    if value then
      if #value < place + size - 1 then return nil end
      local its_lead, drain
      its_lead, at, whole, part, drain, next_place = unpack_bytes(format, value, place)
      local is_ours = at <= LATEST_TIME and whole <= MOST_USED and part < period
      if its_lead ~= lead or not is_ours or drain > LONGEST_DRAIN then return nil end
      ends_before = at + drain + grace
      local elapsed = now > at and now - at or 0
      if at > latest_date then
        at, whole, part = now, 0, 0
      else
        ends, at = ends_before, at + elapsed
        if elapsed * pace >= ABOVE_ALL then
          whole, part = 0, 0
        elseif number > 0 then
          -- A lowered rate must not make an old level last for ever.
          if whole >= most then whole, part = most, 0 end
          local back, part_back = muldiv(elapsed, number, period)
          whole, part = whole - back, part - part_back
          if part < 0 then whole, part = whole - 1, part + period end
          if whole < 0 then whole, part = 0, 0 end
        end
      end
    end

    local new_whole, new_part = whole, part
    if operation == CHECK or operation == PEEK then
      if cost > 0 and whole + (part > 0 and 1 or 0) + cost > capacity then return false end
    end
    -- Without a rate there is no bucket: what is stored waits for the day when the rate comes back.
    if number > 0 and cost > 0 then
      if operation == REFUND then
        new_whole = whole - cost
        if new_whole < 0 then new_whole, new_part = 0, 0 end
      elseif operation ~= PEEK then
        new_whole = whole + cost
        if new_whole >= most then new_whole, new_part = most, 0 end
      end
    end
    if new_whole == whole and new_part == part then return true, ends, ends_before, next_place end
    -- Until it has come back, rounded up.
    local drain, rest = muldiv(new_whole, period, number)
    rest = rest + new_part
    local more = rest % number
    drain = drain + (rest - more) / number + (more > 0 and 1 or 0)
    return pack(format, lead, at, new_whole, new_part, drain), at + drain + grace, ends_before,
      next_place
  end
end
