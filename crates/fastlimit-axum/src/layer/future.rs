use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::Request;
use axum::response::{IntoResponse, Response};
use fastlimit_core::Decision;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answers::Later;
use super::config::Config;
use crate::{Rejection, headers};

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
            charge: Later,
            waiting: Option<Waiting<S, B>>,
        },
        /// The inner service is at work.
        Forwarded {
            #[pin]
            future: F,
            // What its response is to show.
            decision: Option<Decision>,
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
    pub(super) fn wait(charge: Later, request: Request<B>, inner: S, config: Arc<Config>) -> Self {
        let waiting = Some(Waiting {
            request,
            inner,
            config,
        });
        Self {
            state: State::Charging { charge, waiting },
        }
    }

    /// `decision` is what the response is to show.
    #[inline]
    pub(super) fn forward(future: S::Future, decision: Option<Decision>) -> Self {
        Self {
            state: State::Forwarded { future, decision },
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
                StateProjection::Charging { charge, waiting } => {
                    let result = ready!(charge.as_mut().poll(context));
                    // Taken once: what follows is another state.
                    let Some(waiting) = waiting.take() else {
                        return Poll::Pending;
                    };
                    state.set(match result {
                        Ok(decision) => State::Forwarded {
                            future: waiting.forward(decision.clone()),
                            decision: Some(decision),
                        },
                        Err(rejection) => State::Refused {
                            response: Some(waiting.refuse(rejection)),
                        },
                    });
                }
                StateProjection::Forwarded { future, decision } => {
                    let mut response = ready!(future.poll(context))?.into_response();
                    if let Some(decision) = decision.take() {
                        headers::show(decision, &mut response);
                    }
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
    fn forward(mut self, decision: Decision) -> S::Future
    where
        S: Service<Request<B>>,
    {
        self.request.extensions_mut().insert(decision);
        self.inner.call(self.request)
    }

    fn refuse(self, rejection: Rejection) -> Response {
        let (parts, _) = self.request.into_parts();
        self.config.refuse(&parts, rejection)
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
