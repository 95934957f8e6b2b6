//! The rules file on disk, and the variables and files that it names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::compile::{Alone, Loaded, compile, compile_people, compile_target};
use super::diagnostic::{Findings, Problem};
use super::places::{Source, Span};
use super::set::RuleSet;
use super::vars::{VALUE_BYTES_MAX, Vars};
use super::yaml::{self, FILE_BYTES_MAX};
use crate::tls;

/// Reads and compiles a rules file; variables come from the environment.
pub fn load(path: &Path) -> Result<Loaded, Findings> {
    load_with(path, |name| std::env::var(name).ok())
}

/// The same, with variables from elsewhere.
pub fn load_with(path: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Loaded, Findings> {
    let source = read(path)?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    compile(source, &Surroundings { folder, variable })
}

/// The same with these tests (`tests:` and what follows, as YAML) in place of the file's own.
pub fn load_with_tests(path: &Path, tests: &str) -> Result<Loaded, Findings> {
    let source = read(path)?;
    let mut text = source.text().to_owned();
    let root = yaml::read(&source, &mut super::diagnostic::Problems::default());
    let own = root.as_ref().and_then(|root| root.entries()?.iter().find(|entry| entry.key == "tests"));
    if let Some(own) = own {
        text.replace_range(own.key_at.range().start..own.value.at.range().end, "");
    }
    let source = Source::new(path.display().to_string(), format!("{text}\n{tests}"));
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    compile(source, &Surroundings { folder, variable: |name: &str| std::env::var(name).ok() })
}

/// The same from a stream, such as the standard input; the files that it names are looked for in this folder.
pub fn load_from(name: &str, stream: impl Read) -> Result<Loaded, Findings> {
    let bytes = at_most(stream, FILE_BYTES_MAX)
        .map_err(|why| Findings::of_file(name, Problem::nowhere(format!("the rules file `{name}` {why}"))))?;
    let variable = |name: &str| std::env::var(name).ok();
    compile(decode(name, bytes)?, &Surroundings { folder: PathBuf::new(), variable })
}

/// One target of a file, without the rest of it: nothing else need be right, or have its variables.
pub fn load_target(path: &Path, target: &str) -> Result<Option<Alone>, Findings> {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let variable = |name: &str| std::env::var(name).ok();
    compile_target(read(path)?, &Surroundings { folder, variable }, target)
}

/// Who is watched and where Lanyard is, without the rest of a file: nothing else need be right.
pub fn load_people(path: &Path) -> Result<RuleSet, Findings> {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let variable = |name: &str| std::env::var(name).ok();
    compile_people(read(path)?, &Surroundings { folder, variable })
}

/// Nobody, and Lanyard's public server: what there is without a file.
pub fn nobody() -> Result<RuleSet, Findings> {
    let variable = |name: &str| std::env::var(name).ok();
    compile_people(Source::new("", "version: 1"), &Surroundings { folder: PathBuf::new(), variable })
}

/// The file's text, or one sentence that says why there is none and what to do.
pub fn read(path: &Path) -> Result<Source, Findings> {
    let name = path.display().to_string();
    let refused = |problem| Findings::of_file(&name, problem);
    let bytes = read_at_most(path, FILE_BYTES_MAX).map_err(|why| {
        let problem = Problem::nowhere(format!("the rules file `{name}` {why}"));
        refused(problem.help("name another file, or let `doorchime init` write one to start from"))
    })?;
    decode(&name, bytes)
}

fn decode(name: &str, bytes: Vec<u8>) -> Result<Source, Findings> {
    let not_utf8 = |what: &str| Problem::nowhere(what).help("save the file as UTF-8");
    if looks_like_utf16(&bytes) {
        // It is there and has a mistake in it: none of its lines can be shown, but it has a place.
        let problem = not_utf8("the file is not UTF-8: it looks like UTF-16");
        return Err(Findings::of_file(name, Problem { at: Some(Span::default()), ..problem }));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let source = Source::new(name, String::from_utf8_lossy(error.as_bytes()));
            // The first bad byte is now the first of these; a byte order mark before it is gone.
            let good =
                good - (error.as_bytes().len().min(3) * usize::from(error.as_bytes().starts_with(BOM)));
            let at = Span::new(good, good + char::REPLACEMENT_CHARACTER.len_utf8());
            let mut problems = super::diagnostic::Problems::default();
            problems.add(Problem { at: Some(at), ..not_utf8("the file is not UTF-8: this is no character") });
            Err(problems.into_findings(source, super::mask::Mask::default()))
        }
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A mark at the start, or ASCII with a zero beside each letter.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    let first = bytes.get(..2).unwrap_or_default();
    matches!(first, [0xff, 0xfe] | [0xfe, 0xff]) || matches!(first, [0, other] | [other, 0] if *other != 0)
}

/// The environment, and files beside the rules file.
struct Surroundings<F> {
    folder: PathBuf,
    variable: F,
}

impl<F: Fn(&str) -> Option<String>> Vars for Surroundings<F> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let bytes = read_at_most(&self.folder.join(path), VALUE_BYTES_MAX)?;
        String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
    }

    fn ca(&self, path: &str) -> Result<String, String> {
        let path = self.folder.join(path);
        tls::check_ca(&path)?;
        Ok(path.display().to_string())
    }
}

fn read_at_most(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    // Opening a pipe would wait for somebody to write into it.
    let sort = std::fs::metadata(path).map_err(failed)?.file_type();
    if !sort.is_file() {
        return Err(if sort.is_dir() { "is a folder" } else { "is not a file" }.to_owned());
    }
    at_most(File::open(path).map_err(failed)?, most)
}

fn at_most(stream: impl Read, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(format!("is larger than {} KiB", most >> 10));
    }
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
