-- Applies a batch of operations, each to the state of one key, under all of its limits or none.
--
-- This is `Entry` of fastlimit-core in Lua: the same answers, and the same bytes under the keys.
-- The items of a batch answer as if each had been a call of its own, in their order.
--
-- KEYS      the keys, each once
-- ARGV[1]   now (ms; empty: the server's clock)
-- ARGV[2]   1 if the server has MSETEX, else 0
-- ARGV[3]   two bytes for each item, counted from 0: the place of its key, that of its shape;
--           empty if each key is one item, in order, of the first shape
-- ARGV[4..] the shapes, what is asked of a key: a byte for the operation, the cost (6 bytes,
--           milli), charged_at (7, ms); then for each limit the tag of its algorithm (1), the
--           period (5, ms), the number of its rate (6, milli) and the capacity (6, milli)
-- Reply     numbers as one text, 8 bytes each; as an array where they are very many, or where there
--           is something else among them:
--           now (ms), then for each item
--           twice the time that its latest state is ahead of now (ms), and one more if it is
--           denied; then for each limit remaining (milli) and reset_after (ms), and where the item
--           is denied the wait: 0 where this limit allows it, -1 where waiting never helps, or the
--           ms after which it allows it;
--           or, where fixed windows, one sliding window or one bucket allow it in the state of this
--           time, remaining alone for each limit, for the first one as -1 - remaining; a fixed
--           window resets when the one ends that holds now, a sliding one a period later, and
--           behind a bucket's stands reset_after (ms), unless 2^42 was taken off as well: it misses
--           whole milli, capacity - remaining, and resets when they have come back;
--           or, where a lone fixed window that holds now denies it, -1 - remaining - 2^43;
--           or one text: what is wrong with a value that is not ours;
--           or one error: why its key could not be read or written
--
-- If the batch fails as a whole, before its first write, the reply is the error.
-- All numbers are whole and below 2^53, so exact as doubles. Every call makes its functions and
-- tables anew, which costs more than what they do; so the commonest request is done without, and
-- the functions for all others are made where one comes.

-- The time: read once, since it moves while a script runs.
local ask = redis.pcall
local now = tonumber(ARGV[1])
local is_given_time = now ~= nil
if not now then
  local time = ask('TIME')
  if time.err then
    return time
  end
  now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
end

-- The values of the keys, by their places; false where there is none. MGET shows a value of
-- another type like none.
local values = ask('MGET', unpack(KEYS))
if values.err then
  return values
end

local reply, size = { now }, 1
-- Whether something other than numbers is in it.
local has_words = false

-- What is not done by hand notes by the places of the keys:
-- when the values to write expire, 0 where nothing is left,
local expires
-- the same in its place where that is the end that the key has,
local keeps_end
-- and whether a key had no value before anything was done to it, nil where it had one that the quick
-- checks know.
local absent
