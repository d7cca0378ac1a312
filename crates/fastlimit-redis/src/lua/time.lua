-- What everything below needs: the time, and short names. A local is found faster than a global.

local KEYS, ARGV, ask = KEYS, ARGV, redis.pcall
local pack, unpack_bytes = struct.pack, struct.unpack
local byte, sub, max, min = string.byte, string.sub, math.max, math.min

-- Milliseconds, by a clock that was given or by the server's: read once, since it moves meanwhile.
local now = tonumber(ARGV[1])
local is_given_time = now ~= nil
if not is_given_time then
  local time = ask('TIME')
  if time.err then return time end
  now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
end
