//! Requests that leave together, in one call of the script.

mod call;
mod item;
#[cfg(test)]
mod tests;
mod tickets;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use fastlimit_core::StoreError;
use fastlimit_core::store::Redacted;
use hashbrown::HashTable;
use smallvec::SmallVec;

pub(crate) use call::by_source;
pub(crate) use item::{HashedKey, ItemKey, TextKey};
use tickets::Tickets;
pub(crate) use tickets::{Answer, Ticket, Wakers};

use crate::shape::Shape;

/// The most items of a batch: the place of a key is one byte.
pub(crate) const MOST_ITEMS: usize = 256;

/// The most entries of state that the script works through in one call: the server does nothing else
/// meanwhile.
const MOST_WORK: usize = 2_048;

/// The most bytes of keys.
const MOST_BYTES: usize = 32 * 1024;

/// Items in the order in which they came, each a key and a shape. A key or a shape that several
/// items share is sent once.
#[derive(Default)]
pub(crate) struct Batch {
    /// The keys as text, one behind the other, and where each ends.
    keys: String,
    // A call of one item under one limit is common, and allocates nothing but the text of its key
    // and its ticket.
    ends: SmallVec<[usize; 1]>,
    hashes: SmallVec<[u64; 1]>,
    /// The places of the keys, by their hashes, where there are several.
    places: HashTable<u8>,
    shapes: SmallVec<[Shape; 1]>,
    items: SmallVec<[Item; 1]>,
    work: usize,
    /// The first deadline of an item, or one before it.
    earliest: Option<Instant>,
    tickets: Tickets,
    /// Whether it shares its tickets with other batches. Nothing is added to it then, since the place
    /// of a new ticket may be that of another one's.
    is_part: bool,
    /// How often another server was named for it.
    hops: u8,
    /// Whether the server takes it only after `ASKING`.
    is_asking: bool,
}

/// Where an item's key, shape and ticket stand, and when its caller stops waiting.
#[derive(Clone, Copy)]
struct Item {
    key: u8,
    shape: u8,
    ticket: usize,
    deadline: Instant,
}

impl Batch {
    /// Adds an item; its answer comes to the ticket.
    pub(crate) fn add(&mut self, key: &impl ItemKey, shape: &Shape, deadline: Instant) -> Ticket {
        let ticket = self.items.len();
        self.put(key, shape, ticket, deadline);
        self.tickets.add(ticket)
    }

    fn put(&mut self, key: &impl ItemKey, shape: &Shape, ticket: usize, deadline: Instant) {
        let item = Item {
            key: self.place_of_key(key),
            shape: self.place_of_shape(shape),
            ticket,
            deadline,
        };
        self.items.push(item);
        self.work = self.work.saturating_add(shape.work());
        let is_first = self.earliest.is_none_or(|earliest| deadline < earliest);
        if is_first {
            self.earliest = Some(deadline);
        }
    }

    /// Whether so many items more, of so much work together, may leave with these.
    pub(crate) fn has_room_for(&self, items: usize, work: usize) -> bool {
        (self.items.is_empty() && !self.is_part)
            || (!self.is_part
                && self.hops == 0
                && self.items.len().saturating_add(items) <= MOST_ITEMS
                && self.work.saturating_add(work) <= MOST_WORK
                && self.keys.len() < MOST_BYTES)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn keys(&self) -> usize {
        self.ends.len()
    }

    /// The first deadline, or a time before it.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    fn place_of_key(&mut self, key: &impl ItemKey) -> u8 {
        let hash = key.hash();
        let start = self.keys.len();
        key.write_to(&mut self.keys);
        let (before, key) = self.keys.split_at_checked(start).unwrap_or_default();
        let ends = &self.ends;
        let is_known = |place: &u8| text_at(before, ends, *place) == Some(key);
        let known = if self.places.is_empty() {
            self.ends
                .first()
                .map(|_| &0)
                .filter(|place| is_known(place))
        } else {
            self.places.find(hash, is_known)
        };
        if let Some(place) = known.copied() {
            self.keys.truncate(start);
            return place;
        }
        // There are at most as many keys as items.
        let place = u8::try_from(self.ends.len()).unwrap_or(u8::MAX);
        self.ends.push(self.keys.len());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        let hash_at = |place: &u8| hashes.get(usize::from(*place)).copied().unwrap_or_default();
        if place == 1 {
            self.places.insert_unique(hash_at(&0), 0, hash_at);
        }
        if place > 0 {
            self.places.insert_unique(hash, place, hash_at);
        }
        place
    }

