//! Requests per minute and tokens per minute for a language model, where nobody knows what an
//! answer costs before it is there: the tokens are reserved as estimated, and settled when the
//! answer tells.
//!
//! ```console
//! cargo run --example llm_tokens
//! ```

use std::error::Error;

use fastlimit::{Cost, Decisions, ManualClock, MemoryStore, Policy, RateLimiter, Reservation};

/// The limits of one API key. Two policies, since requests and tokens are counted apart.
struct Quota {
    limiter: RateLimiter,
    requests: Policy,
    tokens: Policy,
}

impl Quota {
    fn new(limiter: RateLimiter) -> Result<Self, fastlimit::Error> {
        Ok(Self {
            limiter,
            requests: Policy::new("llm-requests", "6/minute sliding-window")?,
            tokens: Policy::new("llm-tokens", "10_000/minute burst 10_000 token-bucket")?,
        })
    }

    /// Lets a prompt in, and reserves it and its tokens, in this order; else the denial. Who is past
    /// one of the limits is charged for neither.
    async fn admit(
        &self,
        api_key: &str,
        estimate: u64,
    ) -> Result<Result<Vec<Reservation>, Decisions>, fastlimit::Error> {
        let request = self.limiter.request(api_key);
        let subjects = [
            request.under(&self.requests),
            request.cost(Cost::requests(estimate)).under(&self.tokens),
        ];
        self.limiter.all(subjects).reserve().await
    }
}

/// What a prompt was thought to cost, and what its answer came to; `None` if there was none.
struct Prompt {
    estimate: u64,
    answered_with: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A clock that stands still, so that every run shows the same.
    let store = MemoryStore::builder().clock(ManualClock::default()).build();
    let quota = Quota::new(RateLimiter::new(store))?;
    let prompts = [
        (2_000, Some(1_200)),
        (4_000, Some(4_900)),
        (3_000, None),
        (5_000, Some(1)),
        (3_500, Some(3_400)),
        (500, Some(480)),
        (20_000, Some(1)),
        (10, Some(9)),
        (10, Some(9)),
        (10, Some(9)),
    ]
    .map(|(estimate, answered_with)| Prompt {
        estimate,
        answered_with,
    });

    for prompt in prompts {
        print!("a prompt of some {:>6} tokens: ", prompt.estimate);
        match quota.admit("key-1", prompt.estimate).await? {
            Err(denied) => {
                if let Some(refused) = denied.refused() {
                    println!("{}: {}", refused.policy(), refused.exceeded());
                }
            }
            Ok(mut reserved) => {
                // The prompt itself stays charged: what is dropped is not given back.
                let Some(reservation) = reserved.pop() else {
                    continue;
                };
                let decision = match prompt.answered_with {
                    Some(tokens) => {
                        print!("answered with {tokens:>5}, ");
                        reservation.settle(Cost::requests(tokens)).await?
                    }
                    None => {
                        print!("the model failed,   ");
                        reservation.cancel().await?
                    }
                };
                println!("{:>5} tokens left", decision.remaining());
            }
        }
    }
    Ok(())
}
