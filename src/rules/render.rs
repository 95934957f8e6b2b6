//! One mistake as people see it: what, where, the line with the place underlined, and what to do.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::diagnostic::{Problem, Severity};
use super::mask::Mask;
use super::places::{Source, Span};
use crate::printable::plain;

/// Of a longer line, so many bytes are shown on each side of the place.
const CONTEXT_BYTES_MAX: usize = 400;

pub fn problem(source: &Source, mask: &Mask, problem: &Problem, colour: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let what = plain(&problem.what);
    let help = problem.help.as_deref().map(plain);
    let mut group = Group::with_title(level.primary_title(what));
    if let Some(at) = problem.at {
        group = group.element(snippet(source, mask, at, AnnotationKind::Primary, ""));
    }
    if let Some((also, why)) = problem.also {
        group = group.element(snippet(source, mask, also, AnnotationKind::Context, why));
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

fn snippet<'s>(
    source: &'s Source,
    mask: &Mask,
    at: Span,
    kind: AnnotationKind,
    label: &'static str,
) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
    let at = source.first_line_of(at);
    let line = source.line_span(at.start);
    let window = Span::new(
        boundary(source, at.start.saturating_sub(CONTEXT_BYTES_MAX).max(line.start)),
        boundary(
            source,
            at.end.min(at.start + CONTEXT_BYTES_MAX).saturating_add(CONTEXT_BYTES_MAX).min(line.end),
        ),
    );
    let (number, _) = source.line_column(at.start);
    let shown = mask.shown(source, window);
    let marked = (at.start - window.start).min(shown.len())..(at.end - window.start).min(shown.len());
    let annotation = kind.span(marked);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(shown).line_start(number).path(source.name.as_str()).annotation(annotation)
}

/// The nearest character boundary at or before a byte.
fn boundary(source: &Source, at: usize) -> usize {
    source.text().floor_char_boundary(at)
}
