//! Rendering by Handlebars: its tree, our helpers, and an output that knows who wrote what.
//!
//! The checker has left nothing in the tree that Handlebars would write by itself but the author's text: each
//! value goes through `value` or `raw`, which mark it. The output reads the marks and is bounded; so are the
//! steps of loops, by `tick` in their bodies.

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use handlebars::template::{Template as Tree, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper as Said, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use serde_json::Value as Json;

use super::context::{self, Uses, without_controls};
use super::helpers::{Helper, Surroundings};
use super::value::Val;
use super::{Origin, RENDERED_BYTES_MAX, Segment};
use crate::rules::scope::Scope;

/// Items that one rendering looks at: loops over loops over a stranger's KV end here.
const STEPS_MAX: usize = 100_000;

/// Marks in the output; no text has them, neither the author's nor a stranger's.
const VALUE: &str = "\u{1}";
const RAW: &str = "\u{2}";
const LITERAL: &str = "\u{3}";
/// Comes before the name of a value.
const OUTSIDE: char = '\u{6}';

/// A helper as it stands in the checked tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tool {
    /// Writes what a stranger may have written.
    Value,
    /// The same, by the author's wish as it is.
    Raw,
    /// Writes what was filled in from outside of the file.
    Outside,
    /// Counts a loop's item.
    Tick,
    /// Follows names below a value whose fields are not known when the template is checked.
    Dig,
    Lookup,
    Pluck,
    Where,
    Table(&'static Helper),
}

/// A checked tree, and what it needs.
#[derive(Debug)]
pub(super) struct Checked {
    pub tree: Tree,
    pub tools: Vec<Tool>,
    pub uses: Uses,
}

pub(super) struct Rendered {
    pub segments: Vec<Segment>,
    /// Whether everything was written.
    pub whole: bool,
    /// What Handlebars refused, if it refused anything.
    pub fault: Option<String>,
}

static REGISTRY: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.register_helper("if", Box::new(If { holds: true }));
    registry.register_helper("unless", Box::new(If { holds: false }));
    registry
});

/// An expression that Handlebars refuses comes out empty; the rest is rendered.
pub(super) fn render(checked: &Checked, scope: &Scope<'_>) -> Rendered {
    let context = Context::from(context::of(&checked.uses, scope));
    let on = Surroundings { zone: scope.zone, now_ms: scope.now.wall_ms, steps: AtomicUsize::new(0) };
    let mut out = Segments { list: Vec::new(), origin: Origin::Literal, bytes: 0, full: false };
    let mut at_hand = at_hand(&checked.tools, &on);
    let mut fault = None;
    for element in &checked.tree.elements {
        let Err(error) = element.render(&REGISTRY, &context, &mut at_hand, &mut out) else { continue };
        if out.full || on.spent() {
            break;
        }
        fault.get_or_insert_with(|| error.reason().to_string());
        out.origin = Origin::Literal;
        at_hand = self::at_hand(&checked.tools, &on);
    }
    Rendered { whole: !out.full && !on.spent() && fault.is_none(), segments: out.list, fault }
}

/// The helpers that this template calls, bound to this rendering's zone, time and patience.
fn at_hand<'a>(tools: &[Tool], on: &'a Surroundings<'a>) -> RenderContext<'static, 'a> {
    let mut context = RenderContext::new(None);
    for tool in tools {
        context.register_local_helper(tool.name(), Box::new(Bound { tool: *tool, on }));
    }
    context
}

impl Surroundings<'_> {
    /// Counts; false once it is too much.
    fn go_on(&self, steps: usize) -> bool {
        self.steps.fetch_add(steps, Ordering::Relaxed) + steps <= STEPS_MAX
    }

    fn spent(&self) -> bool {
        self.steps.load(Ordering::Relaxed) > STEPS_MAX
    }
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Raw => "raw",
            Self::Outside => "outside",
            Self::Tick => "tick",
            Self::Dig => "dig",
            Self::Lookup => "lookup",
            Self::Pluck => "pluck",
            Self::Where => "where",
            Self::Table(helper) => helper.name,
        }
    }
}

/// A tool in one rendering.
struct Bound<'a> {
    tool: Tool,
    on: &'a Surroundings<'a>,
}

