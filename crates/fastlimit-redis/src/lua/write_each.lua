      write_any(key, value, last_of_key, is_new)
    end
  end
end

if kept then
  kept[2], kept[kept_size * 2 + 3] = kept_size, 'KEEPTTL'
  -- Where it wrote none of them, each finds out why.
  if ask(unpack(kept)) ~= 1 then
    for i = 1, kept_size do
      local written = ask('SET', kept[i * 2 + 1], kept[i * 2 + 2], 'KEEPTTL')
      if written.err then
        failed = failed or {}
        failed[kept_keys[i]] = written
      end
    end
  end
end

if write_aside then
  write_aside()
end
