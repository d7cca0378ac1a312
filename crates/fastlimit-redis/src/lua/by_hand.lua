-- The items ---------------------------------------------------------------------------------------

local items = ARGV[3]
local is_plain = items == ''
local count = is_plain and #KEYS or #items / 2

-- The commonest request by hand: a check under one fixed window, of a key with no other record.
-- What is used of such a key is counted here, and its value made at the end.
local counted, counted_by = {}, {}
-- Of each shape of that kind what its values begin with, up to the count, and when they expire.
local stamps, ends = {}, {}
-- The place of the shape at hand, and what the values of such a shape begin with, up to the window.
local at_hand, head, cost, period, capacity, window, reset_after
-- Does what is not done by hand.
local run

for item = 1, count do
  local key, place = item, 1
  if not is_plain then
    key, place = string.byte(items, item * 2 - 1, item * 2)
    key, place = key + 1, place + 1
  end
  if place ~= at_hand then
    at_hand = place
    local text = ARGV[place + 3]
    head = false
    if #text == 32 and string.byte(text) == 0 and string.byte(text, 15) == 1 then
      local _
      _, cost, _, _, period, _, capacity = struct.unpack('>BI6I7BI5I6I6', text)
      if cost > 0 then
        head = '\1' .. string.sub(text, 15, 20)
        window = now - now % period
        reset_after = window + period - now
        if not stamps[place] then
          stamps[place] = head .. struct.pack('>I7', window)
          ends[place] = window + period + (period < 60000 and period or 60000)
        end
      end
    end
  end
  local used
  if head then
    local by = counted_by[key]
    if by == place then
      used = counted[key]
    elseif not by then
      local value = values[key]
      if not value then
        used = 0
      elseif #value == 20 and string.sub(value, 1, 7) == head then
        local start, stored = struct.unpack('>I7I6', value, 8)
        if stored > 2199023255552 then
          used = nil -- not ours
        elseif start == window then
          used = stored
        elseif start < window and start % period == 0 then
          used = 0
        end
      end
    end
  end
  if used and cost <= capacity - used then
    used = used + cost
    counted[key], counted_by[key] = used, place
    size = size + 1
    reply[size] = used - capacity - 1
  elseif used and (values[key] or counted_by[key]) then
    reply[size + 1], reply[size + 2] = 1, used < capacity and capacity - used or 0
    reply[size + 3], reply[size + 4] = reset_after, cost <= capacity and reset_after or -1
    size = size + 4
  else
    local by = counted_by[key]
    if by then
      if absent[key] == nil then
        absent[key] = not values[key]
      end
      values[key] = struct.pack('>c14I6', stamps[by], counted[key])
      expires[key], counted_by[key] = ends[by], nil
    end
