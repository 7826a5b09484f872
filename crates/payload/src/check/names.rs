//! What somebody probably meant.

/// The candidate that a word was probably meant to be, if any is near enough. Case does not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // A third of the letters may be wrong, and at least two.
    let limit = |candidate: &str| (word.chars().count().max(candidate.chars().count()) / 3).max(2);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit(candidate))
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit(candidate) && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Candidates near to a word, the nearest first, at most `limit`.
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let mut found: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.6)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    found.truncate(limit);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["optional", "upgrade", "upgradeFrom", "maxRetries", "to", "as"];
        assert_eq!(nearest("optinal", known), Some("optional"));
        assert_eq!(nearest("maxretry", known), Some("maxRetries"));
        assert_eq!(nearest("upgradeForm", known), Some("upgradeFrom"));
        assert_eq!(nearest("description", known), None);
        assert_eq!(nearest("x", known), None);
    }

    #[test]
    fn near_names_come_nearest_first() {
        let known = ["release-ocp-4.21.json", "release-ocp-4.20.json", "release-ocp-4.21-ci.json", "other"];
        assert_eq!(
            near("release-ocp-4.22.json", known, 2),
            ["release-ocp-4.20.json", "release-ocp-4.21.json"]
        );
    }
}
