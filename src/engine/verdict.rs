//! Why a rule rang or did not: every "no" has a name.

use super::waiting::WAITS_MAX;
use crate::time::left;

/// What became of one rule at one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fired,
    /// The change is narrowed to something else.
    Narrowed,
    /// Its condition is false.
    ConditionFalse,
    /// Its condition was given up half-way: it takes too many steps.
    ConditionTooCostly,
    /// Its cooldown runs; milliseconds until it ends.
    Cooling {
        left_ms: i64,
    },
    /// The same `dedupe` key was used before; milliseconds until it is forgotten.
    Duplicate {
        left_ms: i64,
    },
    /// It has already fired for the same happening, told under another name (`went_online`,
    /// `changed_status`).
    ToldAlready,
    /// The change was found after a gap longer than `catch_up`.
    TooLate,
    /// It has rung as often as its `limit` allows; milliseconds until it may again.
    Limited {
        left_ms: i64,
    },
    /// Outside of its `active` hours.
    Inactive,
    /// It is so, but not for long enough yet; milliseconds until it is.
    Waiting {
        left_ms: i64,
    },
    /// It was so, but not for long enough.
    Lapsed,
    /// What is over had been kept quiet when it began.
    NeverEntered,
    /// Too many firings of the rule wait for the person already.
    TooManyWait,
    /// Outside of its `active` hours, and waits for them; milliseconds until they come.
    Deferred {
        left_ms: i64,
    },
    /// When its hours came, it was not true any more.
    Over,
    /// It is told with others; milliseconds until then.
    Gathered {
        left_ms: i64,
    },
}

impl Verdict {
    pub const WORDS: [&str; 17] = [
        "fired",
        "narrowed",
        "condition_false",
        "cooldown",
        "duplicate",
        "told_already",
        "too_late",
        "condition_too_costly",
        "limit",
        "inactive",
        "waiting",
        "lapsed",
        "never_entered",
        "too_many_wait",
        "deferred",
        "over",
        "gathered",
    ];

    /// What each of `WORDS` means, for people who read how often it was so.
    pub const MEANINGS: [&str; Self::WORDS.len()] = [
        "rang",
        "about something else",
        "condition false",
        "in its cooldown",
        "told before",
        "rang for the same happening",
        "found too late",
        "condition too costly",
        "limit reached",
        "out of its hours",
        "had to last first",
        "did not last",
        "its begin was kept quiet",
        "too many waiting",
        "put off to its hours",
        "over when its hours came",
        "told with others",
    ];

    /// One word for metrics and for machines.
    pub fn word(self) -> &'static str {
        Self::WORDS[self.number()]
    }

    /// Whether the rule tells of it, now or with others.
    pub fn is_through(self) -> bool {
        matches!(self, Self::Fired | Self::Gathered { .. })
    }

    /// The place of its word in `WORDS`.
    pub fn number(self) -> usize {
        match self {
            Self::Fired => 0,
            Self::Narrowed => 1,
            Self::ConditionFalse => 2,
            Self::Cooling { .. } => 3,
            Self::Duplicate { .. } => 4,
            Self::ToldAlready => 5,
            Self::TooLate => 6,
            Self::ConditionTooCostly => 7,
            Self::Limited { .. } => 8,
            Self::Inactive => 9,
            Self::Waiting { .. } => 10,
            Self::Lapsed => 11,
            Self::NeverEntered => 12,
            Self::TooManyWait => 13,
            Self::Deferred { .. } => 14,
            Self::Over => 15,
            Self::Gathered { .. } => 16,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fired => f.write_str("rings"),
            Self::Narrowed => f.write_str("`when` is narrowed to something else"),
            Self::ConditionFalse => f.write_str("`if` is false"),
            Self::ConditionTooCostly => f.write_str("`if` takes too long to tell and counts as false"),
            Self::Cooling { left_ms } => write!(f, "`cooldown` for another {}", left(*left_ms)),
            Self::Duplicate { left_ms } => {
                write!(f, "`dedupe`: same key, forgotten in {}", left(*left_ms))
            }
            Self::Limited { left_ms } => {
                write!(f, "`limit`: often enough, for another {}", left(*left_ms))
            }
            Self::Deferred { left_ms } => {
                write!(f, "`active`: waits for its hours, another {}", left(*left_ms))
            }
            Self::Over => f.write_str("not true any more when its `active` hours came"),
            Self::Gathered { left_ms } => {
                write!(f, "`group`: told with others in {}", left(*left_ms))
            }
            Self::Inactive => f.write_str("outside of its `active` hours"),
            Self::ToldAlready => f.write_str("has rung for the same happening"),
            Self::TooLate => f.write_str("found after a gap longer than `catch_up`"),
            Self::Waiting { left_ms } => write!(f, "if it stays so for another {}", left(*left_ms)),
            Self::Lapsed => f.write_str("was not so for long enough"),
            Self::NeverEntered => f.write_str("its `enter` was not sent either"),
            Self::TooManyWait => {
                write!(f, "{WAITS_MAX} others of its firings for this person wait for `for` already")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_means_something_of_its_own() {
        let meanings: std::collections::BTreeSet<&str> = Verdict::MEANINGS.into_iter().collect();
        assert_eq!(meanings.len(), Verdict::WORDS.len());
        let meaning = |verdict: Verdict| Verdict::MEANINGS[verdict.number()];
        assert_eq!(meaning(Verdict::Fired), "rang");
        assert_eq!(meaning(Verdict::ConditionFalse), "condition false");
        assert_eq!(meaning(Verdict::Gathered { left_ms: 1 }), "told with others");
    }

    #[test]
    fn a_wait_is_told_in_the_units_that_say_most() {
        let told = |verdict: Verdict| verdict.to_string();
        assert_eq!(told(Verdict::Waiting { left_ms: 2_700_000 }), "if it stays so for another 45 min");
        assert_eq!(told(Verdict::Cooling { left_ms: 7_800_000 }), "`cooldown` for another 2 h 10 min");
        assert_eq!(told(Verdict::Duplicate { left_ms: 1 }), "`dedupe`: same key, forgotten in 1 s");
    }
}
