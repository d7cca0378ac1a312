
-- The items ---------------------------------------------------------------------------------------

local items = ARGV[3]
local is_plain = items == ''
local count = is_plain and #KEYS or #items / 2

-- The commonest request by hand: a check under one fixed window, of a key with no other record.
-- Where each key is one item, a value that keeps its end is written, or put into the call of MSETEX,
-- as soon as its item is decided. By a time that was given no key keeps its end.
local is_at_once = count == #KEYS and not is_given_time
-- What is used of any other such key is counted here, and its value made at the end.
local counted = {}
-- Whether a key is left to be written at the end.
local is_left = false
-- Whether the end of such a key is not the one that it has.
local renewed = {}
-- Where not each key is one item of the first shape: the places of the items' keys and shapes, by which
-- shape a key is counted, and what is known of each shape of that kind, false of another.
local places, counted_by, known
if not is_plain then
  places, counted_by, known = { string.byte(items, 1, -1) }, {}, {}
end
-- The place of the shape at hand, what its values begin with up to the count, false if it is not of
-- that kind, and when they expire.
local at_hand, stamp, last
-- What its values begin with up to the window, and the most used before that allows a check.
local head, most_used_before
local cost, capacity, period, window
local unpack_bytes, pack_bytes = struct.unpack, struct.pack
-- Does what is not done by hand; what does it for the values that a shape mostly has, by the places
-- of the shapes, false where nothing does, and what makes that.
local run, quicks, make_quick

-- With MSETEX the call that writes what keeps its end, and how far it goes.
local has_msetex, kept, kept_size = ARGV[2] == '1' and #KEYS > 1, nil, 2
-- What is wrong with the keys that could not be written, by their places.
local failed
-- A local is found faster than a global.
local KEYS = KEYS

local item = 0
while item < count do
  item = item + 1
  local key, place = item, 1
  if not is_plain then
    key, place = places[item * 2 - 1] + 1, places[item * 2] + 1
  end
  if place ~= at_hand then
    at_hand = place
    stamp = false
    local shape = known and known[place]
    if shape then
      stamp, last, head, most_used_before = shape.stamp, shape.last, shape.head, shape.most
      cost, capacity, period, window = shape.cost, shape.capacity, shape.period, shape.window
    elseif shape == nil then
      local text = ARGV[place + 3]
      if #text == 32 and string.byte(text) == 0 and string.byte(text, 15) == 1 then
        local _
        _, cost, _, _, period, _, capacity = unpack_bytes('>BI6I7BI5I6I6', text)
        if cost > 0 then
          most_used_before = capacity - cost
          head = '\1' .. string.sub(text, 15, 20)
          window = now - now % period
          stamp = head .. pack_bytes('>I7', window)
          last = window + period + (period < 60000 and period or 60000)
        end
      end
      if known then
        known[place] = stamp and {
          stamp = stamp, last = last, head = head, most = most_used_before,
          cost = cost, capacity = capacity, period = period, window = window,
        }
      end
    end
    -- Most batches are this to their end: keys that keep their ends, and are allowed.
    if stamp and is_plain and is_at_once then
      local value = values[item]
      while value and #value == 20 do
        local start, used = unpack_bytes('>c14I6', value)
        if start ~= stamp or used > most_used_before then
          break
        end
        reply[item + 1], value = used - most_used_before - 1, pack_bytes('>c14I6', stamp, used + cost)
        if has_msetex then
          kept = kept or { 'MSETEX', 0 }
          kept[kept_size + 1], kept[kept_size + 2] = KEYS[item], value
          kept_size = kept_size + 2
        else
          local written = ask('SETRANGE', KEYS[item], '0', value)
          if type(written) == 'table' then
            failed = failed or {}
            failed[item] = written
          end
        end
        item = item + 1
        value = values[item]
      end
      size = item
      if item > count then
        break
      end
      key = item
    end
  end
  local value, by, used = values[key], counted_by and counted_by[key], nil
  local keeps_its_end = false
  if stamp then
    if by then
      used = by == place and counted[key] or nil
    elseif not value then
      used, renewed[key] = 0, true
    elseif #value == 20 then
      local start, stored = unpack_bytes('>c14I6', value)
      if start == stamp then
        used, keeps_its_end = stored, is_at_once
        if run then
          -- It may be a value of this batch.
          renewed[key] = true
        end
      elseif string.sub(start, 1, 7) == head then
        local before = unpack_bytes('>I7', start, 8)
        if before < window and before % period == 0 then
          used, renewed[key] = 0, true
        end
      end
      if stored > 2199023255552 then
        used = nil -- not ours
      end
    end
  end
  -- What is written at once.
  local kept_value
  if used and used <= most_used_before then
    size = size + 1
    reply[size] = used - most_used_before - 1
    if keeps_its_end then
      kept_value = pack_bytes('>c14I6', stamp, used + cost)
    else
      counted[key], is_left = used + cost, true
      if counted_by then
        counted_by[key] = place
      end
    end
  elseif used and (value or by) then
    size = size + 1
    reply[size] = (used < capacity and used - capacity or 0) - 1 - 8796093022208
  else
    if not run then
      expires, absent, keeps_end, quicks = {}, {}, {}, {}
      run, make_quick = (function()
