//! In: what was found of all that layers name. Out: what is newer, what is the newest, and what is not known, in words and data.
//! Guarantee: nothing is said of all where something is not known; packs of the repository and of registries are told apart.
use super::{Findings, Locked};
use crate::cli::print::{Table, Text};
use crate::decide::document::Fragment;
use crate::decide::lock::Outdated;
use crate::decide::value::counted;
use serde_json::{Value, json};

/// How many places of one version a table shows.
const PLACES_SHOWN: usize = 2;

/// How many of those that are the newest are named: the others are in `-o json`.
const NEWEST_SHOWN: usize = 8;

impl Findings {
    /// Returns it as people read it.
    pub(super) fn text(&self, is_committed: bool) -> Text {
        let mut text = Text::default();
        let mut packs = Table::new(&["pack", "version", "newest", "state", "named at"]);
        let rows: Vec<_> = self.packs.iter().filter(|one| !one.is_newest()).collect();
        for one in &rows {
            packs.row(cells(one));
        }
        if !rows.is_empty() {
            text.table(packs);
        }
        let mut others = Table::new(&["of other servers", "version", "newest", "state", "named at"]);
        for newer in &self.newer {
            others.row(cells(&newer.row()));
        }
        if !self.newer.is_empty() {
            text.table(others);
        }
        if !is_committed && self.newer.iter().any(|newer| newer.newest.is_some()) {
            text.line(
                "`stratify outdated --commit` brings them up, with fleet.lock, in one commit; by hand: name the newer",
            );
            text.line("version, or a range with it, then run `stratify lock --update NAME`");
        }
        text.lines(self.of_newest());
        let mut unknown = Table::new(&["not known", "version", "why", "named at"]);
        for (one, why) in &self.unknown {
            unknown.row([one.what(), one.version.to_string(), why.clone(), shown(&one.places)]);
        }
        if !self.unknown.is_empty() {
            text.table(unknown);
        }
        text
    }

    /// Says what is the newest.
    fn of_newest(&self) -> Option<String> {
        let packs = self.packs.iter().filter(|one| one.is_newest()).map(|one| format!("{}@{}", one.name, one.version));
        let others = self.newest.iter().map(|one| format!("{} {}", one.what(), one.version));
        let mut names: Vec<String> = packs.chain(others).collect();
        let count = names.len();
        if self.unknown.is_empty() && self.newer.is_empty() && self.packs.iter().all(Outdated::is_newest) {
            let all = "that layers name are the newest that may be used";
            let none = "layers name no version of a pack, a chart or a package".to_owned();
            let one = "the one version that layers name is the newest that may be used".to_owned();
            return Some(match count {
                0 => none,
                1 => one,
                _ => format!("all {} {all}", counted(count, "version")),
            });
        }
        names.truncate(NEWEST_SHOWN);
        let more = count - names.len();
        names.extend((more > 0).then(|| format!("{more} more")));
        (count > 0).then(|| format!("the newest already: {}", names.join(", ")))
    }

    /// Returns it as programs read it.
    pub(super) fn data(&self, commit: Option<&str>) -> Value {
        let own = |is_newest: bool| self.packs.iter().filter(move |one| one.is_newest() == is_newest);
        let others = self.newer.iter().map(|newer| row(newer.one.kind, Some(&newer.one), &newer.row()));
        let newest = self.newest.iter().map(|one| row(one.kind, Some(one), &one.as_newest()));
        let unknown = self.unknown.iter().map(|(one, why)| {
            let mut data = row(one.kind, Some(one), &one.as_newest());
            data["why"] = json!(why);
            data
        });
        json!({
            "outdated": own(false).map(|one| row("pack", None, one)).chain(others).collect::<Vec<_>>(),
            "newest": own(true).map(|one| row("pack", None, one)).chain(newest).collect::<Vec<_>>(),
            "unknown": unknown.collect::<Vec<_>>(),
            "commit": commit,
        })
    }
}

impl Locked {
    /// Returns what it is, in words.
    fn what(&self) -> String {
        format!("the {} {}", self.kind, self.name)
    }

    fn as_newest(&self) -> Outdated {
        let (name, version, places) = (self.name.clone(), self.version.clone(), self.places.clone());
        Outdated { name, version, newest: None, state: None, message: None, places }
    }
}

fn cells(one: &Outdated) -> Vec<String> {
    let state = match (&one.state, &one.message) {
        (Some(state), Some(message)) => format!("{state}: {message}"),
        (state, _) => state.as_deref().unwrap_or("-").to_owned(),
    };
    let newest = one.newest.as_deref().unwrap_or("-").to_owned();
    vec![one.name.to_string(), one.version.to_string(), newest, state, shown(&one.places)]
}

/// Returns the first places, and how many more there are.
fn shown(all: &[Fragment]) -> String {
    let mut places: Vec<String> = all.iter().take(PLACES_SHOWN).map(|part| part.span().to_string()).collect();
    let more = all.len() - places.len();
    places.extend((more > 0).then(|| format!("and {more} more")));
    places.join(", ")
}

/// Returns one version; of the repository, or of another server.
fn row(kind: &str, of: Option<&Locked>, one: &Outdated) -> Value {
    json!({
        "kind": kind,
        "from": of.map_or("repository", |of| &of.repo),
        "name": &*one.name,
        "version": &*one.version,
        "newest": one.newest.as_deref(),
        "state": one.state.as_deref(),
        "message": one.message.as_deref(),
        "places": one.places.iter().map(|part| part.span().to_string()).collect::<Vec<_>>(),
    })
}
