//! In: a folder with packs below it, such as a checkout of a registry. Out: pack by pack, how far it comes and why no further.
//! Guarantee: one bad pack does not end the walk; nothing is written.
use super::{packs, wishes};
use crate::cli::args::PackWalk;
use crate::cli::command::current_fleet::on_large_stack;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Table, Text};
use crate::client::git::{fault, in_folder};
use crate::control::pack_trial::{Files, Reached, Trial, is_pack, told, trial};
use crate::decide::value::{Diagnostic, Fault, Owner, counted};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The most folders below the one that is named: `packs/NAME/VERSION` of a repository, with room.
const DEPTH_MAX: usize = 5;

/// Tries each pack below a folder.
pub(super) fn run(options: &PackWalk, settings: Option<&Path>) -> Result<Answer, Failure> {
    let mut folders = Vec::new();
    find(&options.folder, 0, &mut folders)?;
    folders.sort();
    if folders.is_empty() {
        let message = format!("there is no pack below {}", options.folder.display());
        return Err(
            fault(Owner::Caller, false, message, "name a folder with `pack.yaml` or `pack.json` files below").into()
        );
    }
    let packs = packs(settings)?;
    let wishes = wishes(&[], options.kubernetes.as_ref());
    let mut rows = Vec::new();
    for folder in &folders {
        let row = on_large_stack(async {
            Ok(Row::of(folder, Files::read(folder).and_then(|files| trial(&files, &wishes, &packs))))
        })?;
        rows.push(row);
    }
    Ok(answer(&rows))
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Fault> {
    if is_pack(folder) {
        found.push(folder.into());
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    let attempt = format!("could not list {}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(in_folder(&attempt))? {
        let entry = entry.map_err(in_folder(&attempt))?;
        // A link is not followed: what it leads to may be anything.
        if entry.file_type().map_err(in_folder(&attempt))?.is_dir() && entry.file_name() != ".git" {
            find(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

/// One pack of the table.
struct Row {
    folder: String,
    about: String,
    reached: Reached,
    objects: usize,
    why: Vec<String>,
    needs: Vec<String>,
}

impl Row {
    fn of(folder: &Path, tried: Result<Trial, Fault>) -> Self {
        let folder = folder.display().to_string();
        match tried {
            Ok(trial) => Self {
                folder,
                reached: trial.reached,
                objects: trial.objects(),
                why: trial.errors.iter().map(line).collect(),
                needs: trial.needs.iter().map(|need| need.message.clone()).collect(),
                about: trial.about,
            },
            Err(fault) => Self {
                about: String::new(),
                folder,
                reached: Reached::Nothing,
                objects: 0,
                why: vec![told(&fault)],
                needs: Vec::new(),
            },
        }
    }
}

/// Says in one line what is wrong, and in which line of the pack.
fn line(said: &Diagnostic) -> String {
    let place = said.at.as_ref().map(|at| {
        let path = at.path.as_str().splitn(4, '/').last().unwrap_or_default().to_owned();
        let before = at.source.0.get(..at.bytes.start as usize).unwrap_or_default();
        format!("{path}:{}: ", before.matches('\n').count() + 1)
    });
    format!("{}{}", place.unwrap_or_default(), said.message)
}

fn answer(rows: &[Row]) -> Answer {
    let mut table = Table::new(&["PACK", "LOADS", "RESOLVES", "RENDERS", "WHY NOT"]);
    for row in rows {
        let yes = |reached: Reached| if row.reached >= reached { "yes" } else { "no" };
        let renders = if row.reached == Reached::Rendered { counted(row.objects, "object") } else { "no".into() };
        let more = match row.why.len() {
            0 | 1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let why = row.why.first().map(|why| format!("{why}{more}")).unwrap_or_default();
        let name = if row.about.is_empty() { &row.folder } else { &row.about };
        table.row([name.as_str(), yes(Reached::Loaded), yes(Reached::Resolved), &renders, &why]);
    }
    let count = |reached: Reached| rows.iter().filter(|row| row.reached >= reached).count();
    let mut text = Text::default();
    text.table(table);
    text.line(format!(
        "{}: {} load, {} resolve, {} render",
        counted(rows.len(), "pack"),
        count(Reached::Loaded),
        count(Reached::Resolved),
        count(Reached::Rendered)
    ));
    let data = rows.iter().map(|row| {
        json!({
            "folder": row.folder,
            "pack": row.about,
            "reached": super::lint::word(row.reached),
            "objects": row.objects,
            "why": row.why,
            "needs": row.needs,
        })
    });
    Answer::new(text, json!({ "packs": data.collect::<Vec<_>>() }))
}