impl HelperDef for Bound<'_> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        said: &Said<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let args: Vec<Val<'_>> = said.params().iter().map(|param| Val::from(param.value())).collect();
        self.run(&args).map(ScopedJson::Derived)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        said: &Said<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rendering: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let mark = match self.tool {
            Tool::Value => VALUE,
            Tool::Raw => RAW,
            Tool::Outside => {
                let mut said = said.params().iter().filter_map(|param| param.value().as_str());
                let (name, value) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
                out.write(&format!("{OUTSIDE}{name}"))?;
                out.write(value)?;
                return Ok(out.write(LITERAL)?);
            }
            Tool::Tick => return self.patient(1),
            // `{{#eq a b}}` is short for `{{#if (eq a b)}}`.
            _ => {
                let result = self.call_inner(said, registry, context, rendering)?;
                return branch(said, Val::from(result.as_json()).holds(), registry, context, rendering, out);
            }
        };
        let shown = said.param(0).map(|param| Val::from(param.value()).show(self.on.zone));
        let shown = without_controls(shown.unwrap_or_default());
        if shown.is_empty() {
            return Ok(());
        }
        out.write(mark)?;
        out.write(&shown)?;
        Ok(out.write(LITERAL)?)
    }
}

impl Bound<'_> {
    fn run(&self, args: &[Val<'_>]) -> Result<Json, RenderError> {
        let zone = self.on.zone;
        let first = args.first().unwrap_or(&Val::Missing);
        let text = |at: usize| args.get(at).map_or_else(Default::default, |value| value.show(zone));
        Ok(match self.tool {
            Tool::Table(helper) => (helper.run)(self.on, args).into_json(),
            Tool::Lookup => first.field(&text(1)).into_json(),
            Tool::Dig => {
                let found =
                    args.iter().skip(1).fold(first.clone(), |value, name| value.field(&name.show(zone)));
                found.into_json()
            }
            Tool::Pluck => {
                self.patient(first.len())?;
                let path = text(1);
                first.items().map(|item| follow(item, &path).into_json()).collect()
            }
            Tool::Where => {
                self.patient(first.len())?;
                let path = text(1);
                let kept = first.items().filter(|item| {
                    let field = follow(item, &path);
                    args.get(2).map_or_else(|| field.holds(), |equals| field.same(equals))
                });
                kept.cloned().collect()
            }
            Tool::Value | Tool::Raw | Tool::Outside | Tool::Tick => Json::Null,
        })
    }

    fn patient(&self, steps: usize) -> HelperResult {
        if self.on.go_on(steps) {
            return Ok(());
        }
        Err(RenderErrorReason::Other("too many steps".to_owned()).into())
    }
}

fn follow<'a>(item: &'a Json, path: &str) -> Val<'a> {
    path.split('.').fold(Val::from(item), |value, name| value.field(name))
}

/// `if` and `unless`, by what counts as true here.
struct If {
    holds: bool,
}

impl HelperDef for If {
    fn call<'reg: 'rc, 'rc>(
        &self,
        said: &Said<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rendering: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = said.param(0).map_or(Val::Missing, |param| Val::from(param.value()));
        let zero_holds = said.hash_get("includeZero").is_some_and(|given| given.value() == true);
        let holds = value.holds() || (zero_holds && matches!(value, Val::Number(_)));
        branch(said, holds == self.holds, registry, context, rendering, out)
    }
}

fn branch<'reg: 'rc, 'rc>(
    said: &Said<'rc>,
    holds: bool,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    rendering: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let branch = if holds { said.template() } else { said.inverse() };
    branch.map_or(Ok(()), |branch| branch.render(registry, context, rendering, out))
}

/// What has been written so far, in stretches of one origin.
struct Segments {
    list: Vec<Segment>,
    origin: Origin,
    bytes: usize,
    full: bool,
}

impl Output for Segments {
    fn write(&mut self, text: &str) -> io::Result<()> {
        match text {
            VALUE => self.origin = Origin::Value,
            RAW => self.origin = Origin::Raw,
            LITERAL => self.origin = Origin::Literal,
            text if let Some(name) = text.strip_prefix(OUTSIDE) => self.origin = Origin::Outside(name.into()),
            text => {
                let room = RENDERED_BYTES_MAX - self.bytes;
                // Half of a value is worth nothing.
                let torn = text.len() > room && matches!(self.origin, Origin::Outside(_));
                self.push(&text[..if torn { 0 } else { text.floor_char_boundary(room) }]);
                if text.len() > room {
                    self.full = true;
                    return Err(io::Error::other("the text is full"));
                }
            }
        }
        Ok(())
    }
}

impl Segments {
    fn push(&mut self, text: &str) {
        self.bytes += text.len();
        match self.list.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.origin == self.origin && !matches!(self.origin, Origin::Outside(_)) => {
                last.text.push_str(text);
            }
            _ => self.list.push(Segment { text: text.to_owned(), origin: self.origin.clone() }),
        }
    }
}

/// The text of a tree that is nothing but text.
pub(super) fn constant(tree: &Tree) -> Option<String> {
    let texts = tree.elements.iter().map(|element| match element {
        TemplateElement::RawString(text) => Some(text.as_str()),
        TemplateElement::Comment(_) => Some(""),
        _ => None,
    });
    texts.collect()
}
