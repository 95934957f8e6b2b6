//! `explain --recording`: the same answer as a bot's that has lived through a recording.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{AsOf, tell};
use crate::cli::args::asking::Explain;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::replay::cue::{self, Cue};
use crate::cli::replay::progress::Progress;
use crate::cli::replay::ring::day_and_time;
use crate::cli::replay::screen::Screen;
use crate::cli::replay::span::When;
use crate::cli::replay::unusable;
use crate::cli::rules_file;
use crate::cli::style::plain;
use crate::engine::effects::Told;
use crate::engine::verdict::Verdict;
use crate::presence::model::UserId;
use crate::recording::playback::{self, Event};
use crate::recording::shelf;
use crate::rehearsal::play::{Rehearsal, Scene};
use crate::rules::set::RuleSet;
use crate::time::{Moment, date};
use crate::web::api::asked::{self, No};
use crate::web::api::explain::{Whom, as_json, asked_last, whom};
use crate::web::questions::{Explanation, InForce};

pub(super) fn explain(args: &Explain, recording: &Path) -> Ended {
    let named = args.rules.as_deref().or(args.usual_rules.as_deref());
    let rules = Arc::new(rules_file::load(named)?.1.set);
    let in_force = InForce::new(Arc::clone(&rules));
    let place = asked::rule(&rules, &args.rule).map_err(unclear)?;
    let rule = &rules.rules[place];
    let person = args.person.as_deref().map(|named| asked::person(&in_force, named));
    let whom = whom(rule, person.transpose().map_err(unclear)?).map_err(unclear)?;
    let at = args.at.as_deref().map(|text| When::read("--at", text, &rules.timezone)).transpose()?;
    let files = shelf::files(recording).map_err(|error| unusable(recording, &error))?;
    let mut screen = Screen::new(&rules, None, args.json);
    let decided = Decided { rule: Arc::clone(&rule.id), whom: &whom, last: BTreeMap::new() };
    let mut life =
        Life { rules: &rules, at, began: None, rehearsal: None, over: false, observed: 0, rings: 0, decided };
    let read_bytes = Arc::new(AtomicU64::new(0));
    let mut progress = Progress::new(shelf::bytes(&files), Arc::clone(&read_bytes), args.json);
    let mut written = Ok(());
    playback::play(&files, &read_bytes, &mut |event| {
        screen.notice(&event);
        let flow = life.take(event);
        progress.step(life.observed, life.rings);
        written = screen.write(&mut progress);
        if written.is_err() { ControlFlow::Break(()) } else { flow }
    })
    .map_err(|error| unusable(recording, &error.into()))?;
    written?;
    progress.clear();
    let (rehearsal, decided) = life.end()?;
    let (engine, now) = (rehearsal.engine(), rehearsal.now());
    let (people, more) = match &whom {
        Whom::These(people, more) => (people.clone(), *more),
        Whom::AskedLast => {
            let last = asked_last(&rule.id, Some(engine.tally().rule(place))).map_err(unclear)?;
            (vec![Some(last)], 0)
        }
    };
    let explained: Vec<Explanation> = people
        .into_iter()
        .map(|person| {
            let explained = engine.explain(now, place, person);
            let values = explained.last.map(|last| decided.values(person, last.at_ms, last.verdict));
            Explanation { explained, values: values.unwrap_or_default() }
        })
        .collect();
    let mut answer = as_json(&in_force, rule, &explained, more);
    answer["at"] = date(now.wall_ms).into();
    tell(args, answer, &AsOf { now_ms: now.wall_ms, then: Some(rules.timezone.clone()) })?;
    Ok(if screen.findings() { Exit::Findings } else { Exit::Fine })
}

fn unclear(no: No) -> Failure {
    Failure::Usage(plain(&no.why()))
}

/// What a bot would have lived through, up to the time that is asked for.
struct Life<'r> {
    rules: &'r Arc<RuleSet>,
    at: Option<When>,
    began: Option<Moment>,
    rehearsal: Option<Rehearsal>,
    /// The recording goes on at least until that time.
    over: bool,
    observed: u64,
    rings: u64,
    decided: Decided<'r>,
}

impl<'r> Life<'r> {
    fn take(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let Some(now) = event.moment() else { return ControlFlow::Continue(()) };
        let began = *self.began.get_or_insert(now);
        // What happened at that very moment has happened.
        if let Some(at) = self.at.filter(|at| at.is_before(began, now)) {
            self.over = true;
            if !at.is_before(began, began) {
                self.give(Cue::Pass, at.moment(began));
            }
            return ControlFlow::Break(());
        }
        self.observed += u64::from(matches!(event, Event::Observed(..)));
        cue::of(event, began == now).for_each(|cue| self.give(cue, now));
        ControlFlow::Continue(())
    }

    fn give(&mut self, cue: Cue<'_>, now: Moment) {
        let Self { rules, rehearsal, rings, decided, .. } = self;
        let rehearsal = rehearsal.get_or_insert_with(|| Rehearsal::new(Arc::clone(rules), now).watched());
        cue.give(rehearsal, now, &mut |scene: Scene<'_>| {
            *rings += scene.owed.len() as u64;
            decided.hear(scene.now, scene.told);
        });
    }

    fn end(self) -> Result<(Rehearsal, Decided<'r>), Failure> {
        let zone = &self.rules.timezone;
        let shown = |moment: Moment| day_and_time(moment.wall_ms, zone);
        let refused = |why: String| Err(Failure::Usage(why));
        if let Some(began) = self.began.filter(|&began| self.at.is_some_and(|at| at.is_before(began, began)))
        {
            return refused(format!("`--at` is before the recording's beginning, {}", shown(began)));
        }
        let (Some(began), Some(rehearsal), true) =
            (self.began, self.rehearsal, self.observed > 0 || self.over)
        else {
            return refused("nothing was observed in this recording".to_owned());
        };
        let end = rehearsal.now();
        if !self.over && self.at.is_some_and(|at| at.is_after(began, end)) {
            return refused(format!("`--at` is after the recording's end, {}", shown(end)));
        }
        Ok((rehearsal, self.decided))
    }
}

/// What decided the condition of a rule at its last verdict for each of those whom it is explained for.
struct Decided<'r> {
    rule: Arc<str>,
    whom: &'r Whom,
    last: BTreeMap<Option<UserId>, (i64, Verdict, Vec<(String, String)>)>,
}

impl Decided<'_> {
    fn hear(&mut self, now: Moment, told: &mut Vec<Told>) {
        for told in told.drain(..) {
            let Told::Verdict { rule, person, verdict, values, .. } = told else { continue };
            if rule != self.rule {
                continue;
            }
            match self.whom {
                Whom::These(people, _) if !people.contains(&person) => continue,
                Whom::These(..) => {}
                // Only the last counts.
                Whom::AskedLast => self.last.clear(),
            }
            self.last.insert(person, (now.wall_ms, verdict, values));
        }
    }

    fn values(&self, person: Option<UserId>, at_ms: i64, verdict: Verdict) -> Vec<(String, String)> {
        let last = self.last.get(&person).filter(|last| (last.0, last.1) == (at_ms, verdict));
        last.map(|last| last.2.clone()).unwrap_or_default()
    }
}
