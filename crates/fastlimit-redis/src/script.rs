use std::sync::LazyLock;

use redis::Script;

/// The source and the SHA-1 by which the server knows it.
static APPLY: LazyLock<Script> = LazyLock::new(|| Script::new(SOURCE));

/// The source of the script that applies a batch: what is done by hand, a file for each algorithm
/// and the step that uses them, and the writes.
///
/// Functions are made where the first item or key comes that needs them, which is why their files
/// stand inside the loops over the items and over the keys.
pub(crate) const SOURCE: &str = concat!(
    include_str!("lua/head.lua"),
    include_str!("lua/by_hand.lua"),
    include_str!("lua/numbers.lua"),
    include_str!("lua/arithmetic.lua"),
    include_str!("lua/fixed_window.lua"),
    include_str!("lua/sliding_window.lua"),
    include_str!("lua/token_bucket.lua"),
    include_str!("lua/request.lua"),
    include_str!("lua/value.lua"),
    include_str!("lua/apply.lua"),
    include_str!("lua/otherwise.lua"),
    include_str!("lua/write.lua"),
    "    if not write_any then\n",
    include_str!("lua/writers.lua"),
    "    end\n",
    include_str!("lua/write_each.lua"),
    include_str!("lua/answer.lua"),
);

/// Answers 1 if the server has `MSETEX` and the user may call it: Redis from 8.4 on, Valkey from
/// 9.1 on. It asks for permission without trying, so that nothing is noted in the server's log.
///
/// Where the user may not write the key that is asked about, it is not the command that is
/// forbidden. All arguments are given, since there are servers that crash on the name alone.
pub(crate) const HAS_MSETEX: &str = "\
local ask = redis.acl_check_cmd
if not ask then
  return 0
end
local is_known, is_allowed = pcall(ask, 'MSETEX', '1', 'fl:', '', 'PX', '1')
return is_known and (is_allowed or not ask('SET', 'fl:', '')) and 1 or 0
";

/// The script's SHA-1 in hexadecimal.
pub(crate) fn hash() -> &'static str {
    APPLY.get_hash()
}
