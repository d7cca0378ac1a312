-- Fixed window: a record is when the window began, and what has been used in it -----------------

local fixed_window = { size = 18 }

function fixed_window.read(value, at)
  local period, start, used = struct.unpack('>I5I7I6', value, at)
  local is_known = period >= 1 and period <= LONGEST_PERIOD
    and start <= LATEST_TIME and start % period == 0
    and used <= MOST_USED
  return is_known and { tag = 1, period = period, start = start, used = used } or nil
end

function fixed_window.write(record)
  return struct.pack('>BI5I7I6', 1, record.period, record.start, record.used)
end

-- The record as it stands now: the stored one, if there is one, or the beginning of a window.
function fixed_window.at(stored, limit, now)
  local start = now - now % limit.period
  if stored and stored.start >= start then
    return stored
  end
  return { tag = 1, period = limit.period, start = start, used = 0 }
end

-- What is left, and how long until all of it is back.
function fixed_window.standing(record, limit, now)
  return math.max(limit.capacity - record.used, 0), record.start + record.period - now
end

-- How long to wait for a cost; nothing where it fits.
function fixed_window.wait(record, limit, cost, now)
  if cost <= limit.capacity - record.used then
    return nil
  end
  return cost <= limit.capacity and record.start + record.period - now or -1
end

-- The record with a cost taken; the same one if that changes nothing.
function fixed_window.charge(record, _, cost)
  local used = math.min(record.used + cost, MOST_USED)
  if used == record.used then
    return record
  end
  return { tag = 1, period = record.period, start = record.start, used = used }
end

-- The record with a cost given back; the same one if that changes nothing.
function fixed_window.refund(record, _, cost, charged_at)
  local used = math.max(record.used - cost, 0)
  if used == record.used or charged_at - charged_at % record.period ~= record.start then
    return record
  end
  return { tag = 1, period = record.period, start = record.start, used = used }
end

function fixed_window.date(record)
  return record.start
end

function fixed_window.dead_at(record)
  return record.start + record.period
end

