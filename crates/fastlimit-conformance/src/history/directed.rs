//! Numbers that are hard to multiply and divide in pieces: those whose product with another
//! leaves the least remainder, or the greatest. Random numbers hardly ever do.

use fastrand::Rng;

/// A number below `divisor` whose product with `factor` is one more than a multiple of
/// `divisor`, or one less; `None` if there is none.
pub(super) fn near_one(factor: u128, divisor: u64, rng: &mut Rng) -> Option<u64> {
    let divisor = i128::from(divisor);
    let factor = i128::try_from(factor).ok()?.checked_rem(divisor)?;
    let inverse = inverse(factor, divisor)?;
    let number = if rng.bool() {
        inverse
    } else {
        divisor - inverse
    };
    u64::try_from(number).ok()
}

/// The number below `modulus` whose product with `number` leaves 1, by Euclid.
fn inverse(number: i128, modulus: i128) -> Option<i128> {
    let (mut a, mut b) = (number, modulus);
    let (mut x, mut y) = (1_i128, 0_i128);
    while b != 0 {
        let quotient = a.checked_div(b)?;
        (a, b) = (b, a - quotient * b);
        (x, y) = (y, x - quotient * y);
    }
    (a == 1).then(|| x.rem_euclid(modulus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_one_off_a_multiple() {
        let mut rng = Rng::with_seed(7);
        for divisor in [2, 7, 31_622_399_999, 999_999_999_989] {
            for factor in [1, 3, 1_000_000_007, 1_u128 << 60] {
                let Some(number) = near_one(factor, divisor, &mut rng) else {
                    assert_eq!((divisor, factor % 2), (2, 0));
                    continue;
                };
                let remainder = factor * u128::from(number) % u128::from(divisor);
                assert!(remainder == 1 || remainder == u128::from(divisor) - 1);
            }
        }
        assert_eq!(near_one(10, 1_000, &mut rng), None);
    }
}
