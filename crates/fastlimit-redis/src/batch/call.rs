use fastlimit_core::Timestamp;
use redis::{Arg, Cmd};

use super::Batch;
use crate::script;

impl Batch {
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
