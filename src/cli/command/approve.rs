//! In: the id of a change that waits, and why. Out: a commit in the work tree that approves it.
//! Guarantee: the commit holds the approval and nothing else; what waits for nobody, or would not count, is not approved.
use super::current_fleet::{Here, on_large_stack};
use super::{Answer, Failure};
use crate::act::commit::{author, into_work_tree};
use crate::cli::args::{Approve, CHANGE_DIGITS};
use crate::cli::print::{Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::control::preview::{Plans, Preview};
use crate::decide::document::Person;
use crate::decide::fleet::Fleet;
use crate::decide::report::{Condition, Status, held};
use crate::decide::value::{Fault, Owner, Warnings};
use crate::name::{ClusterName, RepoPath};
use crate::observe::forge::notes;
use crate::observe::worktree::Local;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many of an id's digits stand in the commit's subject: enough to tell it from others of the fleet.
const SUBJECT_DIGITS: usize = 12;

/// Writes and commits the approval of something that waits for it.
pub(super) fn run(options: &Approve, settings: Option<&Path>) -> Result<Answer, Failure> {
    let root = fleet(Path::new("."))?;
    if options.unseen {
        if options.id.len() != CHANGE_DIGITS {
            let message = format!("could not approve {}: nobody here knows the rest of it", options.id);
            return Err(fault(Owner::Caller, false, message, "give all its digits").into());
        }
        return approve(&root, &options.id, &options.reason, None);
    }
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (id, refused) = on_large_stack(async {
        let fleet = preview.committed()?;
        let waiting = waiting(&preview, &fleet).await;
        let id = find(&options.id, &waiting, &told(&here)?)?;
        let refused = match waiting.iter().find(|one| one.id == id) {
            Some(one) => refused(&preview, &fleet, one, &me(&root)?).await?,
            None => Vec::new(),
        };
        Ok((id, refused))
    })?;
    let mut answer = approve(&root, &id, &options.reason, None)?;
    for (cluster, why) in refused {
        answer.text.pieces([(Tone::Warning, format!("{cluster}: it does not count: {why}"))]);
    }
    Ok(answer)
}

/// A change that waits for approval, or all of an environment's.
struct Waiting {
    id: String,
    what: String,
    clusters: Vec<ClusterName>,
}

/// Returns what the checked-out commit would have to wait for.
async fn waiting(preview: &Preview, fleet: &Fleet) -> Vec<Waiting> {
    let clusters: Vec<ClusterName> = fleet.index.cluster_names().cloned().collect();
    let Plans { plans, sets } = preview.plans(fleet, None, &clusters, &mut Warnings::default()).await;
    let held = plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).filter_map(|plan| match held(plan) {
        Condition::Held(why, id) => {
            let cluster = plan.change.cluster.clone();
            Some((plan, Waiting { id: id.to_string(), what: format!("{cluster}: {why}"), clusters: vec![cluster] }))
        }
        _ => None,
    });
    let held: Vec<_> = held.collect();
    let together = sets.iter().map(|(environment, (set, count))| {
        let of_it = held.iter().filter(|(plan, _)| plan.change.environment == *environment);
        Waiting {
            id: set.to_string(),
            what: format!("all {count} of {environment}"),
            clusters: of_it.flat_map(|(_, one)| one.clusters.iter().cloned()).collect(),
        }
    });
    let together: Vec<Waiting> = together.collect();
    held.into_iter().map(|(_, one)| one).chain(together).collect()
}

/// Returns the ids that statuses of the checked-out commit ask for: records may be where nobody here can read them.
fn told(here: &Here) -> Result<Vec<String>, Fault> {
    let local = here.local()?;
    let said = notes::read(local.objects(), local.resolve("HEAD")?)?;
    let details = said.iter().filter_map(Status::try_detail);
    let words = details.flat_map(|detail| detail.split(|c: char| !c.is_ascii_hexdigit()));
    Ok(words.filter(|word| word.len() == CHANGE_DIGITS).map(str::to_owned).collect())
}

/// Returns the whole id of the one thing that waits whose id begins so.
fn find(given: &str, waiting: &[Waiting], told: &[String]) -> Result<String, Failure> {
    let all = waiting.iter().map(|one| &one.id).chain(told);
    let found: BTreeSet<&String> = all.filter(|id| id.starts_with(given)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.clone()),
        (Some(_), Some(_)) => {
            let message = format!("could not approve {given}: more than one id that waits begins so");
            Err(fault(Owner::Caller, false, message, "give more of its digits").into())
        }
        (None, _) => Err(unknown(given, waiting)),
    }
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
    fault(Owner::Caller, false, message, &hint).into()
}

/// Returns who would approve.
fn me(root: &Path) -> Result<Person, Fault> {
    let (name, email) = author(root)?;
    Ok(Person { name, email })
}

