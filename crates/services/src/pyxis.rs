//! The container catalog: health grades of images, `A` (fresh) to `F`.

use jiff::Timestamp;
use serde::Deserialize;
use std::fmt;

use crate::error::ServiceError;
use crate::image::ImageDigest;
use crate::remote::Remote;

/// The container catalog.
#[derive(Debug, Clone)]
pub struct Pyxis {
    remote: Remote,
}

/// A health grade; better ones sort first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Fresh.
    A,
    /// Good enough to ship.
    B,
    /// Worse than that.
    C,
    /// Worse still.
    D,
    /// Worse still.
    E,
    /// The worst.
    F,
    /// None is in force, or the catalog does not know the image.
    Unknown,
}

impl Grade {
    /// Whether an image of this grade may ship.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::A | Self::B)
    }

    fn of(word: &str) -> Self {
        match word {
            "A" => Self::A,
            "B" => Self::B,
            "C" => Self::C,
            "D" => Self::D,
            "E" => Self::E,
            "F" => Self::F,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::E => "E",
            Self::F => "F",
            Self::Unknown => "unknown",
        })
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    freshness_grades: Option<Vec<GradeWire>>,
}

#[derive(Deserialize)]
struct GradeWire {
    grade: String,
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default)]
    end_date: Option<String>,
}

impl Pyxis {
    /// The catalog at `remote`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// The grade of an image in force at `now`.
    ///
    /// # Errors
    /// As of [`crate::remote::Call::send`].
    pub async fn grade(&self, image: &ImageDigest, now: Timestamp) -> Result<Grade, ServiceError> {
        let filter = format!("image_id=={image}");
        let call = self.remote.get(&["api", "containers", "v1", "images"]);
        let page: Page = call
            .query(&[("filter", filter.as_str()), ("page_size", "100"), ("page", "0")])
            .send()
            .await?
            .json()?;
        let grades =
            page.data.into_iter().next().and_then(|image| image.freshness_grades).unwrap_or_default();
        Ok(in_force(&grades, now))
    }
}

/// The grade with the newest start that has begun and not ended; of equal starts the worse.
fn in_force(grades: &[GradeWire], now: Timestamp) -> Grade {
    let at = |text: &Option<String>| text.as_deref().and_then(instant);
    let current = grades.iter().filter_map(|g| {
        let start = at(&g.start_date)?;
        let ended = g.end_date.is_some() && at(&g.end_date).is_none_or(|end| end <= now);
        (start <= now && !ended).then(|| (start, Grade::of(&g.grade)))
    });
    current.max().map_or(Grade::Unknown, |(_, grade)| grade)
}

/// An instant as the catalog writes it: with an offset (`+00:00`, `Z`) or, meaning UTC, without.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(entries: &[(&str, &str, Option<&str>)]) -> Grade {
        let wire: Vec<GradeWire> = entries
            .iter()
            .map(|(g, s, e)| GradeWire {
                grade: (*g).to_owned(),
                start_date: Some((*s).to_owned()),
                end_date: e.map(str::to_owned),
            })
            .collect();
        in_force(&wire, "2026-03-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_newest_begun_grade_wins_and_an_ended_one_does_not_count() {
        assert_eq!(
            grade(&[
                ("A", "2026-01-01T00:00:00+00:00", None),
                ("B", "2026-02-01T00:00:00+00:00", None),
                ("C", "2026-04-01T00:00:00Z", None)
            ]),
            Grade::B
        );
        assert_eq!(grade(&[("A", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z"))]), Grade::Unknown);
        assert_eq!(
            grade(&[
                ("A", "2026-01-01T00:00:00Z", None),
                ("C", "2026-02-01T00:00:00Z", Some("2026-02-15T00:00:00Z"))
            ]),
            Grade::A
        );
        assert_eq!(grade(&[("A", "2026-01-01T00:00:00.123000", None)]), Grade::A);
        assert_eq!(grade(&[("A", "soon", None)]), Grade::Unknown);
        assert_eq!(grade(&[]), Grade::Unknown);
    }
}
