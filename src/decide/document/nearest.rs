//! In: a word that is not known, the words that are. Out: the one that was meant, if one is near.
//! Guarantee: pure; a word that is far from all others has none.

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
