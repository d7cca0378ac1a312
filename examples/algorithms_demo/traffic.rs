use fastlimit::Cost;

/// How long a traffic lasts, milliseconds.
pub(crate) const DURATION: u64 = 40_000;

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    Steady,
    BoundaryBurst,
    Polling,
    HeavyAndLight,
}

/// One request: when, and what it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) at: u64,
    pub(crate) cost: Cost,
}

impl Traffic {
    pub(crate) const ALL: [Self; 4] = [
        Self::Steady,
        Self::BoundaryBurst,
        Self::Polling,
        Self::HeavyAndLight,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::BoundaryBurst => "burst at a boundary",
            Self::Polling => "polling",
            Self::HeavyAndLight => "heavy and light",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Steady => "a request every 800 ms, a little more than the limit",
            Self::BoundaryBurst => "ten right before a window ends, ten right after, ten later",
            Self::Polling => "a client that asks every 100 ms, whatever the answer",
            Self::HeavyAndLight => "every second one of 0.25, every third second one of 4",
        }
    }

    pub(crate) fn requests(self) -> Vec<Ask> {
        let every = |step: u64, cost: Cost| {
            (0..DURATION / step).map(move |turn| Ask {
                at: turn * step,
                cost,
            })
        };
        let mut asks: Vec<Ask> = match self {
            Self::Steady => every(800, Cost::ONE).collect(),
            Self::BoundaryBurst => (0..10)
                .flat_map(|turn| [9_500 + turn * 40, 10_100 + turn * 40, 29_500 + turn * 40])
                .map(|at| Ask {
                    at,
                    cost: Cost::ONE,
                })
                .collect(),
            Self::Polling => every(100, Cost::ONE).collect(),
            Self::HeavyAndLight => every(1_000, Cost::milli(250))
                .chain(every(3_000, Cost::requests(4)))
                .collect(),
        };
        asks.sort_by_key(|ask| ask.at);
        asks
    }
}
