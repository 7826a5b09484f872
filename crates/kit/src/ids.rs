//! Identities and chance: event ids, and the hash that stands in for randomness.

use sha2::{Digest, Sha256};
use std::fmt;

/// Who writes events: one name a process run, unique among all that may write to one release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Writer(pub String);

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event's identity: merging two histories is the union over these.
///
/// Stored as a pair `[writer, number]`; numbers of one writer rise by one from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EventId(pub Writer, pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Chance without a stream: a value fixed by the seed and what it is for, however often and in whatever order asked.
#[must_use]
pub fn chance(seed: u64, service: &str, entity: &str, ordinal: u64) -> u64 {
    let mut hash = Sha256::new();
    for part in
        [&seed.to_le_bytes()[..], service.as_bytes(), b"\0", entity.as_bytes(), b"\0", &ordinal.to_le_bytes()]
    {
        hash.update(part);
    }
    let digest = hash.finalize();
    u64::from_le_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
}

/// [`chance`] as a number in `0.0..1.0`.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn chance_unit(seed: u64, service: &str, entity: &str, ordinal: u64) -> f64 {
    (chance(seed, service, entity, ordinal) >> 11) as f64 / (1u64 << 53) as f64
}

/// The lower-case hexadecimal SHA-256 of some bytes, cut to `length` characters (64 at most): names evidence.
#[must_use]
pub fn digest(bytes: &[u8], length: usize) -> String {
    let hash = Sha256::digest(bytes);
    let mut text = String::with_capacity(64);
    for byte in hash.iter() {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("a nibble"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("a nibble"));
    }
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_depends_on_each_part_and_nothing_else() {
        let base = chance(1, "jenkins", "stage", 0);
        assert_eq!(base, chance(1, "jenkins", "stage", 0));
        for other in [
            chance(2, "jenkins", "stage", 0),
            chance(1, "jenkin", "sstage", 0),
            chance(1, "jenkins", "stage", 1),
        ] {
            assert_ne!(base, other);
        }
        assert!((0.0..1.0).contains(&chance_unit(1, "a", "b", 2)));
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(digest(b"", 16), "e3b0c44298fc1c14");
        assert_eq!(digest(b"abc", 99), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
