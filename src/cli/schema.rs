//! `schema`: the rules file's JSON Schema, for editors.

use std::io::Write;

use super::exit::{Ended, Exit};
use crate::rules::schema;

pub(super) fn schema() -> Ended {
    writeln!(anstream::stdout().lock(), "{:#}", schema::schema())?;
    Ok(Exit::Fine)
}
