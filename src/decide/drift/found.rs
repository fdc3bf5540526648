//! In: an object that is not as it was applied. Out: what people read of it: in what it differs, by whom, what is done.
//! Guarantee: one line an object, and no value of a Secret in it.
use super::{Drifted, Fight};
use crate::decide::value::{Value, canonical};
use crate::name::{LayerName, ObjectId};
use std::fmt;

/// How many fields a line names: more are counted.
const FIELDS_SHOWN: usize = 3;

/// The longest value that a line shows.
const SHOWN_CHARS_MAX: usize = 40;

/// An object that is not as it was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its layer.
    pub layer: LayerName,
    /// The object.
    pub object: ObjectId,
    /// In what it differs.
    pub what: What,
    /// What is done about it.
    pub fate: Fate,
}

/// In what an object differs.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It is not there.
    Gone,
    /// These fields; none where only the server can tell.
    Changed(Vec<Drifted>),
}

/// An apply that was tried by force, admitted, and would change the object.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The object over which it was tried.
    pub live: Value,
    /// What was tried.
    pub manifest: Value,
}

/// What is done about an object that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is written again.
    Corrected,
    /// It is only told, as the policy says.
    Observed,
    /// It is left, since somebody undoes each correction.
    Fought(Fight),
}

impl Found {
    /// Whether it stays as it is.
    pub fn stays(&self) -> bool {
        self.fate != Fate::Corrected
    }
}

impl fmt::Display for Found {
    /// Prints `ConfigMap shop/a differs: /data/key is "9" and not "1", by `editor` since …; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
        write!(f, "layer {}, {} {namespace}{} ", self.layer, self.object.kind, self.object.name)?;
        match &self.what {
            What::Gone => f.write_str("is gone")?,
            What::Changed(fields) => {
                f.write_str("differs")?;
                let words: Vec<String> = fields.iter().take(FIELDS_SHOWN).map(words).collect();
                if !words.is_empty() {
                    write!(f, ": {}", words.join(", "))?;
                }
                if fields.len() > FIELDS_SHOWN {
                    write!(f, " and {} more", fields.len() - FIELDS_SHOWN)?;
                }
            }
        }
        match &self.fate {
            Fate::Corrected => f.write_str("; a sync writes it again"),
            Fate::Observed => f.write_str("; it is left so, since drift is only observed"),
            Fate::Fought(fight) => write!(f, "; {fight}"),
        }
    }
}

fn words(field: &Drifted) -> String {
    let mut words = match &field.live {
        Some(live) => format!("{} is {} and not {}", field.pointer, shown(live), shown(&field.wanted)),
        None => format!("{} is gone", field.pointer),
    };
    if let Some(manager) = &field.manager {
        let since = manager.time.as_ref().map_or_else(String::new, |time| format!(" since {time}"));
        words.extend([", by ", &manager.to_string(), &since]);
    }
    words
}

fn shown(value: &Value) -> String {
    let text = canonical(value);
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::ownership::{Manager, Means};
    use crate::decide::value::Pointer;

    #[test]
    fn a_line_says_what_by_whom_and_what_is_done() {
        let manager = Manager {
            name: "editor".into(),
            means: Means::Update,
            subresource: None,
            time: Some("2026-01-02T03:04:05Z".into()),
        };
        let pointer = Pointer::parse("/data/key").expect("it is a pointer");
        let field = |live: Option<Value>| Drifted {
            pointer: pointer.clone(),
            wanted: "1".into(),
            live,
            manager: Some(manager.clone()),
        };
        let mut found = Found {
            layer: LayerName::new("config").expect("it is a label"),
            object: ObjectId {
                group: "".into(),
                kind: "ConfigMap".into(),
                namespace: Some("shop".into()),
                name: "a".into(),
            },
            what: What::Changed(vec![field(Some("9".into()))]),
            fate: Fate::Observed,
        };
        let said = "layer config, ConfigMap shop/a differs: /data/key is \"9\" and not \"1\", by `editor` since \
                    2026-01-02T03:04:05Z; it is left so, since drift is only observed";
        assert_eq!(found.to_string(), said);
        found.what = What::Changed(vec![field(None); 5]);
        found.fate = Fate::Corrected;
        assert!(found.to_string().ends_with(" and 2 more; a sync writes it again"), "{found}");
        found.what = What::Gone;
        assert_eq!(found.to_string(), "layer config, ConfigMap shop/a is gone; a sync writes it again");
    }
}
