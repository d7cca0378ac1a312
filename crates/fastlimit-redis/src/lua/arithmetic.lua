-- Exact products. A Lua number is a double: whole numbers are exact below 2^53, products of two
-- counts are not.

-- Returns floor(x * y / d) and the remainder, for whole x < 2^53 and y, and d <= 2^41, where the
-- quotient is below 2^53.
local function muldiv(x, y, d)
  local product = x * y
  if product < 9007199254740992 then
    local rest = product % d
    return (product - rest) / d, rest
  end
  -- x * y = x * (y mod d) + x * d * floor(y / d); the first is divided limb by limb of x, from
  -- the top, so that no number passes 2^53: each rest is below d, and base * d is below 2^52.
  local base = d <= 34359738368 and 131072 or 2048
  local limbs, left, y_rest = {}, x, y % d
  while left > 0 do
    local limb = left % base
    limbs[#limbs + 1] = limb
    left = (left - limb) / base
  end
  local quotient, rest = 0, 0
  for i = #limbs, 1, -1 do
    local sum = rest * base + limbs[i] * y_rest
    rest = sum % d
    quotient = quotient * base + (sum - rest) / d
  end
  return quotient + x * ((y - y_rest) / d), rest
end
