use super::{Record, Window};
use crate::Limit;
use crate::algorithm::View;

/// The records of a subject, each of another algorithm or period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// A fixed window and nothing else, without an allocation.
    Window(Window),
    /// None, several, or another algorithm's; never a fixed window alone.
    List(Vec<Record>),
}

impl Records {
    /// The records of a list, in the form that they have alone.
    pub(super) fn of(list: Vec<Record>) -> Self {
        match list.as_slice() {
            [only] => Window::of(only).map_or(Self::List(list), Self::Window),
            _ => Self::List(list),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::List(list) if list.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Record> + '_ {
        let (window, list) = match self {
            Self::Window(window) => (Some(window.record()), [].as_slice()),
            Self::List(list) => (None, list.as_slice()),
        };
        window.into_iter().chain(list.iter().copied())
    }

    /// How the records stand at `now`, by the limits under which they were last looked at.
    pub(super) fn views(&self, now: u64) -> impl Iterator<Item = View> + '_ {
        let (window, list) = match self {
            Self::Window(window) => (Some(window.view(now)), [].as_slice()),
            Self::List(list) => (None, list.as_slice()),
        };
        window
            .into_iter()
            .chain(list.iter().map(move |record| record.view(now)))
    }

    pub(super) fn find(&self, limit: &Limit) -> Option<Record> {
        match self {
            Self::Window(window) => window.is_of(limit).then(|| window.record()),
            Self::List(list) => list.iter().find(|record| record.is_of(limit)).copied(),
        }
    }

    /// Notes the limits under which the records were last looked at.
    pub(super) fn see(&mut self, limits: &[Limit]) {
        for limit in limits {
            match self {
                Self::Window(window) => window.see(limit),
                Self::List(list) => {
                    if let Some(record) = list.iter_mut().find(|record| record.is_of(limit)) {
                        record.see(limit);
                    }
                }
            }
        }
    }

    /// Changes the records in any way.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Record>) -> T) -> T {
        let mut list = match std::mem::take(self) {
            Self::Window(window) => vec![window.record()],
            Self::List(list) => list,
        };
        let changed = change(&mut list);
        *self = Self::of(list);
        changed
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}
