use std::sync::LazyLock;

use redis::Script;

/// The source and the SHA-1 by which the server knows it.
static APPLY: LazyLock<Script> = LazyLock::new(|| Script::new(SOURCE));

/// The source of the script that applies one operation: a file for each algorithm, between what
/// they share and the step that uses them.
pub(crate) const SOURCE: &str = concat!(
    include_str!("lua/head.lua"),
    include_str!("lua/arithmetic.lua"),
    include_str!("lua/fixed_window.lua"),
    include_str!("lua/sliding_window.lua"),
    include_str!("lua/token_bucket.lua"),
    include_str!("lua/apply.lua"),
);

/// The script's SHA-1 in hexadecimal.
pub(crate) fn hash() -> &'static str {
    APPLY.get_hash()
}
