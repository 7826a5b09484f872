//! How long things take in the imitated world: quantiles as recorded of the real one, drawn by hash.

use jiff::SignedDuration;
use regatta_kit::ids::chance_unit;

/// A distribution by its quantiles, in minutes: 10 %, 25 %, 50 %, 75 %, 90 %.
#[derive(Debug, Clone, Copy)]
pub struct Quantiles(pub [f64; 5]);

impl Quantiles {
    /// The value at `u` (0..1), linear between the quantiles, flat beyond the outer two.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn at(&self, u: f64) -> SignedDuration {
        const KNOTS: [f64; 5] = [0.10, 0.25, 0.50, 0.75, 0.90];
        let q = &self.0;
        let minutes = if u <= KNOTS[0] {
            q[0]
        } else if u >= KNOTS[4] {
            q[4]
        } else {
            let i = (1..5).find(|&i| u <= KNOTS[i]).unwrap_or(4);
            q[i - 1] + (q[i] - q[i - 1]) * (u - KNOTS[i - 1]) / (KNOTS[i] - KNOTS[i - 1])
        };
        SignedDuration::from_secs((minutes * 60.0).round() as i64)
    }

    /// The delay of one thing: fixed by seed, service, entity and ordinal.
    #[must_use]
    pub fn draw(&self, seed: u64, service: &str, entity: &str, ordinal: u64) -> SignedDuration {
        self.at(chance_unit(seed, service, entity, ordinal))
    }
}
