//! What the page is asked to show: what stands behind the `?` of its address.

use serde::{Deserialize, Deserializer};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    pub view: View,
    #[serde(deserialize_with = "filled")]
    pub person: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub rule: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub target: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub state: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub delivery: Option<String>,
    /// What the form of `try` begins with.
    #[serde(deserialize_with = "filled")]
    pub example: Option<String>,
    /// Where a list goes on.
    #[serde(deserialize_with = "filled")]
    pub after: Option<String>,
    /// Where a list goes on that begins with the youngest.
    pub before: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum View {
    #[default]
    People,
    Rules,
    Activity,
    Deliveries,
    Try,
}

impl View {
    pub const ALL: [Self; 5] = [Self::People, Self::Rules, Self::Activity, Self::Deliveries, Self::Try];

    /// Its name in an address, and that of its template.
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Rules => "rules",
            Self::Activity => "activity",
            Self::Deliveries => "deliveries",
            Self::Try => "try",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::People => "People",
            Self::Rules => "Rules",
            Self::Activity => "Activity",
            Self::Deliveries => "Deliveries",
            Self::Try => "Try it",
        }
    }
}

/// A form sends the fields that nobody filled in, too.
fn filled<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let text = text.trim();
    Ok(Some(text).filter(|text| !text.is_empty()).map(ToOwned::to_owned))
}
