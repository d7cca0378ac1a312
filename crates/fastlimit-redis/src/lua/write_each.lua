      write_any(key, value, last_of_key, is_new, keeps_its_end)
    end
  end
end

if write_aside then
  write_aside()
end
