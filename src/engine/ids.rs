//! Ids of deliveries: `UUIDv7`, so that they sort by time; chance comes from a seed.

use crate::outbox::delivery::DeliveryId;

pub struct Ids {
    state: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub fn next(&mut self, wall_ms: i64) -> DeliveryId {
        let mut chance = [0; 10];
        chance[..8].copy_from_slice(&self.roll().to_le_bytes());
        chance[8..].copy_from_slice(&self.roll().to_le_bytes()[..2]);
        let unix_ms = u64::try_from(wall_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(unix_ms, &chance).into_uuid()
    }

    /// One step of `SplitMix64`.
    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_carry_their_time() {
        let mut ids = Ids::new(7);
        let made: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next(1_700_000_000_000)).collect();
        assert_eq!(made.len(), 10_000);
        for id in made {
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_timestamp().unwrap().to_unix().0, 1_700_000_000);
        }
    }
}
