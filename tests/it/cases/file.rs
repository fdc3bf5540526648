//! In: the text of a case file. Out: its cases with their blocks; and the text again.
//! Guarantee: all but the bodies of blocks comes out as it went in.

/// A file of cases: a title, what the rule is, cases.
pub(crate) struct CaseFile {
    head: String,
    pub(crate) cases: Vec<Case>,
}

/// A rule, and what shows it.
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
    /// The text before each block, and after the last.
    prose: Vec<String>,
}

/// What stands between fences.
pub(crate) struct Block {
    /// The first word after the fence.
    pub(crate) word: String,
    info: String,
    pub(crate) body: String,
}

impl Block {
    /// Whether the program writes it.
    pub(crate) fn is_expectation(&self) -> bool {
        ["diagnostics", "profile", "plan", "touched", "objects"].contains(&self.word.as_str())
    }

    /// Returns what `key=` says.
    pub(crate) fn option(&self, key: &str) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// Whether a word stands after the fence.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.info.split_whitespace().any(|other| other == word)
    }
}

impl CaseFile {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Self {
        let mut file = Self { head: String::new(), cases: Vec::new() };
        let mut open: Option<Block> = None;
        for line in text.split_inclusive('\n') {
            match (&mut open, line.strip_prefix("```")) {
                (Some(_), Some("\n")) => {
                    let case = file.cases.last_mut().expect("a block stands in a case");
                    case.blocks.extend(open.take());
                    case.prose.push(String::new());
                }
                (Some(block), _) => block.body.push_str(line),
                (None, Some(info)) => {
                    let word = info.split_whitespace().next().unwrap_or_default().to_owned();
                    open = Some(Block { word, info: info.to_owned(), body: String::new() });
                }
                (None, None) => file.prose(line),
            }
        }
        assert!(open.is_none(), "every fence is closed");
        file
    }

    fn prose(&mut self, line: &str) {
        if let Some(title) = line.strip_prefix("## ") {
            let title = title.trim_end().to_owned();
            self.cases.push(Case { title, blocks: Vec::new(), prose: vec![line.to_owned()] });
        } else {
            let prose = self.cases.last_mut().and_then(|case| case.prose.last_mut());
            prose.unwrap_or(&mut self.head).push_str(line);
        }
    }

    /// Writes it again.
    pub(crate) fn to_text(&self) -> String {
        let mut text = self.head.clone();
        for case in &self.cases {
            for (at, prose) in case.prose.iter().enumerate() {
                text.push_str(prose);
                if let Some(block) = case.blocks.get(at) {
                    text.extend(["```", &block.info, &block.body, "```\n"]);
                }
            }
        }
        text
    }
}
