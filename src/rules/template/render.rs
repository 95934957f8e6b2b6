//! Rendering: follows what the checker laid out. Nothing in here can fail, and everything has a bound.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value as Json;

use super::check::plan::{From, Piece, Plan, Step};
use super::helpers::Surroundings;
use super::value::{Val, without_controls};
use super::{Origin, RENDERED_BYTES_MAX, Segment};
use crate::rules::scope::{Root, Scope};

/// Pieces and items that one rendering looks at: loops over loops over a stranger's KV end here.
const STEPS_MAX: usize = 100_000;

pub(super) fn render(pieces: &[Piece], scope: &Scope<'_>) -> Vec<Segment> {
    let raw = OnceCell::new();
    run(pieces, scope, &raw)
}

/// The value of a template that is a single expression.
pub(super) fn value(what: &Plan, scope: &Scope<'_>) -> Json {
    let raw = OnceCell::new();
    let mut renderer = Renderer::new(scope, &raw);
    let zone = renderer.on.zone;
    renderer.eval(what).to_json(zone)
}

fn run<'a>(pieces: &'a [Piece], scope: &'a Scope<'a>, raw: &'a OnceCell<Json>) -> Vec<Segment> {
    let mut renderer = Renderer::new(scope, raw);
    renderer.pieces(pieces);
    renderer.segments
}

struct Renderer<'a> {
    scope: &'a Scope<'a>,
    on: Surroundings<'a>,
    /// The presence's text as JSON, parsed when something first asks for it.
    raw: &'a OnceCell<Json>,
    frames: Vec<Frame<'a>>,
    segments: Vec<Segment>,
    bytes: usize,
    steps: usize,
}

struct Frame<'a> {
    this: Val<'a>,
    key: Option<Cow<'a, str>>,
    at: usize,
    len: usize,
}

impl<'a> Renderer<'a> {
    fn new(scope: &'a Scope<'a>, raw: &'a OnceCell<Json>) -> Self {
        let on = Surroundings { zone: scope.zone, now_ms: scope.now.wall_ms };
        Self { scope, on, raw, frames: Vec::new(), segments: Vec::new(), bytes: 0, steps: 0 }
    }

    /// Whether there is room and patience for more.
    fn go_on(&mut self) -> bool {
        self.steps += 1;
        self.steps <= STEPS_MAX && self.bytes < RENDERED_BYTES_MAX
    }

    fn pieces(&mut self, pieces: &'a [Piece]) {
        for piece in pieces {
            if !self.go_on() {
                return;
            }
            match piece {
                Piece::Text(text) => self.push(text, Origin::Literal),
                Piece::Value { what, raw } => {
                    let shown = self.eval(what).show(self.on.zone);
                    self.push(&without_controls(&shown), if *raw { Origin::Raw } else { Origin::Value });
                }
                Piece::If { test, zero_holds, negated, body, otherwise } => {
                    let value = self.eval(test).plain();
                    let holds = value.holds() || (*zero_holds && matches!(value, Val::Number(_)));
                    self.pieces(if holds == *negated { otherwise } else { body });
                }
                Piece::Each { list, body, otherwise } => self.each(list, body, otherwise),
                Piece::With { what, body, otherwise } => {
                    let this = self.eval(what);
                    if this.holds() {
                        self.within(Frame { this, key: None, at: 0, len: 1 }, body);
                    } else {
                        self.pieces(otherwise);
                    }
                }
            }
        }
    }

    fn each(&mut self, list: &'a Plan, body: &'a [Piece], otherwise: &'a [Piece]) {
        let list = self.eval(list);
        let len = list.len();
        let items = list.items(STEPS_MAX);
        if items.is_empty() {
            self.pieces(otherwise);
        }
        for (at, (key, this)) in items.into_iter().enumerate() {
            if !self.go_on() {
                return;
            }
            self.within(Frame { this, key, at, len }, body);
        }
    }

    fn within(&mut self, frame: Frame<'a>, body: &'a [Piece]) {
        self.frames.push(frame);
        self.pieces(body);
        self.frames.pop();
    }

    fn push(&mut self, text: &str, origin: Origin) {
        let room = RENDERED_BYTES_MAX - self.bytes.min(RENDERED_BYTES_MAX);
        let text = &text[..text.floor_char_boundary(room.min(text.len()))];
        if text.is_empty() {
            return;
        }
        self.bytes += text.len();
        match self.segments.last_mut() {
            Some(last) if last.origin == origin => last.text.push_str(text),
            _ => self.segments.push(Segment { text: text.to_owned(), origin }),
        }
    }

    fn eval(&mut self, plan: &'a Plan) -> Val<'a> {
        match plan {
            Plan::Text(text) => Val::text(&**text),
            Plan::Number(number) => Val::Number(*number),
            Plan::Bool(bool) => Val::Bool(*bool),
            Plan::Missing => Val::Missing,
            Plan::Path { from, steps } => follow(self.begin(*from), steps).plain(),
            Plan::Call { helper, args } => {
                let args: Vec<Val<'a>> = args.iter().map(|arg| self.eval(arg)).collect();
                (helper.run)(&self.on, &args)
            }
            Plan::Lookup { of, key } => {
                let (of, key) = (self.eval(of), self.eval(key));
                of.field(&key.show(self.on.zone)).plain()
            }
            Plan::Pluck { list, steps } => {
                let items = self.eval(list).items(STEPS_MAX);
                self.steps += items.len();
                Val::List(items.into_iter().map(|(_, item)| follow(item, steps).plain()).collect())
            }
            Plan::Where { list, steps, equals } => {
                let items = self.eval(list).items(STEPS_MAX);
                self.steps += items.len();
                let equals = equals.as_ref().map(|equals| self.eval(equals));
                let kept = items.into_iter().map(|(_, item)| item).filter(|item| {
                    let field = follow(item.clone(), steps).plain();
                    equals.as_ref().map_or_else(|| field.holds(), |equals| field.same(equals))
                });
                Val::List(kept.collect())
            }
        }
    }

    fn begin(&mut self, from: From) -> Val<'a> {
        let frame = |at: usize| self.frames.get(at);
        match from {
            From::Root(Root::Raw) => self.raw(),
            From::Root(root) => self.scope.value(root).into(),
            From::This(at) => frame(at).map_or(Val::Missing, |frame| frame.this.clone()),
            From::Index(at) => frame(at).map_or(Val::Missing, |frame| Val::Number(frame.at as f64)),
            From::Key(at) => frame(at).map_or(Val::Missing, |frame| match &frame.key {
                Some(key) => Val::Text(key.clone()),
                None => Val::Number(frame.at as f64),
            }),
            From::First(at) => Val::Bool(frame(at).is_some_and(|frame| frame.at == 0)),
            From::Last(at) => Val::Bool(frame(at).is_some_and(|frame| frame.at + 1 == frame.len)),
        }
    }

    fn raw(&self) -> Val<'a> {
        let parse = || {
            let raw = self.scope.person.map_or("null", |sight| sight.presence.raw);
            serde_json::from_str(raw).unwrap_or(Json::Null)
        };
        Val::Json(self.raw.get_or_init(parse))
    }
}

fn follow<'a>(value: Val<'a>, steps: &'a [Step]) -> Val<'a> {
    steps.iter().fold(value, |value, step| match step {
        Step::Field(field) => match value {
            Val::Object(object) => (field.read)(object).into(),
            _ => Val::Missing,
        },
        Step::Name(name) => value.field(name),
        Step::Item(at) => value.item(*at),
    })
}
