//! What somebody probably meant. Whether one word could be a slip of another is one rule for the whole crate, [`similar`]; case
//! does not count here.

use crate::path::similar;

/// The candidate that a word was probably meant to be, if any is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(word, candidates, 1).first().copied()
}

/// Candidates near to a word, the nearest first, at most `limit`; never the word itself.
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (candidate.to_lowercase(), candidate))
        .filter(|(candidate, _)| similar(&lower, candidate))
        .map(|(candidate, shown)| (strsim::damerau_levenshtein(&lower, &candidate), shown))
        .collect();
    found.sort_unstable();
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
        assert_eq!(nearest("MAXRETRYS", known), Some("maxRetries"));
        assert_eq!(nearest("upgradeForm", known), Some("upgradeFrom"));
        assert_eq!(nearest("description", known), None);
        assert_eq!(nearest("x", known), None);
    }

    #[test]
    fn near_names_come_nearest_first_and_never_the_name_itself() {
        let known = ["release-ocp-4.21.json", "release-ocp-4.20.json", "release-ocp-4.21-ci.json", "other"];
        assert_eq!(
            near("Release-ocp-4.22.json", known, 2),
            ["release-ocp-4.20.json", "release-ocp-4.21.json"]
        );
        assert_eq!(near("release-ocp-4.21.json", known, 2), ["release-ocp-4.20.json"]);
    }
}
