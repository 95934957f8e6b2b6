//! `run`: the bot, until a signal or a fault ends it.

use std::io::Write;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::Run;
use super::exit::{Ended, Exit, Failure};
use super::rules_file;
use crate::app::bot::Bot;
use crate::app::fault::Fault;
use crate::app::reload::RulesFile;
use crate::app::signals::Signals;
use crate::outbox::store::handle::Durability;
use crate::recording::recorder::Reel;
use crate::recording::tape::Existing;
use crate::rehearsal::report::Report;
use crate::rules::compile::Loaded;
use crate::rules::set::RuleSet;
use crate::rules::story::Story;
use crate::web::token::Token;

/// However many cores there are: what keeps a core busy is Lanyard's side, the sending, and the connections. The
/// store has a thread of its own.
const THREADS_MAX: usize = 4;
/// Blocking calls that outlast the bot (a name that does not resolve) are not waited for longer.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

pub(super) fn run(args: Run) -> Ended {
    let token = args.token.map(Token::new).transpose().map_err(Failure::usage)?;
    let file = RulesFile::about_to_be_read(rules_file::find(args.rules.rules.as_deref())?);
    let file = file.requiring_tests(args.require_tests);
    let (path, Loaded { set, stories, .. }) = rules_file::load(Some(file.path()))?;
    let rules = Arc::new(set);
    if args.require_tests {
        pass(&rules, &stories)?;
    }
    drop(stories);
    tracing::info!(file = %path.display(), "rules read");
    let bot = Bot {
        rules,
        file: Some(file),
        data: args.data.dir,
        durability: Durability::default(),
        listen: args.listen,
        token,
        avatars: args.avatars,
        dry_run: args.dry_run,
        record: args.record.map(|path| Reel {
            path,
            existing: Existing::Append,
            bytes_max: args.record_size,
        }),
        tap: None,
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(Failure::fault)?;
    let ended = runtime.block_on(until_signal(bot));
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    ended.map(|()| Exit::Fine).map_err(spoken)
}

/// The tests of the rules file must pass.
fn pass(rules: &Arc<RuleSet>, stories: &[Story]) -> Result<(), Failure> {
    let report = Report::play(rules, stories, |_, _| {});
    let Some(sentence) = report.sentence() else {
        tracing::info!(tests = report.played, "the rules file's tests have passed");
        return Ok(());
    };
    write!(anstream::stderr().lock(), "{}", report.text())?;
    Err(Failure::Usage(sentence))
}

/// The first signal asks the bot to leave, the second one does not wait for it.
async fn until_signal(bot: Bot) -> Result<(), Fault> {
    let signals = Signals::listen().map_err(Fault::Signals)?;
    let leave = CancellationToken::new();
    tokio::select! {
        ended = bot.run(leave.clone()) => ended,
        () = signals.twice(leave) => Ok(()),
    }
}

pub(super) fn spoken(fault: Fault) -> Failure {
    if fault.is_usage() { Failure::usage(fault) } else { Failure::fault(fault) }
}
