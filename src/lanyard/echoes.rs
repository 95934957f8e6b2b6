//! Notices a doubled subscription: servers older than July 2026 send each update once for every op 2 that has
//! named its person on the connection.
//!
//! Any server repeats a presence now and then, so only a row of updates counts of which each came again at
//! once; and one that did so before it was asked again does it for reasons of its own.

use crate::presence::model::UserId;

/// So many updates in a row that each came again at once.
const PAIRS_PROVE: u32 = 5;
/// So many in a row that came alone: this server does not double, and is not listened to any longer.
const ALONE_PROVE: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Echoes {
    stage: Stage,
    last: Option<UserId>,
    last_raw: String,
    /// Whether the last one has come again.
    echoed: bool,
    pairs: u32,
    alone: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Asked once: whatever comes twice is the server's own way.
    #[default]
    Once,
    Asking,
    Again,
    /// Nothing to be learned any more on this connection.
    Settled,
}

impl Echoes {
    /// The same people are asked for again.
    pub(super) fn ask_again(&mut self) {
        if self.stage == Stage::Once {
            self.stage = Stage::Asking;
        }
    }

    /// The answer has come, and all of it.
    pub(super) fn answered(&mut self) {
        if self.stage == Stage::Asking {
            *self = Self { stage: Stage::Again, ..Self::default() };
        }
    }

    /// An update has come. Whether the subscription is now known to be doubled.
    pub(super) fn hear(&mut self, id: UserId, raw: &str) -> bool {
        if matches!(self.stage, Stage::Asking | Stage::Settled) || self.stage == Stage::Once && self.alone > 0
        {
            return false;
        }
        if self.last == Some(id) && self.last_raw == raw {
            // A third and a fourth time say no more.
            self.pairs += u32::from(!std::mem::replace(&mut self.echoed, true));
        } else {
            if self.last.is_some() && !self.echoed {
                (self.pairs, self.alone) = (0, self.alone + 1);
            } else if self.last.is_some() {
                self.alone = 0;
            }
            (self.last, self.echoed) = (Some(id), false);
            raw.clone_into(&mut self.last_raw);
        }
        let doubled = self.stage == Stage::Again && self.pairs >= PAIRS_PROVE;
        if self.pairs >= PAIRS_PROVE || self.alone >= ALONE_PROVE {
            *self = Self { stage: Stage::Settled, ..Self::default() };
        }
        doubled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter is an update, `!` is being asked again. At which place a doubled subscription is noticed.
    fn noticed(story: &str) -> Option<usize> {
        let mut echoes = Echoes::default();
        story.char_indices().find_map(|(at, what)| match what {
            '!' => {
                echoes.ask_again();
                echoes.answered();
                None
            }
            what => echoes.hear(UserId(u64::from(what.is_uppercase())), &what.to_string()).then_some(at),
        })
    }

    #[test]
    fn a_doubled_subscription_is_noticed_and_repeats_are_not_taken_for_one() {
        for (story, expected) in [
            ("abc!aabbccddee", Some(13)),
            ("!aAabbCCddeeff", Some(13)),
            ("!aaabbbbccddeee", Some(13)),
            // Repeats now and then.
            ("abc!aabbccddeff", None),
            ("!aabcddeffghhijjkllmnnoppqrrs", None),
            // Before it was asked again.
            ("aabbccddeeff", None),
            ("aabbccddeeff!gghhiijjkkllmm", None),
            // Alone for long: not listened to any more.
            ("!abcdefghijklmnopqrstuvwxyz!aabbccddee", None),
        ] {
            assert_eq!(noticed(story), expected, "{story}");
        }
    }
}
