//! How to talk to Lanyard: what the rules file may say of it.

use std::time::Duration;

/// The `lanyard:` part of the rules file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanyardSettings {
    /// `wss://api.lanyard.rest/socket`, or a server of one's own.
    pub url: String,
    /// Ask for zlib frames.
    pub compression: bool,
    pub subscribe: Subscribe,
    /// How often the subscription is asked for again, a fifth more or less; zero is never. For everyone it is
    /// half an hour at least.
    pub resync: Duration,
    /// The largest frame and message taken, in bytes as they come over the network.
    pub frame_bytes_max: usize,
    /// The largest message after inflating.
    pub inflated_bytes_max: usize,
}

/// Which form of Initialize is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subscribe {
    /// `subscribe_to_all` if a rule is for everyone, else `subscribe_to_ids`.
    #[default]
    Auto,
    Ids,
    /// One `subscribe_to_id` a person, for servers that know nothing else.
    Id,
    All,
}

impl LanyardSettings {
    /// The keys whose new value only counts at a start, by their names in the file.
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let differs = [
            ("lanyard.url", self.url != running.url),
            ("lanyard.compression", self.compression != running.compression),
            ("lanyard.subscribe", self.subscribe != running.subscribe),
            ("lanyard.resync", self.resync != running.resync),
            ("lanyard.frame_bytes_max", self.frame_bytes_max != running.frame_bytes_max),
            ("lanyard.inflated_bytes_max", self.inflated_bytes_max != running.inflated_bytes_max),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

impl Default for LanyardSettings {
    fn default() -> Self {
        Self {
            url: "wss://api.lanyard.rest/socket".to_owned(),
            compression: true,
            subscribe: Subscribe::Auto,
            resync: Duration::from_secs(300),
            frame_bytes_max: 256 << 20,
            inflated_bytes_max: 512 << 20,
        }
    }
}
