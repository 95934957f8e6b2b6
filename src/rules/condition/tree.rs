//! A compiled condition: a tree that was type-checked, so that evaluating it cannot fail.
//!
//! Two walks: `truth` for boolean places, without making values of what lies below, and `worth` for the rest.
//! Lists are walked, not collected, wherever only their elements matter. Each step is counted; when there are
//! none left, everything is missing and every loop ends.

use std::borrow::Cow;
use std::ops::ControlFlow;

use regex::Regex;

use super::reckon::{Arithmetic, Convert, Unit, Wanted};
use super::worth::Worth;
use crate::rules::scope::{Field, Kind, Object, Root, Scope, Value};

/// How many steps one evaluation may take: some ten milliseconds, or a group of 100,000 looked at once.
pub const STEPS_MAX: u32 = 1_000_000;
/// How deep list macros may nest.
pub const MACROS_MAX: usize = 2;
/// How much text is worked on in one step.
const BYTES_A_STEP: usize = 64;

#[derive(Clone)]
pub enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Time(i64),
    Duration(i64),
    List(Vec<Node>),
    Root(Root),
    /// The element that a macro is at, by the macro's depth.
    Variable(usize),
    Field(Box<Node>, &'static Field),
    /// A field of something whose kind only the evaluation knows.
    AnyField(Box<Node>, Box<str>),
    /// `kv["scene"]`
    Key(Box<Node>, Box<Node>),
    /// `activities[0]`
    Item(Box<Node>, Box<Node>),
    Has(Box<Node>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Choose(Box<[Node; 3]>),
    Equal(Box<[Node; 2]>),
    TextIs(Box<Node>, Box<str>),
    IsNull(Box<Node>),
    /// One of the relations of order. Nothing is before or after a time that is missing.
    Order(Box<[Node; 2]>, Wanted),
    TimeOrder(Box<[Node; 2]>, Wanted),
    TextIn(Box<Node>, Vec<Box<str>>),
    /// `element in list`
    In(Box<[Node; 2]>),
    /// `key in map`
    KeyIn(Box<[Node; 2]>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    TextTest(TextTest, Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Map(TextMap, Box<Node>),
    Size(Box<Node>),
    Convert(Convert, Box<Node>),
    Units(Unit, Box<Node>),
    Macro(Macro, Box<Loop>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMap {
    LowerAscii,
    UpperAscii,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// What a macro does to each element of a list.
#[derive(Clone)]
pub struct Loop {
    pub over: Node,
    /// The depth, which is the element's place among the variables.
    pub depth: usize,
    /// For `map` with three arguments: which elements are taken.
    pub only: Option<Node>,
    pub body: Node,
}

/// One evaluation under way.
pub struct Run<'e> {
    scope: &'e Scope<'e>,
    variables: [Worth<'e>; MACROS_MAX],
    steps_left: u32,
}

impl<'e> Run<'e> {
    pub fn new(scope: &'e Scope<'e>, steps: u32) -> Self {
        Self { scope, variables: [const { Worth::Missing }; MACROS_MAX], steps_left: steps }
    }

    /// Whether the steps were used up, and the result therefore means nothing.
    pub fn is_spent(&self) -> bool {
        self.steps_left == 0
    }

    fn step(&mut self, text_bytes: usize) {
        let steps = u32::try_from(1 + text_bytes / BYTES_A_STEP).unwrap_or(u32::MAX);
        self.steps_left = self.steps_left.saturating_sub(steps);
    }
}

type Visit<'v, 'e> = &'v mut dyn FnMut(&mut Run<'e>, Worth<'e>) -> ControlFlow<()>;

impl Node {
    /// What it is worth in a boolean place.
    pub fn truth<'e>(&'e self, run: &mut Run<'e>) -> bool {
        run.step(0);
        if run.is_spent() {
            return false;
        }
        match self {
            Self::Bool(truth) => *truth,
            Self::Not(inner) => !inner.truth(run),
            Self::And(terms) => terms.iter().all(|term| term.truth(run)),
            Self::Or(terms) => terms.iter().any(|term| term.truth(run)),
            Self::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.truth(run) { then.truth(run) } else { otherwise.truth(run) }
            }
            Self::TextIs(of, wanted) => text_of(of, run, |text| text == &**wanted),
            Self::TextIn(of, wanted) => text_of(of, run, |text| wanted.iter().any(|one| text == &**one)),
            Self::IsNull(of) => of.worth(run).is_missing(),
            Self::Has(of) => match &**of {
                // A key of a map is there even if its text is empty.
                Self::Key(..) => !of.worth(run).is_missing(),
                of => of.worth(run).is_there(),
            },
            Self::Equal(sides) => {
                let (left, right) = compared(sides, run);
                left.equals(&right)
            }
            Self::Order(sides, wanted) => {
                let (left, right) = compared(sides, run);
                left.compare(&right).is_some_and(|order| wanted.is(order))
            }
            Self::TimeOrder(sides, wanted) => {
                let (left, right) = both(sides, run);
                let known = !left.is_missing() && !right.is_missing();
                known && left.compare(&right).is_some_and(|order| wanted.is(order))
            }
            Self::In(sides) => {
                let [element, list] = &**sides;
                let element = element.worth(run);
                let mut found = false;
                list.each(run, &mut |run, item| {
                    run.step(element.text().len().min(item.text().len()));
                    stop_if(&mut found, element.equals(&item))
                });
                found
            }
            Self::KeyIn(sides) => {
                let (key, map) = both(sides, run);
                entry(&map, key.text()).is_some()
            }
            Self::TextTest(test, sides) => {
                let (text, part) = both(sides, run);
                run.step(text.text().len());
                match test {
                    TextTest::Contains => text.text().contains(part.text()),
                    TextTest::StartsWith => text.text().starts_with(part.text()),
                    TextTest::EndsWith => text.text().ends_with(part.text()),
                }
            }
            Self::Matches(of, regex) => {
                let text = of.worth(run);
                run.step(text.text().len().saturating_mul(8));
                regex.is_match(text.text())
            }
            Self::Macro(macro_, inner) => match macro_ {
                Macro::All => {
                    let mut fails = false;
                    inner.each(run, &mut |run, _| {
                        let failed = !inner.body.truth(run);
                        stop_if(&mut fails, failed)
                    });
                    !fails
                }
                Macro::Exists => {
                    let mut found = false;
                    inner.each(run, &mut |run, _| {
                        let holds = inner.body.truth(run);
                        stop_if(&mut found, holds)
                    });
                    found
                }
                Macro::ExistsOne => {
                    let mut count = 0_u32;
                    inner.each(run, &mut |run, _| {
                        count += u32::from(inner.body.truth(run));
                        ControlFlow::Continue(())
                    });
                    count == 1
                }
                Macro::Filter | Macro::Map => true,
            },
            _ => self.worth(run).truth(),
        }
    }

    pub fn worth<'e>(&'e self, run: &mut Run<'e>) -> Worth<'e> {
        run.step(0);
        if run.is_spent() {
            return Worth::Missing;
        }
        match self {
            Self::Null => Worth::Missing,
            Self::Int(number) => Worth::Int(*number),
            Self::Uint(number) => Worth::Uint(*number),
            Self::Double(number) => Worth::Double(*number),
            Self::Text(text) => Worth::Text(Cow::Borrowed(text)),
            Self::Time(ms) => Worth::Time(*ms),
            Self::Duration(ms) => Worth::Duration(*ms),
            Self::Root(root) => run.scope.value(*root).into(),
            Self::Variable(depth) => {
                let worth = run.variables[*depth].clone();
                run.step(worth.text().len());
                worth
            }
            Self::Field(of, field) => match of.object(run) {
                Some(object) => (field.read)(object).into(),
                None => Worth::Missing,
            },
            Self::AnyField(of, name) => match of.worth(run) {
                Worth::Object(object) => {
                    object.kind().field(name).map_or(Worth::Missing, |field| (field.read)(object).into())
                }
                _ => Worth::Missing,
            },
            Self::Key(of, key) => {
                let map = of.worth(run);
                let found = match &**key {
                    Self::Text(key) => entry(&map, key),
                    key => entry(&map, key.worth(run).text()),
                };
                found.map_or(Worth::Missing, |text| Worth::Text(Cow::Borrowed(text)))
            }
            Self::Item(of, at) => {
                let Worth::Int(at) = at.worth(run) else { return Worth::Missing };
                let mut left = at;
                let mut found = Worth::Missing;
                of.each(run, &mut |_, item| {
                    if left == 0 {
                        found = item;
                        return ControlFlow::Break(());
                    }
                    left -= 1;
                    ControlFlow::Continue(())
                });
                found
            }
            Self::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.truth(run) { then.worth(run) } else { otherwise.worth(run) }
            }
            Self::Negate(of) => match of.worth(run) {
                Worth::Int(number) => number.checked_neg().map_or(Worth::Missing, Worth::Int),
                Worth::Double(number) => Worth::Double(-number),
                _ => Worth::Missing,
            },
            Self::Arithmetic(operation, sides) => {
                let (left, right) = both(sides, run);
                run.step(left.text().len() + right.text().len());
                operation.of(left, right)
            }
            Self::Map(map, of) => {
                let text = of.worth(run);
                run.step(text.text().len());
                Worth::Text(Cow::Owned(match map {
                    TextMap::LowerAscii => text.text().to_ascii_lowercase(),
                    TextMap::UpperAscii => text.text().to_ascii_uppercase(),
                }))
            }
            Self::Size(of) => Worth::Int(of.size(run)),
            Self::Convert(convert, of) => {
                let worth = of.worth(run);
                run.step(worth.text().len());
                convert.of(worth)
            }
            Self::Units(unit, of) => match of.worth(run) {
                Worth::Duration(ms) => Worth::Int(ms / unit.ms()),
                _ => Worth::Missing,
            },
            Self::List(_) | Self::Macro(Macro::Filter | Macro::Map, _) => {
                let mut items = Vec::new();
                self.each(run, &mut |run, item| {
                    run.step(item.text().len());
                    items.push(item);
                    ControlFlow::Continue(())
                });
                Worth::List(items)
            }
            _ => Worth::Bool(self.truth(run)),
        }
    }

    /// What a field is read from. Objects of the rule's own person come without a detour over `Worth`.
    fn object<'e>(&'e self, run: &mut Run<'e>) -> Option<Object<'e>> {
        match self {
            Self::Root(root) => {
                run.step(0);
                match run.scope.value(*root) {
                    Value::Object(object) => Some(object),
                    _ => None,
                }
            }
            Self::Variable(depth) => match &run.variables[*depth] {
                Worth::Object(object) => Some(*object),
                _ => None,
            },
            _ => match self.worth(run) {
                Worth::Object(object) => Some(object),
                _ => None,
            },
        }
    }

    /// Hands out the elements of a list, one after another.
    fn each<'e>(&'e self, run: &mut Run<'e>, visit: Visit<'_, 'e>) {
        run.step(0);
        match self {
            Self::List(items) => {
                for item in items {
                    let item = item.worth(run);
                    if run.is_spent() || visit(run, item).is_break() {
                        return;
                    }
                }
            }
            Self::Root(Root::Group(at)) => {
                let members = run.scope.people.group(*at);
                // They were gathered at once, however few of them will be looked at.
                run.step(members.len().saturating_mul(BYTES_A_STEP / 4));
                for sight in members {
                    run.step(0);
                    if run.is_spent() || visit(run, Worth::Object(Object::Person(sight))).is_break() {
                        return;
                    }
                }
            }
            Self::Macro(Macro::Filter, inner) => inner.each(run, &mut |run, item| {
                if inner.body.truth(run) && !run.is_spent() {
                    visit(run, item)
                } else {
                    ControlFlow::Continue(())
                }
            }),
            Self::Macro(Macro::Map, inner) => inner.each(run, &mut |run, _| {
                if inner.only.as_ref().is_some_and(|only| !only.truth(run)) {
                    return ControlFlow::Continue(());
                }
                let item = inner.body.worth(run);
                if run.is_spent() { ControlFlow::Break(()) } else { visit(run, item) }
            }),
            Self::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.truth(run) { then.each(run, visit) } else { otherwise.each(run, visit) }
            }
            _ => {
                // A map's elements are its keys.
                let items = match self.worth(run) {
                    Worth::List(items) => items,
                    Worth::Map(pairs) => {
                        pairs.iter().map(|(key, _)| Worth::Text(Cow::Borrowed(&**key))).collect()
                    }
                    _ => return,
                };
                for item in items {
                    run.step(0);
                    if run.is_spent() || visit(run, item).is_break() {
                        return;
                    }
                }
            }
        }
    }

    /// The number of a text's characters, a list's elements, a map's keys.
    fn size<'e>(&'e self, run: &mut Run<'e>) -> i64 {
        if let Self::Macro(..) | Self::List(_) | Self::Root(Root::Group(_)) = self {
            let mut count = 0;
            self.each(run, &mut |_, _| {
                count += 1;
                ControlFlow::Continue(())
            });
            return count;
        }
        let size = match self.worth(run) {
            Worth::Text(text) => {
                run.step(text.len());
                text.chars().count()
            }
            Worth::List(items) => items.len(),
            Worth::Map(pairs) => pairs.len(),
            _ => 0,
        };
        i64::try_from(size).unwrap_or(i64::MAX)
    }
}

