//! From the tree as Handlebars reads it to the tree that is rendered: each name found in the vocabulary, each
//! argument fitting, each value on its way through a helper of ours.

mod call;
mod kind;
mod path;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use handlebars::template::{HelperTemplate, Parameter, Subexpression, Template as Tree, TemplateElement};

use super::context::Uses;
use super::engine::{Checked as Done, Tool};
use super::helpers::{self, Gives};
use super::inlay::{self, Piece};
use super::view::{self, Call, Expr, Word};
use crate::rules::mistake::Mistake;
use crate::rules::scope::{Kind, Names};
use kind::Type;

/// A block that gives a `this`.
struct Frame {
    this: Type,
    /// Inside of `each` there are `@index`, `@first` and `@last`, and `@key` where there are keys.
    each: bool,
    /// Whether `each` walks over a list, where `@key` is the place.
    listed: bool,
    params: Vec<String>,
}

/// Checks a tree. `tags` are the insides of its tags, in the order of the text.
pub(super) fn check(
    source: &str,
    mut tree: Tree,
    tags: Vec<Range<usize>>,
    values: Vec<(Option<Arc<str>>, &str)>,
    names: &Names<'_>,
) -> Result<Done, Vec<Mistake>> {
    let mut checker = Checker {
        source,
        tags: tags.into_iter(),
        values: values.into_iter(),
        names,
        frames: Vec::new(),
        tools: Vec::new(),
        uses: Uses::default(),
        mistakes: Vec::new(),
    };
    checker.tree(&mut tree);
    debug_assert!(checker.tags.next().is_none(), "the first look saw tags that Handlebars does not see");
    debug_assert!(checker.values.next().is_none(), "a value was filled in and is nowhere in the tree");
    let Checker { tools, uses, mistakes, .. } = checker;
    if mistakes.is_empty() { Ok(Done { tree, tools, uses }) } else { Err(mistakes) }
}

/// Whether a tree, as Handlebars reads it, is nothing but `{{json …}}`.
pub(super) fn json_alone(tree: &Tree) -> bool {
    let mut shown = tree.elements.iter().filter(|element| !matches!(element, TemplateElement::Comment(_)));
    match (shown.next(), shown.next()) {
        (Some(TemplateElement::Expression(said) | TemplateElement::HtmlExpression(said)), None) => {
            said.name.as_name() == Some("json") && !said.params.is_empty()
        }
        _ => false,
    }
}

struct Checker<'n> {
    source: &'n str,
    tags: std::vec::IntoIter<Range<usize>>,
    /// What was filled in, in the order of the text, each with its name if it comes from outside.
    values: std::vec::IntoIter<(Option<Arc<str>>, &'n str)>,
    names: &'n Names<'n>,
    frames: Vec<Frame>,
    tools: Vec<Tool>,
    uses: Uses,
    mistakes: Vec<Mistake>,
}

/// A mistake has been noted; what follows from it is not worth another one.
struct Noted;

type Checked<T> = Result<T, Noted>;

