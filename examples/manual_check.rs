//! A worker that delivers webhooks, and no HTTP in sight: each endpoint gets at most five
//! deliveries a second and eight in ten seconds, and what is too early waits its turn.
//!
//! ```console
//! cargo run --example manual_check
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use fastlimit::{Error, MemoryStore, Policy, RateLimiter};
use tokio::time::{Instant, sleep_until};

struct Delivery {
    endpoint: &'static str,
    event: u32,
    /// When to try: now, or what the limiter said the last time.
    due: Instant,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let limiter = RateLimiter::new(MemoryStore::new());
    let policy = Policy::new("webhooks", "5/second; 8/10s")?;

    let started = Instant::now();
    let mut queue: VecDeque<Delivery> = (1..=10)
        .flat_map(|event| {
            ["https://a.example/hook", "https://b.example/hook"].map(|endpoint| Delivery {
                endpoint,
                event,
                due: started,
            })
        })
        .collect();

    while let Some(mut delivery) = queue.pop_front() {
        sleep_until(delivery.due).await;
        match limiter
            .check(delivery.endpoint, &policy)
            .await?
            .into_result()
        {
            Ok(allowed) => {
                deliver(&delivery, started);
                if allowed.decision().remaining() == 0 {
                    println!("          {} has had its share for now", delivery.endpoint);
                }
            }
            Err(exceeded) => match exceeded.retry_after() {
                Some(wait) => {
                    delivery.due = Instant::now() + wait;
                    let place = queue.partition_point(|other| other.due <= delivery.due);
                    queue.insert(place, delivery);
                }
                // A limit of zero: no time will come for it.
                None => eprintln!("{}: dropped: {exceeded}", delivery.endpoint),
            },
        }
    }
    Ok(())
}

/// Where a real worker would send the request.
fn deliver(delivery: &Delivery, started: Instant) {
    let at: Duration = started.elapsed();
    println!(
        "{:7.3} s  event {:2} to {}",
        at.as_secs_f64(),
        delivery.event,
        delivery.endpoint
    );
}
