//! In: the id of a change that waits, and why. Out: a commit in the work tree that approves it.
//! Guarantee: the commit holds the approval and nothing else; what waits for nobody is not approved.
use super::here::{Here, on_large_stack};
use super::{Answer, Failure};
use crate::act::commit::into_work_tree;
use crate::cli::args::Approve;
use crate::cli::print::{Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::control::preview::Plans;
use crate::decide::plan::Plan;
use crate::decide::report::{Condition, Status, held};
use crate::decide::value::{Fault, Owner, Warnings};
use crate::name::{ClusterName, RepoPath};
use crate::observe::forge::notes;
use serde_json::json;
use std::path::{Path, PathBuf};

/// How many of an id's digits stand in the commit's subject: enough to tell it from others of the fleet.
const SUBJECT_DIGITS: usize = 12;

/// Writes and commits the approval of something that waits for it.
pub(super) fn run(options: &Approve, settings: Option<&Path>) -> Result<Answer, Failure> {
    fleet(Path::new("."))?;
    if options.unseen {
        return approve(Path::new("."), options, None);
    }
    let here = Here::find(settings)?;
    let waiting = waiting(&here)?;
    if !waiting.iter().any(|one| one.id == options.id) && !is_told(&here, &options.id)? {
        return Err(unknown(&options.id, &waiting));
    }
    let mut answer = approve(Path::new("."), options, None)?;
    // Whether it counts is judged as a sync judges it.
    let plans = plans(&here)?;
    let own = |plan: &&Plan| {
        let id = plan.change.id.to_string();
        let set = plans.sets.get(&plan.change.environment).map(|(set, _)| set.to_string());
        id == options.id || set.as_deref() == Some(&*options.id)
    };
    for plan in plans.plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).filter(own) {
        let refused = plan.approval.iter().filter(|approval| approval.granted.is_none()).flat_map(|it| &it.refused);
        for why in refused {
            answer.text.pieces([(Tone::Warning, format!("{}: it does not count: {why}", plan.change.cluster))]);
        }
    }
    Ok(answer)
}

/// A change that waits for approval, or all of an environment's.
struct Waiting {
    id: String,
    what: String,
}

fn plans(here: &Here) -> Result<Plans, Failure> {
    let preview = here.preview()?;
    on_large_stack(async {
        let fleet = preview.committed()?;
        let clusters: Vec<ClusterName> = fleet.index.cluster_names().cloned().collect();
        Ok(preview.plans(&fleet, None, &clusters, &mut Warnings::default()).await)
    })
}

/// Returns what the checked-out commit would have to wait for.
fn waiting(here: &Here) -> Result<Vec<Waiting>, Failure> {
    let Plans { plans, sets } = plans(here)?;
    let held = plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).filter_map(|plan| match held(plan) {
        Condition::Held(why, id) => {
            Some(Waiting { id: id.to_string(), what: format!("{}: {why}", plan.change.cluster) })
        }
        _ => None,
    });
    let together = sets.iter().map(|(environment, (set, count))| Waiting {
        id: set.to_string(),
        what: format!("all {count} of {environment}"),
    });
    Ok(held.chain(together).collect())
}

/// Whether a status of the checked-out commit asks for the approval: records may be where nobody here can read them.
fn is_told(here: &Here, id: &str) -> Result<bool, Fault> {
    let local = here.local()?;
    let said = notes::read(local.objects(), local.resolve("HEAD")?)?;
    Ok(said.iter().filter_map(Status::try_detail).any(|detail| detail.contains(id)))
}

fn unknown(id: &str, waiting: &[Waiting]) -> Failure {
    let message = format!("could not approve {id}: nothing that waits has this id");
    let known: Vec<String> = waiting.iter().map(|one| format!("{} ({})", one.id, one.what)).collect();
    let hint = if known.is_empty() {
        "nothing of the checked-out commit waits for approval here; where records are elsewhere, fetch the statuses by \
         `git fetch origin refs/notes/stratify:refs/notes/stratify`, or say `--unseen`"
            .to_owned()
    } else {
        format!("what waits: {}", known.join(", "))
    };
    fault(Owner::Operator, false, message, &hint).into()
}

