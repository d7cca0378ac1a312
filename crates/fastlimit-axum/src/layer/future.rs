use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::Request;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::admission::{Admission, Settling};
use super::config::{Config, Later};
use crate::Rejection;
use crate::charge::Outcome;

pin_project! {
    /// The future of a response; from [`RateLimitService`](super::RateLimitService).
    ///
    /// Dropped before it resolves, the request may or may not be charged.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct RateLimitFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        /// A hook or the store has to wait.
        Charging {
            charging: Later,
            waiting: Option<Waiting<S, B>>,
        },
        /// The inner service is at work.
        Forwarded {
            #[pin]
            future: F,
            // `None` if the response shows nothing.
            admission: Option<Admission>,
        },
        /// The charge is corrected by the response.
        Settling {
            settling: Settling,
            response: Option<Response>,
        },
        /// The request goes no further.
        Refused {
            response: Option<Response>,
        },
    }
}

/// What the request waits with until it is known whether it may pass.
struct Waiting<S, B> {
    request: Request<B>,
    inner: S,
    config: Arc<Config>,
}

impl<S, B> RateLimitFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn wait(
        charging: Later,
        request: Request<B>,
        inner: S,
        config: Arc<Config>,
    ) -> Self {
        let waiting = Some(Waiting {
            request,
            inner,
            config,
        });
        Self {
            state: State::Charging { charging, waiting },
        }
    }

    /// `admission` is `None` if the response shows nothing.
    #[inline]
    pub(super) fn forward(future: S::Future, admission: Option<Admission>) -> Self {
        Self {
            state: State::Forwarded { future, admission },
        }
    }

    pub(super) fn refuse(response: Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }
}

impl<S, B> Future for RateLimitFuture<S, B>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
{
    type Output = Result<Response, S::Error>;

    /// Resolves to the response. Polled again after that, it may stay pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Charging { charging, waiting } => {
                    let result = ready!(charging.as_mut().poll(context));
                    // Taken once: what follows is another state.
                    let Some(waiting) = waiting.take() else {
                        return Poll::Pending;
                    };
                    state.set(waiting.go_on(result));
                }
                StateProjection::Forwarded { future, admission } => {
                    let mut response = ready!(future.poll(context))?.into_response();
                    let Some(admission) = admission.take() else {
                        return Poll::Ready(Ok(response));
                    };
                    match admission.settle(&response) {
                        Ok(settling) => state.set(State::Settling {
                            settling,
                            response: Some(response),
                        }),
                        Err(admission) => {
                            admission.show(&mut response);
                            return Poll::Ready(Ok(response));
                        }
                    }
                }
                StateProjection::Settling { settling, response } => {
                    let admission = ready!(settling.as_mut().poll(context));
                    let Some(mut response) = response.take() else {
                        return Poll::Pending;
                    };
                    admission.show(&mut response);
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response)),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl<S, B> Waiting<S, B> {
    fn go_on(mut self, result: Result<Outcome, Rejection>) -> State<S, B, S::Future>
    where
        S: Service<Request<B>>,
    {
        match self.config.admit(result, self.request.extensions_mut()) {
            Ok(admission) => State::Forwarded {
                future: self.inner.call(self.request),
                admission,
            },
            Err(rejection) => {
                let (parts, _) = self.request.into_parts();
                State::Refused {
                    response: Some(self.config.refuse(&parts, rejection)),
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for RateLimitFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitFuture").finish_non_exhaustive()
    }
}
