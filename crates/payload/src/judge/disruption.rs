//! Disruption of backends during the runs, judged against earlier runs.

/// How long a backend was disrupted in earlier runs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub standard_deviation: f64,
    /// The 70th percentile.
    pub p70: f64,
    /// The 85th percentile.
    pub p85: f64,
    /// The 95th percentile.
    pub p95: f64,
}
