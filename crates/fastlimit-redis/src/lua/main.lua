-- Applies a batch of shapes, each to the state of one key, under all of its limits or none.
--
-- The script changes state, and answers what it found: whoever asked knows from that, by the same
-- model, what was decided. The shapes of a batch are applied in their order.
--
-- KEYS      the keys, each once
-- ARGV[1]   now (ms; empty: the server's clock)
-- ARGV[2]   1 if the server has MSETEX, else 0
-- ARGV[3]   two bytes for each item, counted from 0: the place of its key, that of its shape;
--           empty if each key is one item, in order, of the first shape
-- ARGV[4..] the shapes: the operation, the cost (milli) and charged_at (ms); then for each limit
--           the head of its record, the number of its rate and the capacity (milli)
-- Reply     for each key the value that it had, nil where it had none, or the error why it could not
--           be read or written; then now (ms); then how many of the items were not denied, -1 if a
--           key could not be written
--
-- If the batch fails as a whole, before its first write, the reply is the error. What is no value of
-- ours is left as it is.

-- MGET shows a value of another type like none.
local found = ask('MGET', unpack(KEYS))
if found.err then return found end

local shapes, values, ends, admitted = {}, {}, {}, 0
local items = ARGV[3] ~= '' and ARGV[3]
for item = 1, items and #items / 2 or #KEYS do
  local key, place = item, 1
  if items then
    key, place = byte(items, item * 2 - 1, item * 2)
    key, place = key + 1, place + 1
  end
  local shape = shapes[place]
  if not shape then
    shape = read_shape(ARGV[place + 3])
    shapes[place] = shape
  end
  local value = values[key] or found[key] or nil
  if value == VERSION then value = nil end
  local left, its_end
  if shape.is_mostly_aligned then left, its_end = apply_aligned(shape, value) end
  if left == nil then left, its_end = apply_apart(shape, value) end
  if left then
    admitted = admitted + 1
    if left ~= true then
      values[key] = left
      if its_end then ends[key] = its_end end
    end
  end
end

local count = #KEYS
for key = 1, count do
  local value, wrong = values[key], nil
  if value then
    wrong = write(key, value, ends[key], not found[key])
  elseif not found[key] then
    -- What is written finds out by itself if there is a value of another type.
    wrong = ask('GET', KEYS[key])
  end
  if wrong then found[key], admitted = wrong, -1 end
end
for key, wrong in pairs(write_groups()) do found[key], admitted = wrong, -1 end
found[count + 1], found[count + 2] = now, admitted
return found
