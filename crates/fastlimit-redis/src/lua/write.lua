
-- The writes --------------------------------------------------------------------------------------
--
-- Each sets the value and its end in one command, since a script is not rolled back, or the value
-- alone where the key keeps its end.

-- MGET showed a value of another type like none, so what was not there must not be there now.
local NOT_A_STRING = 'a value that is not a string'
-- The end of a key as a text, which is the same for most keys of a batch.
local text_of, text
-- Writes what is written in any other way, or puts it aside; writes what was put aside.
local write_any, write_aside

-- Nothing is left of a batch that was all written at once.
for key = 1, is_left and #KEYS or 0 do
  local used = counted[key]
  local value, last_of_key, is_new, keeps_its_end = values[key], nil, nil, nil
  if used then
    local by = counted_by and counted_by[key] or at_hand
    if by ~= at_hand then
      at_hand, stamp, last = by, known[by].stamp, known[by].last
    end
    is_new, keeps_its_end = not value, not renewed[key]
    value, last_of_key = pack_bytes('>c14I6', stamp, used), last
    if run and absent[key] ~= nil then
      is_new = absent[key]
    end
  elseif run then
    is_new, last_of_key = absent[key], expires[key]
    if not last_of_key then
      last_of_key, keeps_its_end = keeps_end[key], true
    end
  end
  if not last_of_key then
    -- It is as it was.
  elseif keeps_its_end and has_msetex and not is_given_time then
    kept = kept or { 'MSETEX', 0 }
    kept[kept_size + 1], kept[kept_size + 2] = KEYS[key], value
    kept_size = kept_size + 2
  elseif has_msetex or is_given_time or last_of_key == 0 then
