use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::Rejection;

/// A key that a request does not hold, or not clearly.
///
/// ```
/// use fastlimit::key::{KeyPlace, KeyProblem, MissingKey};
///
/// let missing = MissingKey::new(KeyPlace::Header("x-api-key".into()), KeyProblem::Empty);
/// assert_eq!(missing.to_string(), "the header `x-api-key` is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place} {problem}{}", self.advice())]
pub struct MissingKey {
    place: KeyPlace,
    problem: KeyProblem,
}

/// Where a key stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// A header, by its name.
    Header(Cow<'static, str>),
    /// A cookie, by its name.
    Cookie(Cow<'static, str>),
    /// A parameter of the route's path, by its name.
    PathParam(Cow<'static, str>),
    /// A parameter of the query, by its name.
    QueryParam(Cow<'static, str>),
    /// The route's path.
    MatchedPath,
    /// An extension of the request, by its type.
    Extension(Cow<'static, str>),
    /// Another one, by what it is called: `subdomain`.
    Other(Cow<'static, str>),
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyProblem {
    /// It is not there.
    Absent,
    /// It is there and holds nothing.
    Empty,
    /// It is not UTF-8.
    Unreadable,
    /// It came more than once, with different values.
    Ambiguous,
}

impl MissingKey {
    /// Creates what a [`Key`](super::Key) of your own refuses a request with.
    #[must_use]
    pub fn new(place: KeyPlace, problem: KeyProblem) -> Self {
        Self { place, problem }
    }

    /// Returns where the key should stand.
    #[must_use]
    pub fn place(&self) -> &KeyPlace {
        &self.place
    }

    /// Returns what is wrong with it.
    #[must_use]
    pub fn problem(&self) -> KeyProblem {
        self.problem
    }

    /// Tells whether no client could do better, since the service is set up wrongly.
    pub(crate) fn is_misconfigured(&self) -> bool {
        match self.place {
            KeyPlace::MatchedPath | KeyPlace::Extension(_) => true,
            KeyPlace::PathParam(_) => self.problem == KeyProblem::Absent,
            KeyPlace::Header(_)
            | KeyPlace::Cookie(_)
            | KeyPlace::QueryParam(_)
            | KeyPlace::Other(_) => false,
        }
    }

    /// Tells whether there is no value, so that another key may be taken.
    pub(super) fn is_none(&self) -> bool {
        matches!(self.problem, KeyProblem::Absent | KeyProblem::Empty)
    }

    /// What would be right, where the service is set up wrongly.
    fn advice(&self) -> &'static str {
        match self.place {
            _ if self.problem != KeyProblem::Absent => "",
            KeyPlace::PathParam(_) => "; put the limit on a route whose path has it",
            KeyPlace::MatchedPath => "; put the limit on a route, or use `Router::route_layer`",
            KeyPlace::Extension(_) => "; a layer outside of the limit has to insert it",
            _ => "",
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{name}`"),
            Self::PathParam(name) => write!(f, "the path parameter `{name}`"),
            Self::QueryParam(name) => write!(f, "the query parameter `{name}`"),
            Self::MatchedPath => f.write_str("the route's path"),
            Self::Extension(name) => write!(f, "the extension `{name}`"),
            Self::Other(name) => write!(f, "the {name}"),
        }
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "is missing",
            Self::Empty => "is empty",
            Self::Unreadable => "is not UTF-8",
            Self::Ambiguous => "came more than once, with different values",
        })
    }
}

impl From<MissingKey> for Rejection {
    fn from(missing: MissingKey) -> Self {
        Self::MissingKey(missing)
    }
}
