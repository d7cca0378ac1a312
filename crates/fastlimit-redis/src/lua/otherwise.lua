      end)()
    end
    if by then
      if absent[key] == nil then
        absent[key] = not value
      end
      value = pack_bytes('>c14I6', known[by].stamp, counted[key])
      values[key], expires[key], counted[key], counted_by[key] = value, known[by].last, nil, nil
    end
    -- The quick check, or step by step what it does not know.
    local quick = quicks[place]
    if quick == nil then
      quick = make_quick(place)
    end
    local changed, its_end, has_it
    if quick and value then
      changed, its_end, has_it = quick(value)
    end
    if has_it and is_at_once then
      kept_value = changed
    elseif changed == nil then
      run(key, place)
      is_left = is_left or expires[key] or keeps_end[key]
    elseif changed then
      values[key], is_left = changed, true
      if has_it then
        -- Or the one that it was given before in this batch, which counts.
        keeps_end[key] = its_end
      else
        expires[key], keeps_end[key] = its_end, nil
      end
    end
  end
  if not kept_value then
    -- Nothing changed, or it is written at the end.
  elseif has_msetex then
    kept = kept or { 'MSETEX', 0 }
    kept[kept_size + 1], kept[kept_size + 2] = KEYS[key], kept_value
    kept_size = kept_size + 2
  else
    local written = ask('SETRANGE', KEYS[key], '0', kept_value)
    if type(written) == 'table' then
      failed = failed or {}
      failed[key] = written
    end
  end
end