impl Checker<'_> {
    fn tree(&mut self, tree: &mut Tree) {
        let mut lifted = Vec::new();
        for (at, element) in tree.elements.iter_mut().enumerate() {
            match element {
                TemplateElement::RawString(text) if inlay::find(text).is_some() => {
                    lifted.push((at, self.unveiled(text)));
                }
                TemplateElement::RawString(text) => *text = without_marks(text),
                TemplateElement::Comment(_) => {}
                TemplateElement::Expression(said) => {
                    if let Ok(value) = self.output(said) {
                        *element = self.tool_element(Tool::Value, vec![value]);
                    }
                }
                TemplateElement::HtmlExpression(said) => {
                    if let Ok(value) = self.output(said) {
                        *element = self.tool_element(Tool::Raw, vec![value]);
                    }
                }
                TemplateElement::HelperBlock(said) => {
                    // What is wrong has been noted; the rest of the tree is looked at all the same.
                    let _ = self.block(said);
                }
                _ => self.mistakes.push(Mistake::new(0..0, "partials and decorators are not offered")),
            }
        }
        for (at, pieces) in lifted.into_iter().rev() {
            tree.elements.splice(at..=at, pieces);
        }
    }

    /// A text with its values, each a piece of its own.
    fn unveiled(&mut self, text: &str) -> Vec<TemplateElement> {
        let pieces = inlay::pieces(text).into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(TemplateElement::RawString(without_marks(text))),
            Piece::Veil => match self.values.next()? {
                (None, value) => Some(TemplateElement::RawString(without_marks(value))),
                (Some(name), value) => {
                    let said =
                        [name.to_string(), without_marks(value)].map(|text| Parameter::Literal(text.into()));
                    Some(self.tool_element(Tool::Outside, said.into()))
                }
            },
        });
        pieces.collect()
    }

    fn next_tag(&mut self) -> Range<usize> {
        self.tags.next().unwrap_or(0..self.source.len())
    }

    fn output(&mut self, said: &HelperTemplate) -> Checked<Parameter> {
        let tag = self.next_tag();
        let what = view::output(self.source, tag, said);
        let (value, kind) = self.value(&what)?;
        self.shown(kind, what.at())?;
        Ok(value)
    }

    /// The branches are looked at whether or not the head is right.
    fn block(&mut self, said: &mut HelperTemplate) -> Checked<()> {
        let tag = self.next_tag();
        let (head, params) = view::head(self.source, tag, said);
        let args = match head.name.text.as_str() {
            "each" => {
                let list = self.only_argument(&head);
                let item = list.as_ref().map_err(|_| Noted).and_then(|(_, kind)| {
                    self.item_type(*kind, head.args[0].at()).map(|item| (item, kind.is_list()))
                });
                self.no_named(&head);
                let (this, listed) = item.unwrap_or((Type::Is(Kind::Any), false));
                self.within(said, Frame { this, each: true, listed, params: texts(&params) });
                list.map(|(list, _)| vec![list])
            }
            "with" => {
                let what = self.only_argument(&head);
                self.no_named(&head);
                if let Some(second) = params.get(1) {
                    let what = "`with` gives one thing, so it takes one name";
                    self.mistakes.push(Mistake::new(second.at.clone(), what));
                }
                // Below a head that is wrong any name may be right.
                let this = what.as_ref().map_or(Type::Is(Kind::Any), |(_, kind)| *kind);
                self.within(said, Frame { this, each: false, listed: false, params: texts(&params) });
                what.map(|(what, _)| vec![what])
            }
            name => {
                let test = match helpers::find(name) {
                    _ if matches!(name, "if" | "unless") => {
                        self.if_named(&head);
                        self.only_argument(&head).map(|(test, _)| vec![test])
                    }
                    // `{{#eq a b}}` is short for `{{#if (eq a b)}}`.
                    Some(helper) if helper.gives == Gives::Kind(Kind::Bool) => {
                        let args = self.helper(helper, &head).map(|(args, _)| args);
                        said.hash.clear();
                        args
                    }
                    _ => Err(self.no_block(&head)),
                };
                if let (Some(param), Ok(_)) = (params.first(), &test) {
                    let what = format!("`{name}` gives nothing that `as` could name");
                    self.mistakes.push(Mistake::new(param.at.clone(), what));
                }
                self.branches(said);
                test
            }
        };
        said.params = args?;
        Ok(())
    }

    /// The branches of a block whose first one is about something of its own.
    fn within(&mut self, said: &mut HelperTemplate, frame: Frame) {
        let each = frame.each;
        self.frames.push(frame);
        if let Some(body) = &mut said.template {
            self.tree(body);
            if each {
                let tick = self.tool_element(Tool::Tick, Vec::new());
                body.elements.insert(0, tick);
            }
        }
        self.frames.pop();
        if let Some(otherwise) = &mut said.inverse {
            self.tree(otherwise);
        }
    }

    fn branches(&mut self, said: &mut HelperTemplate) {
        for branch in [&mut said.template, &mut said.inverse].into_iter().flatten() {
            self.tree(branch);
        }
    }

    /// What `if` takes by name.
    fn if_named(&mut self, head: &Call) {
        for (key, value) in &head.named {
            let fits =
                key.text == "includeZero" && matches!(value, Expr::Literal(json, _) if json.is_boolean());
            if !fits {
                let what = format!("`{}` is nothing that `if` takes", key.text);
                self.mistakes.push(Mistake::new(key.at.clone(), what).nearest(&key.text, ["includeZero"]));
            }
        }
    }

    fn no_block(&mut self, head: &Call) -> Noted {
        let text = &head.name.text;
        let mistake = Mistake::new(head.name.at.clone(), format!("`{text}` is no block"));
        let is_name = head.args.is_empty() && self.is_name(text);
        self.note(if is_name {
            mistake
                .help(format!("write `{{{{#if {text}}}}}`, `{{{{#with {text}}}}}` or `{{{{#each {text}}}}}`"))
        } else if helpers::find(text).is_some() {
            mistake.help(format!("write it without `#`: `{{{{{text} …}}}}`"))
        } else {
            mistake.nearest(
                text,
                ["if", "unless", "each", "with", "eq", "ne", "gt", "lt", "ge", "le", "and", "or", "not"],
            )
        })
    }

    fn no_named(&mut self, call: &Call) {
        if let Some((key, _)) = call.named.first() {
            let what = format!("`{}` takes nothing by name", call.name.text);
            self.mistakes.push(Mistake::new(key.at.clone(), what));
        }
    }

    fn note(&mut self, mistake: Mistake) -> Noted {
        self.mistakes.push(mistake);
        Noted
    }

    fn only_argument(&mut self, head: &Call) -> Checked<(Parameter, Type)> {
        match head.args.as_slice() {
            [value] => self.value(value),
            args => {
                let as_without_bars = args.iter().find_map(|arg| match arg {
                    Expr::Path(path) if self.source[path.at.clone()] == *"as" => Some(path.at.clone()),
                    _ => None,
                });
                if let Some(at) = as_without_bars {
                    return Err(self.note(super::as_names(at)));
                }
                let name = &head.name.text;
                let at = args.get(1).map_or_else(|| head.at.clone(), Expr::at);
                let mistake =
                    Mistake::new(at, format!("`{name}` takes one value, and {} are given", args.len()));
                let first = args.first().and_then(|arg| match arg {
                    Expr::Path(path) => path.words.first(),
                    _ => None,
                });
                Err(self.note(match first {
                    Some(word) if args.len() > 1 && helpers::find(&word.text).is_some() => {
                        mistake.help(format!(
                            "put parentheses around what `{}` takes: `{name} ({} …)`",
                            word.text, word.text
                        ))
                    }
                    _ => mistake,
                }))
            }
        }
    }

    /// What stands between braces must be something to write.
    fn shown(&mut self, kind: Type, at: Range<usize>) -> Checked<()> {
        if kind.is_plain() {
            return Ok(());
        }
        let mistake = Mistake::new(at, format!("this is {}, not a text", kind.spoken()));
        Err(self.note(match kind {
            Type::Is(Kind::Object(object)) => {
                let fields = object.fields().iter().take(6).map(|field| format!("`.{}`", field.name));
                mistake.help(format!("add a field: {}", fields.collect::<Vec<_>>().join(", ")))
            }
            Type::Is(Kind::List(_)) => mistake.help("use `{{#each …}}`, or `{{join (pluck … 'name') ', '}}`"),
            Type::Plucked(_) => mistake.help("use `{{join … ', '}}`"),
            Type::Is(_) => mistake.help("add a key, or use `{{#each …}}`"),
        }))
    }

    fn item_type(&mut self, kind: Type, at: Range<usize>) -> Checked<Type> {
        match kind {
            Type::Is(Kind::List(object)) => Ok(Type::Is(Kind::Object(object))),
            Type::Plucked(kind) => Ok(Type::Is(kind)),
            Type::Is(Kind::TextMap) => Ok(Type::Is(Kind::Text)),
            Type::Is(Kind::Any) => Ok(kind),
            other @ Type::Is(_) => {
                let mistake =
                    Mistake::new(at, format!("`each` takes a list, and this is {}", other.spoken()));
                Err(self.note(mistake.help("lists are `activities`, each group, and `kv`")))
            }
        }
    }

    /// A call of one of our own helpers, which this rendering will need.
    fn tool(&mut self, tool: Tool, args: Vec<Parameter>) -> Parameter {
        Parameter::Subexpression(self.called(tool, args))
    }

    fn tool_element(&mut self, tool: Tool, args: Vec<Parameter>) -> TemplateElement {
        *self.called(tool, args).element
    }

    fn called(&mut self, tool: Tool, args: Vec<Parameter>) -> Subexpression {
        self.need(tool);
        Subexpression::new(Parameter::Name(tool.name().to_owned()), args, HashMap::new())
    }

    fn need(&mut self, tool: Tool) {
        if !self.tools.iter().any(|known| known.name() == tool.name()) {
            self.tools.push(tool);
        }
    }
}

/// No letter of the text is a mark between strangers' words and the author's.
fn without_marks(text: &str) -> String {
    text.chars().filter(|&c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect()
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text.clone()).collect()
}
