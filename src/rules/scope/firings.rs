//! Firings that are told together: each has the names that a message about it alone would have.

use std::sync::LazyLock;

use super::{Field, Keys, Names, ObjectKind, Scope, Value};
use crate::presence::change::Subject;

/// What the firings of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Firings {
    /// Whether each is about a person.
    pub has_person: bool,
    /// As `Names` has it.
    pub change: Option<Option<Subject>>,
}

/// What is said of a firing beside its person.
const WORDS: [(&str, &str); 6] = [
    ("before", "The same person before the change."),
    ("change", "What changed."),
    ("late", "Whether we were away when it happened."),
    ("late_by", "How long we were away."),
    ("since", "When the state that began or ended had begun."),
    ("lasted", "How long the state that ended had lasted."),
];

static NOBODY: LazyLock<Keys> = LazyLock::new(Keys::default);
static TABLES: LazyLock<Vec<(Firings, Vec<Field>)>> = LazyLock::new(|| {
    let changes = Subject::ALL.into_iter().map(Some).chain([None]).map(Some).chain([None]);
    let all = changes.flat_map(|change| [true, false].map(|has_person| Firings { has_person, change }));
    all.map(|firings| (firings, firings.table())).collect()
});

impl Firings {
    pub fn of(scope: &Scope<'_>) -> Self {
        let change = scope.change.map(|happened| Some(happened.kind().subject()));
        Self { has_person: scope.person.is_some(), change }
    }

    pub fn fields(self) -> &'static [Field] {
        TABLES.iter().find(|(of, _)| *of == self).map_or(&[], |(_, table)| table)
    }

    fn table(self) -> Vec<Field> {
        let names = self.names();
        let own = ObjectKind::Person.fields().iter().filter(|_| self.has_person).copied();
        let words = WORDS.iter().filter_map(|&(name, doc)| {
            let (_, kind) = names.root(name)?;
            Some(Field { name, kind, doc, read: |_| Value::Missing })
        });
        own.chain(words).collect()
    }

    /// The names that a message about one of them alone would have.
    fn names(self) -> Names<'static> {
        let Self { has_person, change } = self;
        Names { people: &NOBODY, groups: &NOBODY, has_person, change, in_template: true, gathered: None }
    }
}

/// What a field of one firing is worth: what its name is worth where it is told alone.
pub(super) fn value<'a>(scope: &'a Scope<'a>, field: &Field) -> Value<'a> {
    let root = Firings::of(scope).names().root(field.name);
    root.map_or(Value::Missing, |(root, _)| scope.value(root))
}
