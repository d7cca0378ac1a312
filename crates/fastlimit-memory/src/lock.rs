//! The lock of a shard.

use std::time::Duration;

use spinning_top::RawSpinlock;
use spinning_top::lock_api::{Mutex, MutexGuard};
use spinning_top::relax::Relax;

/// A lock that is released by a plain write: no other kind of lock in reach does without a second
/// atomic operation, and the two cost more than what is done between them.
pub(crate) type Lock<T> = Mutex<RawSpinlock<Patience>, T>;

pub(crate) type Guard<'a, T> = MutexGuard<'a, RawSpinlock<Patience>, T>;

/// How a thread waits for a lock. It is held for tens of nanoseconds, so the thread spins at
/// first. If it is still held then, its holder has lost the processor or grows the shard: the
/// thread gives its own processor away, and at last sleeps, so that the holder gets one whatever
/// the priorities of the two.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    rounds: u32,
}

/// In each of these rounds a thread spins twice as often as in the one before.
const ROUNDS_OF_SPINNING: u32 = 6;

const ROUNDS_OF_YIELDING: u32 = 16;

const SLEEP: Duration = Duration::from_micros(50);

impl Relax for Patience {
    #[cold]
    fn relax(&mut self) {
        if self.rounds < ROUNDS_OF_SPINNING {
            for _ in 0..1_u32 << self.rounds {
                std::hint::spin_loop();
            }
        } else if self.rounds < ROUNDS_OF_SPINNING + ROUNDS_OF_YIELDING {
            std::thread::yield_now();
        } else {
            std::thread::sleep(SLEEP);
        }
        self.rounds = self.rounds.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_turns_whoever_has_a_processor() {
        let count = Lock::new(0_u64);
        let threads = 8 * std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for turn in 0..1_000 {
                        let mut count = count.lock();
                        *count += 1;
                        if turn % 100 == 0 {
                            // As a holder that loses its processor.
                            std::thread::sleep(SLEEP);
                        }
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 1_000 * threads as u64);
    }
}
