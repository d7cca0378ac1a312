-- Sliding log: its time, the sum of its entries and their number, then the entries from the oldest
-- to the newest: a time, and what was charged then.

local function sliding_log(shape, lead, period, capacity)
  local operation, latest_date = shape.operation, now + period + LATEST_DATE_AHEAD
  local grace = min(period, LONGEST_GRACE)
  local life = period + grace
  local format = (#lead == HEAD_SIZE and LEAD_FORMAT or FIRST_LEAD_FORMAT) .. SLIDING_LOG_STATE
  local size = #lead + SLIDING_LOG_SIZE

  -- The log with a cost more.
  local function charged(at, total, length, entries, cost)
    local newest, its_cost
    local place = #entries - ENTRY_SIZE + 1
    if length > 0 then newest, its_cost = unpack_bytes(ENTRY_FORMAT, entries, place) end
    if newest == at then
      entries = sub(entries, 1, -ENTRY_SIZE - 1) .. pack(ENTRY_FORMAT, at, its_cost + cost)
    else
      entries, length = entries .. pack(ENTRY_FORMAT, at, cost), length + 1
    end
    if length > MOST_LOG_ENTRIES then
      -- The two oldest become one, at the time of the later.
      local _, oldest, second = unpack_bytes(ENTRY_FORMAT, entries)
      local time, its_cost, third = unpack_bytes(ENTRY_FORMAT, entries, second)
      entries = pack(ENTRY_FORMAT, time, min(its_cost + oldest, MOST_USED)) .. sub(entries, third)
      length = length - 1
    end
    return total + cost, length, entries
  end

  -- The log without a cost of a time; nothing if it holds none.
  local function refunded(total, length, entries, cost, charged_at)
    for place = #entries - ENTRY_SIZE + 1, 1, -ENTRY_SIZE do
      local time, its_cost = unpack_bytes(ENTRY_FORMAT, entries, place)
      if time == charged_at then
        cost = min(cost, its_cost)
        local left = its_cost > cost and pack(ENTRY_FORMAT, time, its_cost - cost) or ''
        entries = sub(entries, 1, place - 1) .. left .. sub(entries, place + ENTRY_SIZE)
        return cost > 0 and max(total - cost, 0), left == '' and length - 1 or length, entries
      end
    end
  end

  return function(value, place)
    local at, total, length, entries, next_place = now, 0, 0, '', place
    local ends, ends_before = LONG_AGO, LONG_AGO
    if value then
      if #value < place + size - 1 then return nil end
      local its_lead, first
      its_lead, at, total, length, first = unpack_bytes(format, value, place)
      next_place = first + length * ENTRY_SIZE
      local is_ours = at <= LATEST_TIME and total <= MOST_USED and length <= MOST_LOG_ENTRIES
      if its_lead ~= lead or not is_ours or #value < next_place - 1 then return nil end
      ends_before = length > 0 and unpack_bytes(ENTRY_FORMAT, value, next_place - ENTRY_SIZE) + life
        or at + grace
      if at > latest_date then
        at, total, length = now, 0, 0
      else
        ends, at = ends_before, max(at, now)
        -- What the window has left behind.
        while length > 0 do
          local time, cost, after = unpack_bytes(ENTRY_FORMAT, value, first)
          if time + period > at then break end
          total, length, first = max(total - cost, 0), length - 1, after
        end
        entries = sub(value, first, next_place - 1)
      end
    end

    local cost, new_total = shape.cost, nil
    if (operation == CHECK or operation == PEEK) and cost > 0 and total + cost > capacity then
      return false
    elseif operation == CHECK or operation == CHARGE then
      cost = min(cost, MOST_USED - total)
      if cost > 0 then new_total, length, entries = charged(at, total, length, entries, cost) end
    elseif operation == REFUND then
      new_total, length, entries = refunded(total, length, entries, cost, shape.charged_at)
    end
    if not new_total then return true, ends, ends_before, next_place end
    ends = length > 0 and unpack_bytes(ENTRY_FORMAT, entries, #entries - ENTRY_SIZE + 1) + life or at + grace
    return pack(format, lead, at, new_total, length) .. entries, ends, ends_before, next_place
  end
end
