//! (to come)
pub const CORPUS: u32 = 250;
