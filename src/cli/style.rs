//! Colours of what is printed for people. `anstream` takes them away where nobody would see them.

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};

pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const ODD: Style = AnsiColor::Yellow.on_default();
pub const NAME: Style = AnsiColor::Cyan.on_default();
pub const HEAD: Style = Style::new().bold();
pub const FAINT: Style = Style::new().dimmed();

/// The same for `--help`.
pub const HELP: Styles = Styles::styled()
    .header(HEAD.underline())
    .usage(HEAD.underline())
    .literal(NAME)
    .placeholder(FAINT)
    .error(BAD)
    .valid(GOOD)
    .invalid(ODD);

/// `text` in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A text from outside as one line that cannot move the cursor: control characters, line ends and marks
/// that turn the direction of writing are shown as `�`.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect()
}

fn moves(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_moves_no_cursor() {
        for (text, shown) in [
            ("Ümläut 🎧 ok", "Ümläut 🎧 ok"),
            ("a\nb\tc", "a\u{fffd}b\u{fffd}c"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("x\u{202e}gnp", "x\u{fffd}gnp"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }
}
