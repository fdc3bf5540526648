//! In: a number, a noun. Out: both in words.
//! Guarantee: one of something is not told as many.

/// Returns a number with its noun.
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let said = [0, 1, 2].map(|number| counted(number, "object"));
        assert_eq!(said, ["0 objects", "1 object", "2 objects"]);
    }
}
