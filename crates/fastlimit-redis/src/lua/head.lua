-- Applies one operation to the state of one key, under all of the limits or under none.
--
-- This is `Entry` of fastlimit-core in Lua: the same answers, and the same bytes under the key.
--
-- KEYS[1]  the key
-- ARGV     the operation, now (ms; empty: the server's clock), the cost (milli), charged_at (ms);
--          then for each limit the tag of its algorithm, the period (ms), the number of its rate
--          and the capacity (milli)
-- Reply    {now, charged_at}, then for each limit remaining (milli), reset_after (ms), wait:
--          0 where it allows, -1 where waiting never helps, or the ms after which it allows;
--          or a text: what is wrong with a value that is not ours
--
-- The error of a command is the reply. Nothing was written then: the write is the last command.
-- All numbers are whole and below 2^53, so exact as doubles. Each call makes all functions anew,
-- so there are few.

-- 2^41, the most that can be in use; the end of time; 366 days.
local MOST_USED, LATEST_TIME, LONGEST_PERIOD = 2199023255552, 4503599627370496, 31622400000