fn approve(folder: &Path, options: &Approve, author: Option<(&str, &str)>) -> Result<Answer, Failure> {
    let root = fleet(folder)?;
    let id = &options.id;
    let path = RepoPath::new(&format!("approvals/{id}.yaml")).map_err(Fault::bug)?;
    if root.join(path.as_str()).symlink_metadata().is_ok() {
        let message = format!("could not approve {id}: {path} is there already");
        return Err(fault(Owner::Operator, false, message, "an approval counts once; push it, if that is open").into());
    }
    let file = (path.clone(), document(&options.reason)?.into_bytes());
    let commit = into_work_tree(&root, &[file], &message(id, &options.reason), author)?;
    let mut text = Text::default();
    text.pieces([(Tone::Good, "approved ".to_owned()), (Tone::Strong, id.clone())]);
    text.line(format!("commit {commit} adds {path}"));
    text.line("next: push it; it counts from who may approve and authored none of what it approves");
    Ok(Answer::new(text, json!({ "id": id, "commit": commit.to_string(), "path": path.as_str() })))
}

/// Returns the folder of the fleet around a folder.
fn fleet(folder: &Path) -> Result<PathBuf, Fault> {
    let attempt = format!("could not look for a fleet around {}", folder.display());
    let folder = folder.canonicalize().map_err(in_folder(&attempt))?;
    let found = folder.ancestors().find(|around| around.join("fleet.yaml").is_file());
    found.map(Path::to_owned).ok_or_else(|| {
        let message = format!("{attempt}: neither it nor a folder above it holds a fleet.yaml");
        fault(Owner::Operator, false, message, "go to the fleet's repository, or name it by -C")
    })
}

fn document(reason: &str) -> Result<String, Fault> {
    let spec = json!({ "reason": reason });
    // Written by a YAML writer, so that no reason can be read as another document.
    let spec = serde_yaml::to_string(&json!({ "spec": spec })).map_err(Fault::bug)?;
    Ok(format!("apiVersion: stratify.dev/v1alpha1\nkind: Approval\n{}\n", spec.trim_end()))
}

fn message(id: &str, reason: &str) -> String {
    let subject = format!("approvals: approve {}", id.get(..SUBJECT_DIGITS).unwrap_or(id));
    if reason.is_empty() { format!("{subject}\n\nThe whole id is {id}.\n") } else { format!("{subject}\n\n{reason}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    /// Returns a folder with a repository that has no commit yet.
    fn repository() -> TempDir {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        gix::init(scratch.path()).expect("it is empty");
        scratch
    }

    fn options() -> Approve {
        Approve { id: ID.to_owned(), reason: "on: fire\n---\nkind: Fleet".to_owned(), unseen: false }
    }

    #[test]
    fn an_approval_is_a_document_of_the_fleet_and_counts_once() {
        let scratch = repository();
        fs::write(scratch.path().join("fleet.yaml"), "").expect("it is ours");
        fs::create_dir(scratch.path().join("inner")).expect("it is ours");
        let author = Some(("Ada", "ada@example.org"));
        let Ok(answer) = approve(&scratch.path().join("inner"), &options(), author) else { panic!("it is a fleet") };
        assert_eq!(answer.data["path"], format!("approvals/{ID}.yaml"), "the file's name is the id");
        let file = scratch.path().join(format!("approvals/{ID}.yaml"));
        let written = fs::read_to_string(file).expect("it was written");
        assert!(written.starts_with("apiVersion: stratify.dev/v1alpha1\nkind: Approval\nspec:\n"), "{written}");
        assert!(!written.contains("\n---"), "a reason begins no document:\n{written}");
        let Err(Failure::Fault(fault)) = approve(scratch.path(), &options(), author) else { panic!("it is there") };
        assert!(fault.to_string().contains("there already"), "{fault}");
    }

    #[test]
    fn outside_of_a_fleet_nothing_is_approved() {
        let scratch = repository();
        let Err(Failure::Fault(fault)) = approve(scratch.path(), &options(), None) else { panic!("it is no fleet") };
        assert!(fault.to_string().contains("fleet.yaml"), "{fault}");
    }
}
