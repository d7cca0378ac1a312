local ask = redis.acl_check_cmd
if not ask then
  return {0, ''}
end

-- Whether the user may not run a command. Its arguments are all given, since there are servers
-- that crash on the name alone.
local function forbids(command)
  local is_known, is_allowed = pcall(ask, unpack(command))
  return is_known and not is_allowed
end

local function allows(command)
  local is_known, is_allowed = pcall(ask, unpack(command))
  return is_known and is_allowed
end

local forbidden = {}
if forbids({'TIME'}) then
  forbidden[#forbidden + 1] = 'time'
end
if forbids({'EVALSHA', '0000000000000000000000000000000000000000', '0'}) then
  forbidden[#forbidden + 1] = 'evalsha'
end

-- Where all of these are forbidden alike, it may be the key, which is nobody's, that the user may
-- not touch.
local of_keys = {
  {'MGET', 'fl:'}, {'GET', 'fl:'}, {'SET', 'fl:', ''}, {'SETRANGE', 'fl:', '0', ''}, {'DEL', 'fl:'}
}
local of_keys_forbidden = {}
for _, command in ipairs(of_keys) do
  if forbids(command) then
    of_keys_forbidden[#of_keys_forbidden + 1] = string.lower(command[1])
  end
end
if #of_keys_forbidden < #of_keys then
  for _, name in ipairs(of_keys_forbidden) do
    forbidden[#forbidden + 1] = name
  end
end

-- Redis has it from 8.4 on, Valkey from 9.1 on. Where the user may not set the key that is asked
-- about either, it is not the command that is forbidden.
local msetex = {'MSETEX', '1', 'fl:', '', 'PX', '1'}
local has_msetex = allows(msetex) or (forbids(msetex) and forbids({'SET', 'fl:', ''}))

local policy = ''
if allows({'INFO', 'memory'}) then
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'string' then
    policy = string.match(info, 'maxmemory_policy:([%w-]+)') or ''
  end
end

return {has_msetex and 1 or 0, policy, unpack(forbidden)}