/// Returns the clusters for which an approval by a person would not count, each with why; errs where it counts for none.
async fn refused(
    preview: &Preview,
    fleet: &Fleet,
    waiting: &Waiting,
    person: &Person,
) -> Result<Vec<(ClusterName, String)>, Failure> {
    let (mut refused, mut authors) = (Vec::new(), BTreeSet::new());
    for cluster in &waiting.clusters {
        let worth = preview.worth(fleet, cluster, person, &waiting.id).await?;
        authors.extend(worth.authors);
        refused.extend(worth.refused.map(|why| (cluster.clone(), why)));
    }
    // As a sync judges it, so that nobody commits what helps nobody.
    match refused.first() {
        Some((_, why)) if refused.len() == waiting.clusters.len() => {
            let message = format!("could not approve {}: it would not count: {why}", waiting.id);
            let authors = authors.into_iter().collect::<Vec<_>>().join(", ");
            let hint = format!(
                "whoever wrote none of the commits since the last sync may, by this command or by the trailer \
                 `Stratify-Approve: {}` of a commit; they are by {authors}",
                waiting.id
            );
            Err(fault(Owner::Caller, false, message, &hint).into())
        }
        _ => Ok(refused),
    }
}

fn approve(root: &Path, id: &str, reason: &str, author: Option<(&str, &str)>) -> Result<Answer, Failure> {
    let path = RepoPath::new(&format!("approvals/{id}.yaml")).map_err(Fault::bug)?;
    let is_again = root.join(path.as_str()).symlink_metadata().is_ok();
    let again = if is_again {
        // Another content, so that the commit changes the file: who changes it, approves.
        format!("# approved again, after {}\n", Local::discover(root)?.resolve("HEAD")?)
    } else {
        String::new()
    };
    let file = (path.clone(), format!("{again}{}", document(reason)?).into_bytes());
    let commit = into_work_tree(root, &[file], &message(id, reason), author)?;
    let mut text = Text::default();
    text.pieces([(Tone::Good, "approved ".to_owned()), (Tone::Strong, id.to_owned())]);
    text.line(format!("commit {commit} {} {path}", if is_again { "changes" } else { "adds" }));
    text.line("next: push it, where the repository is remote; the next sync takes it");
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

    const REASON: &str = "on: fire\n---\nkind: Fleet";

    #[test]
    fn an_approval_is_a_document_of_the_fleet_and_a_further_one_changes_it() {
        let scratch = repository();
        fs::write(scratch.path().join("fleet.yaml"), "").expect("it is ours");
        fs::create_dir(scratch.path().join("inner")).expect("it is ours");
        let author = Some(("Ada", "ada@example.org"));
        let Ok(root) = fleet(&scratch.path().join("inner")) else { panic!("it is a fleet") };
        let Ok(answer) = approve(&root, ID, REASON, author) else { panic!("it can be committed") };
        assert_eq!(answer.data["path"], format!("approvals/{ID}.yaml"), "the file's name is the id");
        let file = scratch.path().join(format!("approvals/{ID}.yaml"));
        let written = fs::read_to_string(file).expect("it was written");
        assert!(written.starts_with("apiVersion: stratify.dev/v1alpha1\nkind: Approval\nspec:\n"), "{written}");
        assert!(!written.contains("\n---"), "a reason begins no document:\n{written}");
        let grace = Some(("Grace", "grace@example.org"));
        let Ok(again) = approve(&root, ID, REASON, grace) else { panic!("another person may, too") };
        assert_ne!(again.data["commit"], answer.data["commit"], "it is a commit of its own");
        let file = scratch.path().join(format!("approvals/{ID}.yaml"));
        let rewritten = fs::read_to_string(file).expect("it is there");
        let first = format!("# approved again, after {}\n", answer.data["commit"].as_str().expect("it is a text"));
        assert_eq!(rewritten, first + &written, "the commit changes the file");
    }

    #[test]
    fn an_id_is_found_by_its_first_digits_where_they_are_of_one_only() {
        let one = |id: String| Waiting { id, what: "eu-1: delete 3 objects".into(), clusters: Vec::new() };
        let waiting = [one(ID.to_owned()), one(format!("{}ee", &ID[..62]))];
        let Ok(found) = find(ID, &waiting, &[]) else { panic!("it waits") };
        assert_eq!(found, ID, "whole ids are always of one");
        let Err(Failure::Fault(fault)) = find(&ID[..12], &waiting, &[]) else { panic!("both begin so") };
        assert!(fault.to_string().contains("more than one"), "{fault}");
        let Ok(found) = find(&ID[..12], &waiting[..1], &[ID.to_owned()]) else { panic!("it waits") };
        assert_eq!(found, ID, "told twice, it is one");
        let Err(Failure::Fault(fault)) = find("ffffffffffff", &waiting, &[]) else { panic!("nothing begins so") };
        assert!(fault.hint.is_some_and(|hint| hint.contains(ID)), "what waits is named");
    }

    #[test]
    fn outside_of_a_fleet_nothing_is_approved() {
        let scratch = repository();
        let Err(fault) = fleet(scratch.path()) else { panic!("it is no fleet") };
        assert!(fault.to_string().contains("fleet.yaml"), "{fault}");
    }
}
