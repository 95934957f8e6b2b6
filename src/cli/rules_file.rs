//! Which rules file is meant, and reading it.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use crate::logging;
use crate::rules::compile::Loaded;
use crate::rules::diagnostic::Findings;
use crate::rules::file;

/// Whoever wants something else than a check is shown no more than this.
const WARNINGS_MAX: usize = 5;

/// Where it is looked for when nobody says.
const PLACES: [&str; 2] = ["rules.yaml", "/etc/doorchime/rules.yaml"];

/// The file that was named (on the command line or by `DOORCHIME_RULES`), else the first that is there.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    PLACES.iter().map(PathBuf::from).find(|place| place.exists()).ok_or_else(|| {
        let [here, system] = PLACES;
        Failure::Usage(format!(
            "no rules file: there is neither `{here}` nor `{system}`; name one, or let `doorchime init` write one"
        ))
    })
}

/// The exit code for a file that cannot be used: one that cannot be read was asked for wrongly, one with
/// mistakes in it is a finding.
pub(super) fn exit_for(findings: &Findings) -> Exit {
    let unread = findings.problems().iter().any(|problem| problem.at.is_none());
    if unread { Exit::Usage } else { Exit::Findings }
}

/// Reads a file, or with `-` what is piped in, for a command that tells its mistakes itself; with what it is
/// called.
pub(super) fn read(named: Option<&Path>) -> Result<(String, Result<Loaded, Findings>), Failure> {
    let path = find(named)?;
    if path == Path::new("-") {
        let name = "<stdin>".to_owned();
        let read = file::load_from(&name, std::io::stdin().lock());
        return Ok((name, read));
    }
    Ok((path.display().to_string(), file::load(&path)))
}

/// Reads a file for a command that needs it whole: mistakes and warnings go to stderr, and with mistakes the
/// command ends with 2.
pub(super) fn load(named: Option<&Path>) -> Result<(PathBuf, Loaded), Failure> {
    let path = find(named)?;
    let read = file::load(&path);
    if logging::is_for_machines() {
        logging::tell_findings(read.as_ref().map_or_else(|findings| findings, |loaded| &loaded.warnings));
        return read.map(|loaded| (path, loaded)).map_err(|_| Failure::Told(Exit::Usage));
    }
    let (findings, loaded) = match read {
        Ok(loaded) if loaded.warnings.is_empty() => return Ok((path, loaded)),
        Ok(loaded) if loaded.warnings.warnings() > WARNINGS_MAX => {
            let summary = loaded.warnings.summary();
            (format!("{summary}: `doorchime check` shows them\n"), Some(loaded))
        }
        Ok(loaded) => (loaded.warnings.render(true), Some(loaded)),
        Err(findings) => (findings.render(true), None),
    };
    write!(anstream::stderr().lock(), "{findings}")?;
    loaded.map(|loaded| (path, loaded)).ok_or(Failure::Told(Exit::Usage))
}
