-- Fixed window: `at` is when the window began, `used` what has been used in it ------------------

local function fixed_window()
  local algorithm = { size = 13, format = 'I7I6', fields = 4 }

  function algorithm.accept(limit, at, used)
    local period = limit.period
    if at % period == 0 and at <= LATEST_TIME and used <= MOST_USED then
      return at, used, 0, at + period
    end
  end

  function algorithm.write(limit, at, used)
    return limit.head .. pack_bytes('>I7I6', at, used)
  end

  function algorithm.put(fields, place, at, used)
    fields[place], fields[place + 1] = at, used
  end

  function algorithm.roll(limit, at, used)
    if at and at >= limit.window then
      return at, used, 0, used
    end
    return limit.window, 0, 0, 0
  end

  function algorithm.used(_, _, used)
    return used
  end

  function algorithm.dead_at(limit, at)
    return at + limit.period
  end

  function algorithm.passes_at(limit, at)
    return at + limit.period
  end

  function algorithm.charge(limit, at, used, _, cost)
    return min(used + cost, MOST_USED), 0, at + limit.period
  end

  function algorithm.refund(limit, at, used, _, cost, charged_at)
    if charged_at - charged_at % limit.period ~= at then
      return used, 0
    end
    return max(used - cost, 0), 0
  end

  return algorithm
end

