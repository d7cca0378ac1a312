    write_any(key, value, last_of_key, is_new)
  else
    -- By hand, like the commonest request.
    local written
    if keeps_its_end then
      -- As long as the value that it has; in place, which takes half as long as to set it.
      written = ask('SETRANGE', KEYS[key], '0', value)
    else
      if last_of_key ~= text_of then
        text_of, text = last_of_key, string.format('%.0f', last_of_key)
      end
      if is_new then
        written = ask('SET', KEYS[key], value, 'PXAT', text, 'NX')
      else
        written = ask('SET', KEYS[key], value, 'PXAT', text)
      end
    end
    if not written or type(written) == 'table' and written.err then
      failed = failed or {}
      failed[key] = written or NOT_A_STRING
    end
  end
end

if kept then
  kept[2], kept[kept_size + 1] = kept_size / 2 - 1, 'KEEPTTL'
  -- Where it wrote none of them, each finds out why.
  if ask(unpack(kept)) ~= 1 then
    local places = {}
    for key = 1, #KEYS do
      places[KEYS[key]] = key
    end
    for at = 3, kept_size, 2 do
      local written = ask('SETRANGE', kept[at], '0', kept[at + 1])
      if type(written) == 'table' then
        failed = failed or {}
        failed[places[kept[at]]] = written
      end
    end
  end
end

if write_aside then
  write_aside()
end
