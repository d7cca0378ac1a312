local byte, sub, max, min = string.byte, string.sub, math.max, math.min

local CHECK, PEEK, CHARGE, REFUND, RESET = 0, 1, 2, 3, 4

-- 2^41, the most that can be in use; the end of time; 366 days.
local MOST_USED, LATEST_TIME, LONGEST_PERIOD = 2199023255552, 4503599627370496, 31622400000

