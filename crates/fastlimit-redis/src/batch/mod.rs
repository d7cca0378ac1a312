//! Requests that leave together, in one call of the script.

mod item;
#[cfg(test)]
mod tests;
mod tickets;

use std::fmt;

use fastlimit_core::{StoreError, Timestamp};
use hashbrown::HashTable;
use redis::{Arg, Cmd};
use smallvec::SmallVec;

pub(crate) use item::{HashedKey, Item, ItemKey};
use tickets::Tickets;
pub(crate) use tickets::{Answer, Ticket};

use crate::script;
use crate::shape::Shape;

/// The most items of a batch: the server does nothing else while it works on one, and the place
/// of a key is one byte.
pub(crate) const MOST_ITEMS: usize = 256;

/// Items in the order in which they came, each a key and a shape. A key or a shape that several
/// items share is sent once.
#[derive(Default)]
pub(crate) struct Batch {
    /// The keys as text, one behind the other, and where each ends.
    keys: String,
    // A call of one item under one limit is common, and allocates nothing but the text of its key.
    ends: SmallVec<[usize; 1]>,
    hashes: SmallVec<[u64; 1]>,
    /// The places of the keys, by their hashes, where there are several.
    places: HashTable<u8>,
    shapes: SmallVec<[Shape; 1]>,
    items: SmallVec<[Places; 1]>,
    /// Where nobody has a ticket, nobody is answered.
    tickets: Option<Tickets>,
}

/// Where an item's key and shape stand.
#[derive(Clone, Copy)]
struct Places {
    key: u8,
    shape: u8,
}

impl Batch {
    /// Adds an item; its answer comes to the ticket.
    pub(crate) fn add(&mut self, key: &impl ItemKey, shape: &Shape) -> Ticket {
        let place = self.items.len();
        self.put(key, shape);
        self.tickets.get_or_insert_default().add(place)
    }

    /// A batch of one item, whose answer comes to nobody's ticket.
    pub(crate) fn of_one(key: &impl ItemKey, shape: &Shape) -> Self {
        let mut batch = Self::default();
        batch.put(key, shape);
        batch
    }

    fn put(&mut self, key: &impl ItemKey, shape: &Shape) {
        let places = Places {
            key: self.place_of_key(key),
            shape: self.place_of_shape(shape),
        };
        self.items.push(places);
    }

    pub(crate) fn has_room_for(&self, items: usize) -> bool {
        self.items.len().saturating_add(items) <= MOST_ITEMS
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn keys(&self) -> usize {
        self.ends.len()
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

    /// The call of the script by its hash. Without `now` the server's clock decides.
    pub(crate) fn call(&self, now: Option<Timestamp>, has_msetex: bool) -> Cmd {
        let arguments = self.keys().saturating_add(self.shapes.len());
        // Beside the keys a few numbers and the script's hash; a guess that saves most of growing.
        let bytes = self.keys.len().saturating_add(512);
        let mut call = Cmd::with_capacity(arguments.saturating_add(6), bytes);
        call.arg("EVALSHA").arg(script::hash()).arg(self.keys());
        for place in 0..self.keys() {
            call.arg(self.key(place));
        }
        match now {
            Some(now) => call.arg(now.as_millis()),
            None => call.arg(""),
        };
        call.arg(u8::from(has_msetex));
        let each_once = self.shapes.len() == 1 && self.items.len() == self.keys();
        let mut items = Vec::new();
        if !each_once {
            items.extend(self.items.iter().flat_map(|item| [item.key, item.shape]));
        }
        call.arg(items);
        for shape in &self.shapes {
            call.arg(shape.to_bytes().as_slice());
        }
        call
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

    /// The items, each for itself.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> {
        self.items.iter().filter_map(|item| {
            let key = usize::from(item.key);
            Some(Item {
                hash: *self.hashes.get(key)?,
                key: self.key(key).into(),
                shape: self.shapes.get(usize::from(item.shape))?.clone(),
            })
        })
    }

    /// Gives the items their answers, in their order.
    pub(crate) fn answer(&self, answers: impl Iterator<Item = Answer>) {
        if let Some(tickets) = &self.tickets {
            tickets.give(answers.take(self.items.len()));
        }
    }

    /// Gives all items the same answer.
    pub(crate) fn fail(&self, error: &StoreError) {
        let failed = || Answer::Is(Err(error.clone()));
        self.answer(std::iter::repeat_with(failed));
    }

    /// Lets the items go another way.
    pub(crate) fn give_back(&self) {
        self.answer(self.items().map(Answer::Unsent));
    }
}

impl fmt::Debug for Batch {
    /// Shows the items, without their identifiers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}

/// The same call with the script's source, for a server that does not know the hash. It cannot
/// fail for want of the script, whoever flushes the server's scripts meanwhile.
pub(crate) fn by_source(call: &Cmd) -> Cmd {
    let mut by_source = Cmd::new();
    by_source.arg("EVAL").arg(script::source());
    for argument in call.args_iter().skip(2) {
        if let Arg::Simple(bytes) = argument {
            by_source.arg(bytes);
        }
    }
    by_source
}

fn text_at<'keys>(keys: &'keys str, ends: &[usize], place: u8) -> Option<&'keys str> {
    let place = usize::from(place);
    let start = match place.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    keys.get(start..*ends.get(place)?)
}
