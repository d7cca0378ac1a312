use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::Request;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use tower_service::Service;

use super::config::{Charging, Config};
use super::future::RateLimitFuture;
use crate::Rejection;

/// A service whose requests are limited; from [`RateLimitLayer`](super::RateLimitLayer).
///
/// The inner service's response becomes axum's: whatever is `IntoResponse`, so any
/// `http::Response`. Its error stays what it is.
#[derive(Clone)]
pub struct RateLimitService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> RateLimitService<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S, B> Service<Request<B>> for RateLimitService<S>
where
    S: Service<Request<B>> + Clone,
    S::Response: IntoResponse,
{
    type Response = axum::response::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.config.passes(&request) {
            return RateLimitFuture::forward(self.inner.call(request), None);
        }
        // Passed on from here: a function in between would copy it.
        let unasked = self
            .config
            .charge_unasked(request.headers(), request.extensions());
        if let Some(result) = unasked {
            return match self.config.admit(result, request.extensions_mut()) {
                Ok(admission) => RateLimitFuture::forward(self.inner.call(request), admission),
                Err(rejection) => self.refuse(&request.into_parts().0, rejection),
            };
        }
        let (mut parts, body) = request.into_parts();
        let result = match self.config.charge(&parts) {
            Ok(Charging::Now(outcome)) => Ok(outcome),
            Ok(Charging::Later(charging)) => {
                // The service that was polled ready is the one to call; its clone was not.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let request = Request::from_parts(parts, body);
                return RateLimitFuture::wait(charging, request, inner, Arc::clone(&self.config));
            }
            Err(rejection) => Err(rejection),
        };
        match self.config.admit(result, &mut parts.extensions) {
            Ok(admission) => {
                let request = Request::from_parts(parts, body);
                RateLimitFuture::forward(self.inner.call(request), admission)
            }
            Err(rejection) => self.refuse(&parts, rejection),
        }
    }
}

impl<S> RateLimitService<S> {
    fn refuse<B>(&self, parts: &Parts, rejection: Rejection) -> RateLimitFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        RateLimitFuture::refuse(self.config.refuse(parts, rejection))
    }
}

impl<S: fmt::Debug> fmt::Debug for RateLimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("RateLimitService");
        fields.field("inner", &self.inner);
        self.config.write_fields(&mut fields)
    }
}
