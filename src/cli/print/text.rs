//! In: what a command says, in lines and tables. Out: the text, in colour where that is wanted.
//! Guarantee: a line, a cell or a piece holds no control character of the outside; only `raw` is left as it is.
use super::excerpt::clean;
use super::style::Style;
use comfy_table::{ContentArrangement, Table as Grid, presets};

/// What a command says to people, from top to bottom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Line(Vec<(Tone, String)>),
    Table(Table),
    Raw(String),
}

/// How a piece of a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As any text.
    Plain,
    /// It is as it shall be, or comes into being.
    Good,
    /// It should be looked at, or changes.
    Warning,
    /// It is wrong, or goes.
    Bad,
    /// It matters most in its line.
    Strong,
    /// It frames the rest.
    Faint,
}

/// Rows under heads.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table without rows.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each head.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn printed(&self, style: Style) -> String {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        grid.set_header(&self.heads);
        for row in &self.rows {
            grid.add_row(row.iter().map(|cell| clean(cell)));
        }
        let text = grid.trim_fmt();
        let mut lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        let head = style.strong(lines.next().unwrap_or_default());
        [head].into_iter().chain(lines.map(str::to_owned)).map(|line| line + "\n").collect()
    }
}

impl Text {
    /// Returns a text of one line.
    pub(crate) fn of(line: impl Into<String>) -> Self {
        let mut text = Self::default();
        text.line(line);
        text
    }

    /// Returns a text that is printed as it stands.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self(vec![Part::Raw(text.into())])
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl Into<String>) {
        self.0.push(Part::Line(vec![(Tone::Plain, line.into())]));
    }

    /// Adds lines.
    pub(crate) fn lines<S: Into<String>>(&mut self, lines: impl IntoIterator<Item = S>) {
        for line in lines {
            self.line(line);
        }
    }

    /// Adds a line of several pieces.
    pub(crate) fn pieces(&mut self, pieces: impl IntoIterator<Item = (Tone, String)>) {
        self.0.push(Part::Line(pieces.into_iter().collect()));
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: Table) {
        self.0.push(Part::Table(table));
    }

    /// Returns what is printed.
    pub(super) fn printed(&self, style: Style) -> String {
        self.0.iter().map(|part| part.printed(style)).collect()
    }
}

impl Part {
    fn printed(&self, style: Style) -> String {
        match self {
            Part::Line(pieces) => {
                let line: String = pieces.iter().map(|(tone, text)| tone.printed(&clean(text), style)).collect();
                line + "\n"
            }
            Part::Table(table) => table.printed(style),
            Part::Raw(text) => text.clone(),
        }
    }
}

impl Tone {
    fn printed(self, text: &str, style: Style) -> String {
        match self {
            Tone::Plain => text.to_owned(),
            Tone::Good => style.good(text),
            Tone::Warning => style.warning(text),
            Tone::Bad => style.bad(text),
            Tone::Strong => style.strong(text),
            Tone::Faint => style.faint(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stands_in_columns_without_frame() {
        let mut table = Table::new(&["CLUSTER", "STATE"]);
        table.row(["eu-1", "synced"]);
        table.row(["a-much-longer-name", "waits\u{1b}[2J"]);
        let mut text = Text::of("2 clusters");
        text.table(table);
        let printed = text.printed(Style::PLAIN);
        let expected = "2 clusters\n\
                        CLUSTER             STATE\n\
                        eu-1                synced\n\
                        a-much-longer-name  waits\u{fffd}[2J\n";
        assert_eq!(printed, expected, "columns are aligned and nothing moves the cursor");
    }
}
