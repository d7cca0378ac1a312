//! What a layer asks about a request: a value, or a function of its head.

mod into_hook;
mod value;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::IntoResponse;

pub use into_hook::{IntoHook, IntoPolicyHook};
pub use value::{HookAnswer, HookValue};

use crate::Rejection;

/// Where a `T` of each request comes from.
#[derive(Clone)]
pub struct Hook<T>(Source<T>);

#[derive(Clone)]
enum Source<T> {
    Fixed(T),
    Function(Arc<Function<T>>),
}

type Function<T> = dyn Fn(&Parts) -> Result<Answer<T>, End> + Send + Sync;

/// What a hook answers, at once or later.
pub(crate) enum Answer<T> {
    Ready(T),
    Pending(Pin<Box<dyn Future<Output = Result<T, End>> + Send>>),
}

/// Why a hook has no value, so that nothing more is asked about the request.
pub(crate) enum End {
    /// It is not limited.
    Exempt,
    Refused(Rejection),
}

impl<T: Clone> Hook<T> {
    pub(crate) fn fixed(value: T) -> Self {
        Self(Source::Fixed(value))
    }

    fn function(
        function: impl Fn(&Parts) -> Result<Answer<T>, End> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Function(Arc::new(function)))
    }

    /// The value, if it is that of every request.
    #[inline]
    pub(crate) fn value(&self) -> Option<&T> {
        match &self.0 {
            Source::Fixed(value) => Some(value),
            Source::Function(_) => None,
        }
    }

    pub(crate) fn ask(&self, parts: &Parts) -> Result<Answer<T>, End> {
        match &self.0 {
            Source::Fixed(value) => Ok(Answer::Ready(value.clone())),
            Source::Function(function) => function(parts),
        }
    }
}

impl<T> Answer<T> {
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    pub(crate) async fn get(self) -> Result<T, End> {
        match self {
            Self::Ready(value) => Ok(value),
            Self::Pending(future) => future.await,
        }
    }
}

impl End {
    fn refused(response: impl IntoResponse + 'static) -> Self {
        Self::Refused(Rejection::hook(response))
    }
}

impl<T: fmt::Debug> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(value) => value.fmt(f),
            Source::Function(_) => f.write_str("<function>"),
        }
    }
}
