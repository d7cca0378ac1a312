use std::ops::Deref;

/// Something for each limit of a policy. Up to three are kept in place: few policies have more
/// limits, and a check of those allocates nothing.
///
/// What it drops is never shared, so that a decision of one limit can be kept in registers: an
/// `Arc` would be dropped by its address, and so have one.
// With a tag of its own, which takes fewer steps to read than one in what an item leaves unused.
#[derive(Clone, Debug)]
#[repr(u32)]
pub(crate) enum Few<T> {
    One([T; 1]),
    Two([T; 2]),
    Three([T; 3]),
    Others(Box<[T]>),
}

impl<T> Few<T> {
    /// Folds over the items without a slice of those in place: a place in memory for them would
    /// be needed then.
    #[inline(always)]
    pub(crate) fn fold<'a, A>(&'a self, start: A, mut step: impl FnMut(A, &'a T) -> A) -> A {
        // First and by itself, since it is what is most often there.
        if let Self::One([only]) = self {
            return step(start, only);
        }
        match self {
            Self::One([a]) => step(start, a),
            Self::Two([a, b]) => {
                let folded = step(start, a);
                step(folded, b)
            }
            Self::Three([a, b, c]) => {
                let folded = step(start, a);
                let folded = step(folded, b);
                step(folded, c)
            }
            Self::Others(items) => items.iter().fold(start, step),
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut rest = items.into_iter();
        let Some(first) = rest.next() else {
            return Self::Others(Box::default());
        };
        let Some(second) = rest.next() else {
            return Self::One([first]);
        };
        let Some(third) = rest.next() else {
            return Self::Two([first, second]);
        };
        let Some(fourth) = rest.next() else {
            return Self::Three([first, second, third]);
        };
        let all = [first, second, third, fourth].into_iter().chain(rest);
        Self::Others(all.collect())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::One(items) => items,
            Self::Two(items) => items,
            Self::Three(items) => items,
            Self::Others(items) => items,
        }
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_is_made_of() {
        for count in 0..9_u8 {
            let items: Few<u8> = (0..count).collect();
            let folded = items.fold(Vec::new(), |list, item| [&list[..], &[*item]].concat());
            assert_eq!(*items, *folded);
            assert_eq!(*items, *(0..count).collect::<Vec<_>>());
            assert_eq!(matches!(items, Few::Others(_)), count == 0 || count > 3);
        }
    }
}
