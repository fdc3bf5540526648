//! In: the text of an expression. Out: the path that it is, where it is nothing but names with dots between.
//! Guarantee: what is taken for a path here, CEL takes for the same one; all else is left to CEL.
//!
//! Why: nearly all placeholders are such paths, and CEL's parser and context cost a hundred times as much as the look-up.
use super::references::{Path, TYPES};

/// The most keys: longer paths are left to CEL and its bounds.
const KEYS_MAX: usize = 8;

/// Words that CEL's grammar keeps for itself, in any place.
const RESERVED: [&str; 20] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "while",
];

/// Returns the path that `text` is as a whole.
pub(super) fn path(text: &str) -> Option<Path> {
    let mut keys = Vec::new();
    for key in text.split('.') {
        if !is_name(key) || keys.len() == KEYS_MAX {
            return None;
        }
        keys.push(key.into());
    }
    let is_type = text == "void" || TYPES.contains(&text);
    (!is_type).then_some(keys)
}

fn is_name(key: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    key.bytes().all(inner)
        && key.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && !RESERVED.contains(&key)
        && key != "void"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::expression::references::References;

    #[test]
    fn a_path_is_the_one_that_cel_reads() {
        for text in ["a", "a.b", "cluster.labels.region", "values.image.tag", "_x.y1.z_2", "layers.a.values.b.c.d.e.f"]
        {
            let tree = cel::parser::Parser::new().parse(text).expect("CEL parses it");
            let (theirs, ours) = (References::of(&tree), path(text).map(References::of_path));
            let ours = ours.expect("it is a path");
            assert_eq!((ours.paths, ours.keys), (theirs.paths, theirs.keys), "{text}");
        }
    }

    #[test]
    fn all_else_is_left_to_cel() {
        let others =
            ["", "a.", ".a", "a b", "a.b()", "a[0]", "1a", "a.1", "true", "int", "a.in", "a-b", "a.b.c.d.e.f.g.h.i"];
        for text in others {
            assert_eq!(path(text), None, "`{text}` is no plain path");
        }
    }
}
