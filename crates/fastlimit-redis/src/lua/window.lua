-- What windows share: they are aligned to the epoch, and most records are of the window that holds
-- now, which is told by one comparison of their stamp, what stands in front of the counts.

-- The window that holds now: when it began, its stamp, and the format of stamps.
local function window_of(lead, period)
  local window = now - now % period
  local format = #lead == HEAD_SIZE and STAMP_FORMAT or FIRST_STAMP_FORMAT
  return window, lead .. pack(TIME_FORMAT, window), format
end

-- When the window of a stamp began; nothing if it is not one of the limit.
local function start_of(stamp, lead, period)
  local start = unpack_bytes(TIME_FORMAT, stamp, #lead + 1)
  if sub(stamp, 1, #lead) == lead and start % period == 0 and start <= LATEST_TIME then
    return start
  end
end
