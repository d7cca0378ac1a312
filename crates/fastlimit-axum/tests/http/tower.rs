//! The layer around a tower service without axum's router.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use fastlimit_axum::RateLimitLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{limiter, policy};

#[tokio::test]
async fn bodies_of_any_type_and_errors_pass_through() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("plain", "2/minute")).key("everybody");
    let inner = service_fn(|request: Request<u32>| async move {
        match request.into_body() {
            0 => Err(io::Error::other("broken")),
            body => Ok(Response::new(body.to_string())),
        }
    });
    let mut service = layer.layer(inner);

    let response = service.ready().await.unwrap().call(Request::new(7)).await;
    assert_eq!(response.unwrap().headers()["x-ratelimit-remaining"], "1");
    let error = service.ready().await.unwrap().call(Request::new(0)).await;
    assert_eq!(error.unwrap_err().to_string(), "broken");
    let denied = service.ready().await.unwrap().call(Request::new(7)).await;
    assert_eq!(denied.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
}

/// Panics unless it is polled ready before each call; a clone is not ready.
struct Strict {
    ready: bool,
    called: Arc<AtomicBool>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            called: Arc::clone(&self.called),
        }
    }
}

impl Service<Request<Body>> for Strict {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        self.called.store(true, Ordering::SeqCst);
        std::future::ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_called() {
    let (limiter, _) = limiter();
    let called = Arc::new(AtomicBool::new(false));
    let inner = Strict {
        ready: false,
        called: Arc::clone(&called),
    };
    let layer = RateLimitLayer::new(limiter, policy("plain", "2/minute")).key("everybody");
    let mut service = layer.layer(inner);
    for _ in 0..2 {
        let request = Request::new(Body::empty());
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(called.swap(false, Ordering::SeqCst));
    }
}

#[tokio::test]
async fn a_future_polled_after_its_end_stays_pending() {
    let (limiter, _) = limiter();
    let layer = RateLimitLayer::new(limiter, policy("plain", "1/minute")).key("everybody");
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    let mut context = Context::from_waker(std::task::Waker::noop());
    let _ = service.ready().await.unwrap().call(Request::new(())).await;

    let mut denied = std::pin::pin!(service.ready().await.unwrap().call(Request::new(())));
    assert!(denied.as_mut().poll(&mut context).is_ready());
    assert!(denied.as_mut().poll(&mut context).is_pending());
}
