//! Products in `u128`, so that none of them overflows.

pub(super) fn product(a: u64, b: u64) -> u128 {
    u128::from(a).saturating_mul(u128::from(b))
}

/// Rounded down; 0 if `divisor` is.
pub(super) fn floor_div(dividend: u128, divisor: u64) -> u128 {
    // Most dividends are small, and dividing words is many times as fast.
    match u64::try_from(dividend) {
        Ok(dividend) => dividend.checked_div(divisor).unwrap_or(0).into(),
        Err(_) => dividend.checked_div(u128::from(divisor)).unwrap_or(0),
    }
}

/// Rounded up; 0 if `divisor` is.
pub(super) fn ceil_div(dividend: u128, divisor: u64) -> u128 {
    if divisor == 0 {
        return 0;
    }
    match u64::try_from(dividend) {
        Ok(dividend) => dividend.div_ceil(divisor).into(),
        Err(_) => dividend.div_ceil(u128::from(divisor)),
    }
}

/// What is left of a division; 0 if `divisor` is.
pub(super) fn remainder(dividend: u128, divisor: u64) -> u128 {
    match u64::try_from(dividend) {
        Ok(dividend) => dividend.checked_rem(divisor).unwrap_or(0).into(),
        Err(_) => dividend.checked_rem(u128::from(divisor)).unwrap_or(0),
    }
}

/// The bounds of the model keep every quotient far below `u64::MAX`.
pub(super) fn narrow(quotient: u128) -> u64 {
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

/// The start of the aligned window that holds `time`.
pub(super) fn window_start(time: u64, period: u64) -> u64 {
    // A period is never 0.
    time.saturating_sub(time.checked_rem(period).unwrap_or(0))
}
