//! Maps by user id. Discord numbers people itself, one after another: a multiplication spreads such numbers as
//! well as a hash against ill will does, and the hot path asks several times an update.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::model::UserId;

pub type ById<T> = HashMap<UserId, T, BuildHasherDefault<IdHasher>>;

#[derive(Clone, Copy, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, id: u64) {
        // 2^64 over the golden ratio; the fold brings the well-mixed high half down to where buckets are.
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn ids_in_a_row_and_ids_of_one_millisecond_spread() {
        for step in [1_u64, 1 << 12, 1 << 22] {
            let hasher = BuildHasherDefault::<IdHasher>::default();
            let hashes = (0..1024).map(|n| hasher.hash_one(UserId(94_490_510_688_792_576 + n * step)));
            // hashbrown takes the bucket from the low bits and a tag from the seven highest.
            let (buckets, tags): (HashSet<u64>, HashSet<u64>) =
                hashes.map(|hash| (hash % 2048, hash >> 57)).unzip();
            assert!(buckets.len() > 500 && tags.len() > 100, "{step}: {} {}", buckets.len(), tags.len());
        }
    }
}