impl Loop {
    /// Hands out each element after it became the variable. Macros in a row (`x.filter(…).map(…)`) share one
    /// variable: each sets it anew before its own body looks at it.
    fn each<'e>(&'e self, run: &mut Run<'e>, visit: Visit<'_, 'e>) {
        self.over.each(run, &mut |run, item| {
            run.variables[self.depth] = item.clone();
            visit(run, item)
        });
    }
}

fn text_of<'e>(of: &'e Node, run: &mut Run<'e>, test: impl FnOnce(&str) -> bool) -> bool {
    // Texts read from an object, which is most of them, need no `Worth` around them.
    if let Node::Field(from, field) = of
        && field.kind == Kind::Text
    {
        run.step(0);
        return match from.object(run).map(field.read) {
            Some(Value::Text(text)) => test(&text),
            _ => test(""),
        };
    }
    test(of.worth(run).text())
}

fn both<'e>(sides: &'e [Node; 2], run: &mut Run<'e>) -> (Worth<'e>, Worth<'e>) {
    let left = sides[0].worth(run);
    (left, sides[1].worth(run))
}

/// The two sides of a comparison, which costs the longer the more of them is alike.
fn compared<'e>(sides: &'e [Node; 2], run: &mut Run<'e>) -> (Worth<'e>, Worth<'e>) {
    let (left, right) = both(sides, run);
    run.step(left.text().len().min(right.text().len()));
    (left, right)
}

/// The value of a key; the pairs are sorted by key.
fn entry<'e>(map: &Worth<'e>, key: &str) -> Option<&'e str> {
    let Worth::Map(pairs) = map else { return None };
    let at = pairs.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
    Some(&pairs[at].1)
}

fn stop_if(flag: &mut bool, reached: bool) -> ControlFlow<()> {
    *flag = reached;
    if reached { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
