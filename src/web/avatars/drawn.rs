//! A picture of somebody without one: their initials, on a colour that is theirs.

use crate::presence::model::UserId;

/// On each of these white letters can be read.
const COLOURS: [&str; 12] = [
    "#b3261e", "#ad1457", "#7b1fa2", "#5e35b1", "#3949ab", "#1565c0", "#01689b", "#00696d", "#2e7031",
    "#56661a", "#8a5100", "#6d4c41",
];

/// Where no letter is found in a name.
const NO_LETTER: &str = "?";

/// An SVG of the initials of the first of the names that has a letter.
pub fn initials(id: UserId, names: impl IntoIterator<Item = String>) -> String {
    let letters = names.into_iter().map(|name| letters(&name)).find(|letters| !letters.is_empty());
    let letters = letters.unwrap_or_else(|| NO_LETTER.to_owned());
    let colour = COLOURS[colour_of(id)];
    // Nothing in it asks for a style or for a script: neither is allowed.
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"64\" height=\"64\" viewBox=\"0 0 64 64\">\
         <rect width=\"64\" height=\"64\" fill=\"{colour}\"/>\
         <text x=\"32\" y=\"42\" fill=\"#ffffff\" font-family=\"sans-serif\" font-size=\"28\" text-anchor=\"middle\">\
         {letters}</text></svg>\n"
    )
}

/// The letters or digits that the first and the last word begin with. Nothing else of a name gets into the
/// picture: no sign that means something in XML, none that turns or covers what stands beside it.
fn letters(name: &str) -> String {
    let initial =
        |word: &str| word.chars().find(|c| c.is_alphanumeric()).and_then(|c| c.to_uppercase().next());
    let mut initials = name.split_whitespace().filter_map(initial);
    let first = initials.next();
    first.into_iter().chain(initials.next_back()).collect()
}

/// Ids of people who joined together differ in their middle.
fn colour_of(id: UserId) -> usize {
    (id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % COLOURS.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_whatever_a_name_is() {
        for (name, expected) in [
            ("ada", "A"),
            ("Ada Lovelace", "AL"),
            ("ada king of lovelace", "AL"),
            ("  <b>ada</b>  &amp; </svg><script>alert(1)</script>", "BS"),
            ("\u{202e}\u{200f}zalg\u{336}\u{489}o \u{7}", "Z"),
            ("ß ﬁ", "SF"),
            ("🦊 fox", "F"),
            ("名前 太郎", "名太"),
            ("42", "4"),
            ("🦊", ""),
            ("", ""),
            ("\0\u{fffe}&<>\"'", ""),
        ] {
            assert_eq!(letters(name), expected, "{name:?}");
        }
        let drawn = initials(UserId(7), ["🦊".to_owned(), "Ada".to_owned()]);
        assert!(drawn.contains(">A</text>"), "{drawn}");
        assert!(initials(UserId(7), []).contains(">?</text>"));
    }

    #[test]
    fn white_can_be_read_on_every_colour() {
        let channel = |hex: &str| {
            let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        for colour in COLOURS {
            let [red, green, blue] = [1, 3, 5].map(|at| channel(&colour[at..at + 2]));
            let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            let contrast = 1.05 / (luminance + 0.05);
            assert!(contrast >= 4.5, "{colour}: {contrast:.2}");
        }
        let used: std::collections::BTreeSet<usize> =
            (0..200).map(|n| colour_of(UserId(94_490_510_688_792_576 + (n << 22)))).collect();
        assert_eq!(used.len(), COLOURS.len(), "people look different");
    }
}
