//! Pictures that were had lately, and those that could not be had. Bounded: what nobody has looked at for longest
//! makes room.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;

use super::Name;

/// So many are kept, the missing ones counted …
pub const KEPT_MAX: usize = 256;
/// … and so many bytes of them.
pub const BYTES_MAX: usize = 4 << 20;

#[derive(Default)]
pub struct Shelf {
    slots: HashMap<Name, Slot>,
    bytes: usize,
    /// Grows with each look.
    looks: u64,
    /// Before this, nobody needs to be asked.
    away_until: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its media type.
    pub kind: &'static str,
    pub bytes: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Picture(Picture),
    /// It could not be had lately.
    Missing,
    Nothing,
}

struct Slot {
    kept: Kept,
    looked_at: u64,
}

enum Kept {
    Picture(Picture),
    Missing { until: Duration },
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Picture(picture) => picture.bytes.len(),
            Self::Missing { .. } => 0,
        }
    }
}

impl Shelf {
    pub fn find(&mut self, now: Duration, name: &Name) -> Found {
        self.looks += 1;
        let away = now < self.away_until;
        let Some(slot) = self.slots.get_mut(name) else {
            return if away { Found::Missing } else { Found::Nothing };
        };
        slot.looked_at = self.looks;
        match &slot.kept {
            Kept::Picture(picture) => Found::Picture(picture.clone()),
            Kept::Missing { until } if away || now < *until => Found::Missing,
            Kept::Missing { .. } => Found::Nothing,
        }
    }

    pub fn put(&mut self, name: Name, picture: Picture) {
        self.keep(name, Kept::Picture(picture));
    }

    pub fn note_missing(&mut self, name: Name, until: Duration) {
        self.keep(name, Kept::Missing { until });
    }

    /// Nobody answers: that is so for all pictures.
    pub fn note_away(&mut self, until: Duration) {
        self.away_until = until;
    }

    fn keep(&mut self, name: Name, kept: Kept) {
        self.bytes += kept.bytes();
        let slot = Slot { kept, looked_at: self.looks };
        self.bytes -= self.slots.insert(name, slot).map_or(0, |before| before.kept.bytes());
        while self.slots.len() > KEPT_MAX || self.bytes > BYTES_MAX {
            let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.looked_at);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { return };
            self.bytes -= self.slots.remove(&oldest).map_or(0, |slot| slot.kept.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::model::UserId;

    fn name(id: u64) -> Name {
        Name::new(UserId(id), "abc").unwrap()
    }

    fn picture(bytes: usize) -> Picture {
        Picture { kind: "image/png", bytes: vec![0; bytes].into() }
    }

    const SOON: Duration = Duration::from_secs(1);
    const LATER: Duration = Duration::from_secs(100);

    #[test]
    fn what_nobody_looks_at_makes_room() {
        let mut shelf = Shelf::default();
        for id in 0..2 * KEPT_MAX as u64 {
            shelf.find(SOON, &name(id));
            shelf.put(name(id), picture(10));
            // The first is looked at again and again.
            assert_eq!(shelf.find(SOON, &name(0)), Found::Picture(picture(10)));
            assert!(shelf.slots.len() <= KEPT_MAX && shelf.bytes == shelf.slots.len() * 10);
        }
        assert_eq!(shelf.find(SOON, &name(1)), Found::Nothing);
        for id in 0..KEPT_MAX as u64 {
            shelf.find(SOON, &name(id));
            shelf.put(name(id), picture(64 << 10));
            assert!(shelf.bytes <= BYTES_MAX);
        }
        assert_eq!(shelf.slots.len(), BYTES_MAX / (64 << 10));
    }

    #[test]
    fn what_could_not_be_had_is_asked_for_later() {
        let mut shelf = Shelf::default();
        shelf.note_missing(name(1), LATER);
        assert_eq!(shelf.find(SOON, &name(1)), Found::Missing);
        assert_eq!(shelf.find(LATER, &name(1)), Found::Nothing);
        shelf.put(name(1), picture(1));
        shelf.note_away(LATER);
        assert_eq!(shelf.find(SOON, &name(2)), Found::Missing);
        assert_eq!(shelf.find(SOON, &name(1)), Found::Picture(picture(1)), "what is here needs nobody");
        assert_eq!(shelf.find(LATER, &name(2)), Found::Nothing);
    }
}
