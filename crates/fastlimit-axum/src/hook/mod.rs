//! What a layer asks about a request: a value, or a function of its head.

mod into_hook;
mod value;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::request::Parts;

pub use into_hook::{IntoHook, IntoPolicyHook};
pub use value::HookValue;

use crate::Rejection;

/// Where a `T` of each request comes from.
#[derive(Clone)]
pub struct Hook<T>(Source<T>);

#[derive(Clone)]
enum Source<T> {
    Fixed(T),
    Function(Arc<Function<T>>),
}

type Function<T> = dyn Fn(&Parts) -> Result<Answer<T>, Rejection> + Send + Sync;

/// What a function answers, at once or later.
pub(crate) enum Answer<T> {
    Ready(T),
    Pending(Pin<Box<dyn Future<Output = Result<T, Rejection>> + Send>>),
}

/// What a hook answers.
pub(crate) enum Asked<'hook, T> {
    Fixed(&'hook T),
    Answered(Answer<T>),
}

impl<T: Clone> Hook<T> {
    pub(crate) fn fixed(value: T) -> Self {
        Self(Source::Fixed(value))
    }

    fn function(
        function: impl Fn(&Parts) -> Result<Answer<T>, Rejection> + Send + Sync + 'static,
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

    pub(crate) fn ask(&self, parts: &Parts) -> Result<Asked<'_, T>, Rejection> {
        match &self.0 {
            Source::Fixed(value) => Ok(Asked::Fixed(value)),
            Source::Function(function) => function(parts).map(Asked::Answered),
        }
    }
}

impl<T: Clone> Asked<'_, T> {
    /// The value, if it is there already.
    pub(crate) fn now(&self) -> Option<&T> {
        match self {
            Self::Fixed(value) => Some(value),
            Self::Answered(Answer::Ready(value)) => Some(value),
            Self::Answered(Answer::Pending(_)) => None,
        }
    }

    /// The answer, free of the hook.
    pub(crate) fn into_answer(self) -> Answer<T> {
        match self {
            Self::Fixed(value) => Answer::Ready(value.clone()),
            Self::Answered(answer) => answer,
        }
    }
}

impl<T> Answer<T> {
    pub(crate) async fn get(self) -> Result<T, Rejection> {
        match self {
            Self::Ready(value) => Ok(value),
            Self::Pending(future) => future.await,
        }
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
