//! Random sequences of requests, compared with the model answer by answer.

mod concurrent;
mod directed;
mod generator;
mod replay;
mod spec;
mod step;

pub(crate) use concurrent::{Recorder, linearizes};
pub(crate) use generator::{Generator, Kind};
pub(crate) use replay::{replay_in_real_time, replay_on_manual_clock};
pub(crate) use step::Step;
