use crc::{CRC_16_XMODEM, Crc};

/// The slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a key, as the specification of Redis Cluster has it. A key of ours holds no `{`, so
/// that all of it counts.
pub(crate) fn slot_of(key: &str) -> u16 {
    const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);
    CRC.checksum(key.as_bytes()) % SLOTS
}

#[cfg(test)]
mod tests {
    use fastlimit_core::store::Key;

    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // CLUSTER KEYSLOT.
        for (key, slot) in [("", 0), ("foo", 12_182), ("123456789", 12_739)] {
            assert_eq!(slot_of(key), slot, "{key}");
        }
    }

    /// Chi-square of how 10,000 subjects fall into groups of neighbouring slots, in thousandths of its
    /// degrees of freedom.
    fn chi_square(groups: u64, identifier: impl Fn(u64) -> String) -> u64 {
        const SUBJECTS: u64 = 10_000;
        let mut counts = vec![0_u64; usize::try_from(groups).unwrap()];
        for number in 0..SUBJECTS {
            let identifier = identifier(number);
            let key = Key::new("fl", "api", "default", &identifier).to_string();
            let group = u64::from(slot_of(&key)) * groups / u64::from(SLOTS);
            counts[usize::try_from(group).unwrap()] += 1;
        }
        // In whole numbers: each count and what is expected of it times the groups.
        let differences = counts
            .iter()
            .map(|count| (count * groups).abs_diff(SUBJECTS).pow(2));
        let chi_square = differences.sum::<u64>() / (SUBJECTS * groups);
        chi_square * 1_000 / (groups - 1)
    }

    #[test]
    fn subjects_are_spread_over_all_slots() {
        // By chance it is one for each degree of freedom, and hardly ever a tenth more.
        let by_chance = chi_square(SLOTS.into(), |number| {
            format!(
                "{:016x}",
                number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31)
            )
        });
        assert!((900..1_100).contains(&by_chance), "{by_chance}");
        // Numbers in a row are spread as well over what servers have.
        for servers in [3, 16, 128] {
            let in_a_row = chi_square(servers, |number| format!("user:{number}"));
            assert!(in_a_row < 2_000, "{servers}: {in_a_row}");
        }
    }
}
