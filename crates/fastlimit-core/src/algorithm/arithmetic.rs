//! Products in `u128`, so that none of them overflows, and counts that stay within their bounds.

use crate::Cost;

#[inline]
pub(super) fn product(a: u64, b: u64) -> u128 {
    u128::from(a).saturating_mul(u128::from(b))
}

/// Rounded down, and what is left; 0 if `divisor` is.
#[inline]
pub(super) fn div_rem(dividend: u128, divisor: u64) -> (u128, u128) {
    // Most dividends are small, and dividing words is many times as fast.
    if let Ok(dividend) = u64::try_from(dividend) {
        let (quotient, rest) = (dividend.checked_div(divisor), dividend.checked_rem(divisor));
        return (quotient.unwrap_or(0).into(), rest.unwrap_or(0).into());
    }
    let divisor = u128::from(divisor);
    let (quotient, rest) = (dividend.checked_div(divisor), dividend.checked_rem(divisor));
    (quotient.unwrap_or(0), rest.unwrap_or(0))
}

/// Rounded up; 0 if `divisor` is.
#[inline]
pub(super) fn ceil_div(dividend: u128, divisor: u64) -> u128 {
    if divisor == 0 {
        return 0;
    }
    match u64::try_from(dividend) {
        Ok(dividend) => dividend.div_ceil(divisor).into(),
        Err(_) => dividend.div_ceil(u128::from(divisor)),
    }
}

/// The bounds of the model keep every quotient far below `u64::MAX`.
#[inline]
pub(super) fn narrow(quotient: u128) -> u64 {
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

/// The start of the aligned window that holds `time`.
#[inline]
pub(super) fn window_start(time: u64, period: u64) -> u64 {
    // A period is never 0.
    time.saturating_sub(time.checked_rem(period).unwrap_or(0))
}

/// Adds a cost to a count, up to the greatest one. False if that changes nothing.
#[inline]
pub(super) fn raise(count: &mut u64, cost: u64) -> bool {
    let before = *count;
    *count = before.saturating_add(cost).min(Cost::MAX.as_milli());
    *count != before
}

/// Takes a cost from a count, as far as it goes. False if that changes nothing.
pub(super) fn lower(count: &mut u64, cost: u64) -> bool {
    let before = *count;
    *count = before.saturating_sub(cost);
    *count != before
}
