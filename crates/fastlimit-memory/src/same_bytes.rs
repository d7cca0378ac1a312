/// Tells whether two texts are the same. Most of those that keys are made of are short, and a
/// call of the C library's comparison costs more than to compare a few words.
#[inline(always)]
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Both ends cover all of it, since they meet or overlap.
    match a.len() {
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        4..=7 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        2..=3 => a.first_chunk::<2>() == b.first_chunk() && a.last_chunk::<2>() == b.last_chunk(),
        0..=1 => a.first() == b.first(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        for length in 0..40 {
            let text = vec![b'x'; length];
            assert!(same_bytes(&text, &text.clone()));
            assert!(!same_bytes(&text, &[text.as_slice(), b"x"].concat()));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'y';
                assert!(!same_bytes(&text, &other), "{length} {at}");
            }
        }
    }
}
