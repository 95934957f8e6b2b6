//! A bar on a terminal: how much of the recording has been played.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cli::words::count;
use crate::clock::Clock;

const SHOW_EVERY: Duration = Duration::from_millis(100);
/// The clock is not looked at more often than this.
const LOOK_EVERY: u64 = 256;
const CELLS: u64 = 24;

pub struct Progress {
    shown: bool,
    clock: Clock,
    due: Duration,
    steps: u64,
    of_bytes: u64,
    read_bytes: Arc<AtomicU64>,
    on_screen: bool,
}

impl Progress {
    pub fn new(of_bytes: u64, read_bytes: Arc<AtomicU64>, quiet: bool) -> Self {
        Self {
            shown: !quiet && std::io::stderr().is_terminal(),
            clock: Clock::start(),
            due: SHOW_EVERY,
            steps: 0,
            of_bytes,
            read_bytes,
            on_screen: false,
        }
    }

    pub fn step(&mut self, observed: u64, rings: u64) {
        self.steps += 1;
        if !self.shown || !self.steps.is_multiple_of(LOOK_EVERY) {
            return;
        }
        let now = self.clock.now().mono;
        if now < self.due {
            return;
        }
        self.due = now + SHOW_EVERY;
        self.on_screen = true;
        let bar = bar(self.read_bytes.load(Ordering::Relaxed), self.of_bytes);
        let observed = count(usize::try_from(observed).unwrap_or(usize::MAX), "observation", "observations");
        let rings = count(usize::try_from(rings).unwrap_or(usize::MAX), "ring", "rings");
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{bar}  {observed}, {rings}");
    }

    /// Makes room for a line.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.on_screen) {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// `[######..................]  25 %`
fn bar(done: u64, of: u64) -> String {
    let done = done.min(of);
    let full = (done * CELLS).checked_div(of).unwrap_or(CELLS);
    let cells: String = (0..CELLS).map(|cell| if cell < full { '#' } else { '.' }).collect();
    format!("[{cells}] {:>3} %", (done * 100).checked_div(of).unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        for (done, of, expected) in [
            (0, 8, "[........................]   0 %"),
            (2, 8, "[######..................]  25 %"),
            (9, 8, "[########################] 100 %"),
            (0, 0, "[########################] 100 %"),
        ] {
            assert_eq!(bar(done, of), expected);
        }
    }
}
