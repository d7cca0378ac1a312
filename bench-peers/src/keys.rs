//! The keys that every row is asked about, and the order in which it is.

/// A step that shares no factor with the numbers of keys: a walk comes by every key, and no two
/// that follow each other lie side by side.
const STEP: usize = 7_919;

/// Whose checks start apart from each other's.
pub(crate) const APART: usize = 1_231;

pub(crate) fn users(count: usize) -> Vec<String> {
    (0..count).map(|key| format!("user:{key}")).collect()
}

/// Walks around some items for ever, from the item of number `start`.
pub(crate) fn walk<T>(items: &[T], start: usize) -> impl Iterator<Item = &T> {
    let (count, step) = (items.len(), STEP % items.len());
    let mut at = start % count;
    std::iter::from_fn(move || {
        at += step;
        // Cheaper than a remainder, which would be a good part of a check.
        if at >= count {
            at -= count;
        }
        items.get(at)
    })
}
