//! YAML that is not YAML: what its author most likely meant.

use super::diagnostic::Problem;
use super::places::{Source, Span};

/// A syntax error that a YAML reader found at `at`, told in terms of the likely slip.
pub fn problem(source: &Source, at: usize, info: &str) -> Problem {
    let at = source.text().floor_char_boundary(at);
    let line = source.line_span(at);
    let next = source.text()[at..].chars().next().filter(|c| !c.is_control());
    let here = Span::new(at, at + next.map_or(0, char::len_utf8));
    let previous = line.start.checked_sub(1).map(|end| source.line_span(end));
    let spot = Spot { source, line, previous, here, info };
    spot.indent_slip()
        .or_else(|| spot.template_slip())
        .or_else(|| spot.first_character_slip())
        .or_else(|| spot.colon_slip())
        .or_else(|| spot.quote_slip())
        .or_else(|| spot.bracket_slip())
        .or_else(|| spot.column_slip())
        .unwrap_or_else(|| {
            let info = info.split(" at line ").next().unwrap_or(info);
            Problem::error(here, format!("this is not valid YAML: {info}"))
        })
}

/// Where a YAML reader stopped, and what it said.
struct Spot<'s> {
    source: &'s Source,
    line: Span,
    /// The line before it, if there is one.
    previous: Option<Span>,
    here: Span,
    info: &'s str,
}

