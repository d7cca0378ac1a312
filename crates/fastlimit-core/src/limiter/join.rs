use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use crate::store::Reply;
use crate::{Decision, StoreError};

/// Waits for all replies at once; the answers are in their order.
pub(super) async fn join(mut replies: Vec<Reply<'_>>) -> Vec<Result<Decision, StoreError>> {
    let mut answers: Vec<_> = replies.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut all_are_here = true;
        for (reply, answer) in replies.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match Pin::new(reply).poll(context) {
                    Poll::Ready(here) => *answer = Some(here),
                    Poll::Pending => all_are_here = false,
                }
            }
        }
        match all_are_here {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}
