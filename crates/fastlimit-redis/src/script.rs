use std::sync::LazyLock;

use redis::Script;

/// The source and the SHA-1 by which the server knows it.
static APPLY: LazyLock<Script> = LazyLock::new(|| Script::new(SOURCE));

/// The source of the script that applies one operation.
pub(crate) const SOURCE: &str = include_str!("lua/apply.lua");

/// The script's SHA-1 in hexadecimal.
pub(crate) fn hash() -> &'static str {
    APPLY.get_hash()
}
