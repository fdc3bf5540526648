//! In: a line of a document and the place in it. Out: the line as a terminal shows it, and marks under the place.
//! Guarantee: never wider than a terminal; tabs are spaces; no control or direction character is left.
use crate::decide::value::Span;

/// The widest excerpt: it fits a terminal of usual width together with its line number.
const CELLS_MAX: usize = 100;

/// What of a cut line is shown before the place, so that its beginning is recognised.
const CELLS_BEFORE: usize = 30;

/// Every tab becomes this many spaces; columns are counted in characters, so no tab stops are needed.
const TAB: &str = "    ";

/// A line, and where in it the marks stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The line, cut around the place.
    pub(super) line: String,
    /// How many cells stand before the marks.
    pub(super) before: usize,
    /// How many cells are marked, at least one.
    pub(super) marked: usize,
}

/// A character as it is shown.
struct Cell {
    text: String,
    width: usize,
    is_marked: bool,
}

/// Returns the first line of a place.
pub(super) fn excerpt(span: &Span) -> Excerpt {
    let source = &*span.source.0;
    let start = floor(source, span.bytes.start as usize);
    let end = floor(source, span.bytes.end as usize).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
    let line = source[line_start..line_end].trim_end_matches('\r');
    let shown = |(at, c): (usize, char)| {
        let text = if c == '\t' { TAB.to_owned() } else { visible(c).to_string() };
        let width = if c == '\t' { TAB.len() } else { width(visible(c)) };
        Cell { text, width, is_marked: (start..end).contains(&(line_start + at)) }
    };
    let cells: Vec<Cell> = line.char_indices().map(shown).collect();
    let first = line.char_indices().take_while(|(at, _)| line_start + at < start).count();
    cut(&cells, first)
}

/// Cuts a line around its first marked character.
fn cut(cells: &[Cell], first: usize) -> Excerpt {
    let widths = |cells: &[Cell]| cells.iter().map(|cell| cell.width).sum::<usize>();
    let is_wide = widths(cells) > CELLS_MAX;
    let mut from = 0;
    while is_wide && from < first && widths(&cells[from..first]) > CELLS_BEFORE {
        from += 1;
    }
    let mut excerpt = Excerpt { line: String::new(), before: 0, marked: 0 };
    let mut used = 0;
    if from > 0 {
        excerpt.line.push('…');
        used = 1;
    }
    excerpt.before = used + widths(&cells[from..first]);
    for cell in &cells[from..] {
        if used + cell.width >= CELLS_MAX && is_wide {
            excerpt.line.push('…');
            break;
        }
        used += cell.width;
        excerpt.line.push_str(&cell.text);
        excerpt.marked += if cell.is_marked { cell.width } else { 0 };
    }
    excerpt.marked = excerpt.marked.max(1);
    excerpt
}

/// Returns the text with each control character replaced, newlines and tabs excepted.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { visible(c) }).collect()
}

/// Returns the character, or the mark of one that would move the cursor or turn the reading direction around.
fn visible(c: char) -> char {
    let is_hidden =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    if c.is_control() || is_hidden { '\u{fffd}' } else { c }
}

/// Returns how many cells a terminal gives a character: East Asian wide ones and pictures two, accents none.
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Returns the last boundary between characters that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}
