//! In: nothing. Out: the words in which a kind's fields are described, once for reading, schema and reference.
//! Guarantee: what the tables do not name is an unknown field.

/// What a value has to be.
#[derive(Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that keeps a rule; the words say what is expected.
    Checked(fn(&str) -> bool, &'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within bounds, both included.
    Integer(i64, i64),
    /// True or false.
    Bool,
    /// Anything.
    Any,
    /// A map with any keys and values.
    AnyMap,
    /// A list.
    List(&'static Shape),
    /// A list whose items are told apart by this key.
    Named(&'static str, &'static Shape),
    /// A map from any key.
    Entries(&'static Shape),
    /// A map with these fields.
    Object(&'static [Field]),
    /// A text, or a map with fields.
    TextOr(&'static Shape, &'static [Field]),
    /// A text or a number or a truth.
    Scalar,
}

/// A field of a map.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value has to be.
    pub shape: Shape,
    /// Whether it has to stand.
    pub presence: Presence,
    /// What it means, as a sentence.
    pub about: &'static str,
}

/// Whether a field has to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to.
    Required,
    /// It may.
    Optional,
    /// It must not yet: its behaviour is not built.
    Later,
}

/// Returns a field that has to stand.
pub const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Presence::Required, about }
}

/// Returns a field that may stand.
pub const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Presence::Optional, about }
}

/// Returns a field whose behaviour is not built yet.
pub const fn later(name: &'static str, about: &'static str) -> Field {
    Field { name, shape: Shape::Any, presence: Presence::Later, about }
}

/// Returns the word of `known` that is most like `word`, if one is.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Words that share less are no misspellings of each other.
    const ALIKE_MIN: f64 = 0.6;
    let ratio = |other: &str| similarity(word, other);
    let best = known.into_iter().map(|other| (ratio(other), other)).max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(ratio, _)| *ratio >= ALIKE_MIN).map(|(_, other)| other)
}

/// Returns how alike two words are, from 0 to 1: one less the edits (a swap of neighbours is one) per letter.
fn similarity(left: &str, right: &str) -> f64 {
    let (left, right): (Vec<char>, Vec<char>) =
        (left.to_lowercase().chars().collect(), right.to_lowercase().chars().collect());
    // A longer word is no misspelt name, and the work is the product of the lengths.
    if left.is_empty() || right.is_empty() || left.len() > 64 || right.len() > 64 {
        return 0.0;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, from) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in right.iter().enumerate() {
            let cell = |back: usize, at: usize| {
                rows.len()
                    .checked_sub(back)
                    .and_then(|row| rows.get(row))
                    .and_then(|row| row.get(at))
                    .copied()
                    .unwrap_or(usize::MAX / 2)
            };
            let mut best = (cell(1, j) + usize::from(from != to))
                .min(cell(1, j + 1) + 1)
                .min(row.last().copied().unwrap_or(0) + 1);
            let swapped = i > 0 && j > 0 && left.get(i - 1) == Some(to) && right.get(j - 1) == Some(from);
            if swapped {
                best = best.min(cell(2, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    let edits = rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX);
    #[expect(clippy::cast_precision_loss, reason = "both are below 65")]
    let ratio = edits as f64 / left.len().max(right.len()) as f64;
    1.0 - ratio
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_a_misspelling_or_none() {
        let known = ["layers", "variables", "profiles", "version"];
        assert_eq!(nearest("layer", known), Some("layers"));
        assert_eq!(nearest("vairables", known), Some("variables"));
        assert_eq!(nearest("replicas", known), None, "it is another word");
    }
}