    fn place_of_shape(&mut self, shape: &Shape) -> u8 {
        // The shapes are few, and mostly the last one comes again.
        let known = self.shapes.iter().rposition(|known| known == shape);
        let place = known.unwrap_or_else(|| {
            self.shapes.push(shape.clone());
            self.shapes.len().saturating_sub(1)
        });
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    /// A key as text.
    fn key(&self, place: usize) -> &str {
        let place = u8::try_from(place).unwrap_or(u8::MAX);
        text_at(&self.keys, &self.ends, place).unwrap_or_default()
    }

    /// Of each item the place of its key, and its shape.
    pub(crate) fn places_and_shapes(&self) -> impl Iterator<Item = (usize, &Shape)> {
        self.items.iter().filter_map(|item| {
            let shape = self.shapes.get(usize::from(item.shape))?;
            Some((usize::from(item.key), shape))
        })
    }

    /// The key of each item as text.
    pub(crate) fn keys_of_items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| self.key(item.key.into()))
    }

    /// Gives the items their answers, in their order. Who has one already, or went away, gets none.
    pub(crate) fn answer(&self, answers: impl Iterator<Item = Answer>) {
        let places = self.items.iter().map(|item| item.ticket);
        self.tickets.give(places.zip(answers)).wake();
    }

    /// Gives all items that wait the same answer.
    pub(crate) fn fail(&self, error: &StoreError) {
        self.answer(std::iter::repeat_with(|| Err(error.clone())));
    }

    /// Gives those an error whose deadline has come. Who waits is woken by the caller.
    pub(crate) fn expire(&mut self, now: Instant, error: &StoreError) -> Wakers {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return Wakers::default();
        }
        let (due, not_due): (Vec<Item>, Vec<Item>) =
            self.items.iter().partition(|item| item.deadline <= now);
        let places = due.iter().map(|item| item.ticket);
        self.earliest = not_due.iter().map(|item| item.deadline).min();
        self.tickets
            .give(places.map(|place| (place, Err(error.clone()))))
    }

    /// The batch without those who went away or have an answer.
    pub(crate) fn still_wanted(self) -> Self {
        if !self.tickets.any_settled() {
            return self;
        }
        self.part(|item| self.tickets.is_open(item.ticket))
    }

    /// Splits the batch into the first items, at most `most` of them, and those behind.
    pub(crate) fn split(self, most: usize) -> (Self, Option<Self>) {
        if self.items.len() <= most {
            return (self, None);
        }
        let [first, rest] = [true, false].map(|is_first| {
            let mut place = 0_usize;
            self.part(|_| {
                place = place.saturating_add(1);
                (place <= most) == is_first
            })
        });
        (first, Some(rest))
    }

    /// Each item in a batch of its own.
    pub(crate) fn each_alone(&self) -> impl Iterator<Item = Self> {
        self.items
            .iter()
            .map(|alone| self.part(|item| item.ticket == alone.ticket))
    }

    /// The items apart by what `group` makes of their keys' texts.
    pub(crate) fn by<G: Eq + Hash>(self, group: impl Fn(&str) -> G) -> Vec<Self> {
        let mut groups: HashMap<G, Vec<usize>> = HashMap::new();
        for (place, key) in self.keys_of_items().enumerate() {
            groups.entry(group(key)).or_default().push(place);
        }
        if groups.len() <= 1 {
            return vec![self];
        }
        groups
            .into_values()
            .map(|places| {
                let mut places = places.into_iter().peekable();
                let mut place = 0_usize;
                self.part(|_| {
                    let is_in = places.next_if_eq(&place).is_some();
                    place = place.saturating_add(1);
                    is_in
                })
            })
            .collect()
    }

    /// Makes it one for another server: that which was named for it, after `ASKING` or not, or that which
    /// is known to have its slot. Returns how often that was.
    pub(crate) fn go_elsewhere(&mut self, is_asking: bool) -> u8 {
        self.hops = self.hops.saturating_add(1);
        self.is_asking = is_asking;
        self.hops
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// The first key as text, and its hash.
    pub(crate) fn first_key(&self) -> (&str, u64) {
        (
            self.key(0),
            self.hashes.first().copied().unwrap_or_default(),
        )
    }

    /// Some of the items, with their tickets.
    fn part(&self, mut is_in: impl FnMut(&Item) -> bool) -> Self {
        let mut part = Self {
            tickets: self.tickets.clone(),
            is_part: true,
            hops: self.hops,
            is_asking: self.is_asking,
            ..Self::default()
        };
        for item in self.items.iter().filter(|item| is_in(item)) {
            let place = usize::from(item.key);
            let key = TextKey {
                text: self.key(place),
                hash: self.hashes.get(place).copied().unwrap_or_default(),
            };
            if let Some(shape) = self.shapes.get(usize::from(item.shape)) {
                part.put(&key, shape, item.ticket, item.deadline);
            }
        }
        part
    }
}

impl fmt::Debug for Batch {
    /// Shows the keys of the items, without their identifiers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys_of_items().map(Redacted::of_text))
            .finish()
    }
}

fn text_at<'keys>(keys: &'keys str, ends: &[usize], place: u8) -> Option<&'keys str> {
    let place = usize::from(place);
    let start = match place.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    keys.get(start..*ends.get(place)?)
}
