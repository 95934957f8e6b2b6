//! The ids of traces and spans, made of a delivery's own id: what is told after a restart belongs to what was told
//! before it.

use crate::outbox::delivery::DeliveryId;
use crate::time::Moment;

/// What a span is of, so that no two of one trace have the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Decide = 1,
    Commit,
    Wait,
    Attempt,
    Again,
}

/// A delivery's id is its trace's: both are 16 bytes of which none but the first six are foreseeable.
pub fn trace(id: DeliveryId) -> String {
    format!("{:032x}", id.as_u128())
}

/// The span of the whole. Never zero: two bits of it say which kind of UUID it is.
pub fn root(id: DeliveryId) -> u64 {
    id.as_u64_pair().1
}

/// A span below it, of something that began then.
pub fn part(id: DeliveryId, part: Part, began_ns: i64) -> u64 {
    mix(mix(root(id) ^ part as u64) ^ began_ns.cast_unsigned()).max(1)
}

/// The span of an attempt: what is sent with it can name it before it has ended.
pub fn attempt(id: DeliveryId, before: u32, began: Moment) -> u64 {
    part(id, Part::Attempt, began.wall_ms.wrapping_add(i64::from(before) << 44))
}

/// An attempt's span as W3C's `traceparent` names it: <https://www.w3.org/TR/trace-context/>.
pub fn traceparent(id: DeliveryId, attempt: u64, sampled: bool) -> String {
    format!("00-{}-{attempt:016x}-{:02x}", trace(id), u8::from(sampled))
}

/// The last step of `SplitMix64`.
fn mix(bits: u64) -> u64 {
    let mixed = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Which traces are told of. The same share of them after a restart, and by whoever else decides by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sampler {
    #[default]
    All,
    None,
    /// In `0.0..=1.0`.
    Share(f64),
}

/// So many bits of an id are chance: its last seven bytes.
const CHANCE_BITS: u32 = 56;

impl Sampler {
    pub fn takes(self, id: DeliveryId) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Share(share) => {
                let chance = root(id) & ((1 << CHANCE_BITS) - 1);
                (chance as f64) < share * (1_u64 << CHANCE_BITS) as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::engine::ids::Ids;

    #[test]
    fn no_two_spans_of_a_trace_have_one_id_and_they_are_the_same_each_time() {
        let id = Ids::new(1).next(1_700_000_000_000);
        let all = || {
            let parts = [Part::Decide, Part::Commit, Part::Wait, Part::Attempt, Part::Again];
            let times = 0..1_000;
            let parts = times.flat_map(move |ns| parts.map(|what| part(id, what, 1_700_000_000_000 + ns)));
            parts.chain([root(id)])
        };
        assert_eq!(all().collect::<HashSet<_>>().len(), 5_001);
        assert!(all().eq(all()) && !all().any(|span| span == 0));
        assert_eq!(trace(id), id.simple().to_string());
    }

    #[test]
    fn each_attempt_has_a_name_for_those_whom_it_is_sent_to() {
        let id = DeliveryId::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0007);
        let began = |wall_ms| Moment { wall_ms, ..Moment::default() };
        let name = traceparent(id, 0xff, true);
        assert_eq!(name, "00-01980000000070008000000000000007-00000000000000ff-01");
        assert!(traceparent(id, 0xff, false).ends_with("-00"));
        let first = attempt(id, 0, began(1_700_000_000_000));
        let others = [attempt(id, 1, began(1_700_000_000_000)), attempt(id, 0, began(1_700_000_000_001))];
        assert!(!others.contains(&first), "a second one, and a first one after somebody has asked for it");
    }

    #[test]
    fn a_share_of_traces_is_taken() {
        let mut ids = Ids::new(7);
        let ids: Vec<_> = (0..10_000).map(|_| ids.next(1_700_000_000_000)).collect();
        let taken = |sampler: Sampler| ids.iter().filter(|id| sampler.takes(**id)).count();
        assert_eq!((taken(Sampler::All), taken(Sampler::None)), (10_000, 0));
        assert_eq!((taken(Sampler::Share(1.0)), taken(Sampler::Share(0.0))), (10_000, 0));
        let quarter = taken(Sampler::Share(0.25));
        assert!((2_300..2_700).contains(&quarter), "{quarter}");
    }
}
