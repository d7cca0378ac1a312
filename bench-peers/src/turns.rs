//! Rows are measured in turns, so that whatever slows the machine for a while slows all of them.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How often and for how long each row is measured.
#[derive(Clone, Copy)]
pub struct Turns {
    pub count: NonZeroUsize,
    pub length: Duration,
}

/// A row: takes how many operations to do, tells how long they took.
pub(crate) type Row<'a> = Box<dyn Fn(u64) -> Duration + 'a>;

impl Turns {
    /// Returns the median ns of one operation of each row.
    pub(crate) fn medians(self, rows: &[Row<'_>]) -> Vec<f64> {
        let operations: Vec<u64> = rows.iter().map(|row| self.fitting(row)).collect();
        let mut times = vec![Vec::new(); rows.len()];
        for _ in 0..self.count.get() {
            for ((row, &operations), times) in rows.iter().zip(&operations).zip(&mut times) {
                times.push(row(operations).as_nanos() as f64 / operations as f64);
            }
        }
        times.into_iter().map(median).collect()
    }

    /// Finds how many operations fill a turn; warms the row up while at it.
    fn fitting(self, row: &Row<'_>) -> u64 {
        let mut operations = 1_000;
        loop {
            let took = row(operations).max(Duration::from_nanos(1));
            if took * 4 >= self.length {
                let fitting = operations as f64 * self.length.as_secs_f64() / took.as_secs_f64();
                return (fitting as u64).max(1);
            }
            operations *= 2;
        }
    }
}

/// Returns the median; of an even number of values the upper one.
///
/// # Panics
///
/// Panics if there is no value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
