//! Waits until servers have come to a state.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// Looks again and again until the look succeeds, or returns what the last one saw.
pub(crate) fn until<T, E: Display>(
    state: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> Result<T, Error> {
    let deadline = Instant::now() + within;
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(seen) if Instant::now() >= deadline => {
                return Err(Error::Late {
                    state: state.to_owned(),
                    waited: within,
                    seen: seen.to_string(),
                });
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_look_is_told() {
        let mut looks = 0;
        let seen = until("it is three", Duration::from_secs(9), || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(seen.unwrap(), 3);
        let error = until("it is", Duration::ZERO, || Err::<(), _>("not")).unwrap_err();
        assert!(error.to_string().contains("until it is: not"), "{error}");
    }
}
