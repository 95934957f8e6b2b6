//! The rules file on disk, and the variables and files that it names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::compile::{Loaded, compile};
use super::diagnostic::{Findings, Problem};
use super::places::{Source, Span};
use super::vars::{VALUE_BYTES_MAX, Vars};
use super::yaml::FILE_BYTES_MAX;

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

/// The file's text, or one sentence that says why there is none and what to do.
pub fn read(path: &Path) -> Result<Source, Findings> {
    let name = path.display().to_string();
    let refused = |problem| Findings::of_file(&name, problem);
    let bytes = read_at_most(path, FILE_BYTES_MAX).map_err(|why| {
        let problem = Problem::nowhere(format!("the rules file `{name}` {why}"));
        refused(problem.help("name another file, or let `doorchime init` write one to start from"))
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            let what = if wide {
                "the file is UTF-16, and YAML here is UTF-8".to_owned()
            } else {
                "this is not UTF-8 text".to_owned()
            };
            let source = Source::new(name.clone(), String::from_utf8_lossy(&bytes).into_owned());
            let problem = Problem::error(Span::new(good, good + 1), what).help("save the file as UTF-8");
            let mut problems = super::diagnostic::Problems::default();
            problems.add(problem);
            Err(problems.into_findings(source, super::mask::Mask::default()))
        }
    }
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
}

fn read_at_most(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    // Opening a pipe would wait for somebody to write into it.
    let sort = std::fs::metadata(path).map_err(failed)?.file_type();
    if !sort.is_file() {
        return Err(if sort.is_dir() { "is a folder" } else { "is not a file" }.to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(format!("is larger than {} KiB", most >> 10));
    }
    Ok(bytes)
}