impl Spot<'_> {
    fn says(&self, any: &[&str]) -> bool {
        any.iter().any(|part| self.info.contains(part))
    }

    fn near(&self) -> impl Iterator<Item = Span> + use<> {
        [Some(self.line), self.previous].into_iter().flatten()
    }

    fn indent_of(&self, line: Span) -> &str {
        let text = self.source.slice(line);
        &text[..text.len() - text.trim_start().len()]
    }

    fn indent_slip(&self) -> Option<Problem> {
        let tab = self.indent_of(self.line).find('\t')?;
        let at = self.line.part(tab..tab + 1);
        Some(Problem::error(at, "a tab cannot indent a line of YAML").help("use spaces"))
    }

    fn template_slip(&self) -> Option<Problem> {
        self.near().find_map(|line| {
            let open = bare_template(self.source.slice(line))?;
            Some(unquoted_template(self.source, Span::new(line.start + open, line.end)))
        })
    }

    fn first_character_slip(&self) -> Option<Problem> {
        let problem = |what: String| Problem::error(self.here, what);
        match self.source.slice(self.here) {
            mark @ ("@" | "`" | "%") => {
                let what = format!("a text that begins with `{mark}` must be quoted");
                Some(problem(what).help("put it in quotes"))
            }
            "*" if self.says(&["anchor"]) => {
                let what = "`*` begins a YAML alias, and there is no such anchor".to_owned();
                Some(problem(what).help("put a text that begins with `*` in quotes"))
            }
            _ => None,
        }
    }

    /// `key:value`, `key: a: b`, and lines that begin too far in.
    fn colon_slip(&self) -> Option<Problem> {
        if !self.says(&["mapping values", "simple key"]) {
            return None;
        }
        for line in self.near() {
            if let Some(colon) = tight_colon(self.source.slice(line)) {
                let at = line.part(colon..colon + 1);
                return Some(Problem::error(at, "a space is missing after this `:`"));
            }
        }
        let before = self.source.slice(Span::new(self.line.start, self.here.start));
        if before.contains(": ") {
            let help = "put a text that has `: ` in it in quotes";
            return Some(Problem::error(self.here, "a second `: ` in one line").help(help));
        }
        let indent = self.indent_of(self.line).len();
        self.previous.filter(|&previous| indent > self.indent_of(previous).len())?;
        let at = Span::new(self.line.start + indent, self.line.end);
        Some(
            Problem::error(at, "this line begins too far in")
                .help("the line above already has its value; the keys of one mapping begin in one column"),
        )
    }

    fn quote_slip(&self) -> Option<Problem> {
        let problem = |what: &str, help: &str| Some(Problem::error(self.here, what).help(help));
        if self.says(&["quoted scalar"]) && self.says(&["indentation", "end of stream"]) {
            return problem("this quote is never closed", "close it at the end of the text");
        }
        if self.says(&["trailing content"]) {
            return problem(
                "the text goes on after its closing quote",
                "a `'` in single quotes is written `''`, a `\"` in double quotes `\\\"`",
            );
        }
        if self.says(&["unknown escape"]) {
            return problem(
                "unknown escape in double quotes",
                "use single quotes for regexes and the like: `'/\\d+/'`",
            );
        }
        None
    }

    fn bracket_slip(&self) -> Option<Problem> {
        if !self.says(&["flow", "',' or", "bracket", "placement of ':'"]) {
            return None;
        }
        let line = self.source.slice(self.line);
        let until = line.get(..self.here.end - self.line.start).unwrap_or(line);
        if let Some(open) = until.rfind("${") {
            let at = self.line.part(open..open + 2);
            let what = "a `${…}` inside brackets must be quoted";
            return Some(Problem::error(at, what).help("write it as `\"${NAME}\"`"));
        }
        let help = "texts with `,`, `:`, brackets or braces in them must be quoted here";
        if let Some((at, open)) = self.left_open() {
            let close = if open == '[' { ']' } else { '}' };
            let what = format!("this `{open}` is never closed");
            return Some(Problem::error(at, what).help(format!("close it with `{close}`; {help}")));
        }
        Some(Problem::error(self.here, "a `,` or a closing bracket is missing before this").help(help))
    }

    /// The bracket that the line before has left open, where this line begins as one that has no bracket.
    fn left_open(&self) -> Option<(Span, char)> {
        let previous = self.previous?;
        let begins_anew = self.indent_of(self.line).len() <= self.indent_of(previous).len();
        let mut open: Vec<(usize, char)> = Vec::new();
        let (mut quote, mut after) = (None, ' ');
        for (at, c) in self.source.slice(previous).char_indices() {
            match (quote, c) {
                (Some(mark), _) => quote = Some(mark).filter(|mark| *mark != c),
                // An apostrophe inside of a word quotes nothing.
                (None, '"' | '\'') if !after.is_alphanumeric() => quote = Some(c),
                (None, '[' | '{') => open.push((at, c)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            after = c;
        }
        let (at, bracket) = *open.first()?;
        begins_anew.then(|| (previous.part(at..at + 1), bracket))
    }

    fn column_slip(&self) -> Option<Problem> {
        let help = "the keys of one mapping all begin in one column";
        self.says(&["did not find expected", "indentation"])
            .then(|| Problem::error(self.here, "this does not fit the lines above it").help(help))
    }
}

/// A template that YAML takes for a mapping. `at` begins with its `{{`.
pub fn unquoted_template(source: &Source, at: Span) -> Problem {
    let line = source.line_span(at.start);
    let written = source.slice(line);
    let open = at.start - line.start;
    let start = value_start(&written[..open]);
    let text = written[start..].split(" #").next().unwrap_or("");
    let text = without_outer_brackets(before_next_key(text).trim_end());
    let help =
        if text.contains('"') { format!("write it as '{text}'") } else { format!("write it as \"{text}\"") };
    let what = if start < open {
        "a text with `: ` in it must be quoted"
    } else {
        "a text that begins with `{{` must be quoted"
    };
    Problem::error(line.part(start..start + text.len()), what).help(help)
}

/// Where the value begins that `before` leads to: behind the first `: ` of its own pair.
fn value_start(before: &str) -> usize {
    let pair = before.rfind([',', '{', '[']).map_or(0, |at| at + 1);
    let colon = before[pair..].find(": ").map_or(pair, |at| pair + at + 1);
    let blanks = before[colon..].len() - before[colon..].trim_start_matches([' ', '-']).len();
    colon + blanks
}

/// Without the `, key: …` that follows the text in the same brackets.
fn before_next_key(text: &str) -> &str {
    let next = text.match_indices(", ").find(|(at, comma)| {
        let rest = &text[at + comma.len()..];
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        word > 0 && rest[word..].starts_with(": ")
    });
    next.map_or(text, |(at, _)| &text[..at])
}

/// Without the brackets at the end that something before the text has opened.
fn without_outer_brackets(text: &str) -> &str {
    let mut text = text;
    let surplus = |text: &str, open: char, close: char| {
        text.ends_with(close) && text.matches(close).count() > text.matches(open).count()
    };
    while surplus(text, '{', '}') || surplus(text, '[', ']') {
        text = text[..text.len() - 1].trim_end();
    }
    text
}

/// A tag (`!word`), which nothing in a rules file needs: most likely a condition with a "not".
pub fn tag(source: &Source, at: Span, suffix: &str) -> Problem {
    let at = source.first_line_of(at);
    Problem::error(at, format!("`!{suffix}` is a YAML tag")).help("put a text that begins with `!` in quotes")
}

/// Where in a line a value begins with `{{` without quotes.
fn bare_template(line: &str) -> Option<usize> {
    line.match_indices("{{").map(|(at, _)| at).find(|&at| {
        let before = line[..at].trim_end();
        before.ends_with([':', ',', '[']) || before == "-" || before.ends_with(" -")
    })
}

/// The colon of a `key:value` without its space.
fn tight_colon(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start_matches([' ', '-']).len();
    let word = line[start..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
    let after = line[start + word..].strip_prefix(':')?;
    (word > 0 && after.starts_with(|c: char| !c.is_whitespace())).then_some(start + word)
}
