//! Colours of what is printed for people. `anstream` takes them away where nobody would see them.

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};

pub use crate::printable::plain;

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
