//! A mistake inside one text of the rules file: a condition, a template, a pattern.

use std::ops::Range;

/// What is wrong, where in the text (bytes), and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub at: Range<usize>,
    /// Lower case, no full stop: "unknown field `nmae` of an activity".
    pub what: String,
    /// "did you mean `name`?", or how to write it.
    pub help: Option<String>,
}

impl Mistake {
    pub fn new(at: Range<usize>, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the nearest of `known` as a help, or lists them if they are few.
    #[must_use]
    pub fn nearest<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        match hint(word, known) {
            Some(hint) => self.help(hint),
            None => self,
        }
    }
}

/// What to say to somebody who wrote `word` where only `known` are known.
pub fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!known.is_empty() && known.len() <= 16).then(|| {
        let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        format!("known here: {list}")
    })
}

/// The name that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lowered = word.to_lowercase();
    let length = lowered.chars().count();
    known
        .into_iter()
        .filter_map(|name| {
            let other = name.chars().count();
            let most = 1 + other.max(length) / 4;
            // Lengths that differ by more cannot be nearer; this spares the costly part for nearly all names.
            let near = other.abs_diff(length) <= most;
            let distance = near.then(|| strsim::damerau_levenshtein(&lowered, &name.to_lowercase()))?;
            (distance <= most).then_some((distance, name))
        })
        // Of two as near, the one that shares more letters in their order: `whn` is `when` before `who`.
        .min_by(|(near, one), (far, other)| {
            let alike = |name: &str| strsim::jaro_winkler(&lowered, &name.to_lowercase());
            near.cmp(far).then_with(|| alike(other).total_cmp(&alike(one)))
        })
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["went_online", "went_offline", "changed_track"];
        for (word, expected) in [
            ("went_onlin", Some("went_online")),
            ("Went_Online", Some("went_online")),
            ("changed_trakc", Some("changed_track")),
            ("changed_track", Some("changed_track")),
            ("online", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
