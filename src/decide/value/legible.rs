//! In: a line with texts of documents in it. Out: the same line, as one that shows what it is.
//! Guarantee: no text of a document ends the line, moves the cursor or turns the direction of what stands beside it.

/// Whether a character changes how others are shown, and shows nothing itself.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}'..='\u{2029}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Returns a line in which such characters stand escaped.
pub fn legible(line: String) -> String {
    let is_hidden = |c: char| c.is_control() || is_invisible(c);
    if !line.contains(is_hidden) {
        return line;
    }
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_itself_is_escaped() {
        let text = "/values/a\n  = 10 layers unchanged\u{1b}[2K\u{202e}";
        assert_eq!(legible(text.to_owned()), "/values/a\\n  = 10 layers unchanged\\u{1b}[2K\\u{202e}");
        assert_eq!(legible("naïve → 日本".to_owned()), "naïve → 日本");
    }
}
