//! In: the fleets of all cases and the example. Out: what holds whatever they say.
//! Guarantee: order of arrival, tracing and approvals change nothing; a step gives what a full reading gives.
use super::{all_cases, on_a_deep_stack};
use crate::fleet::{Files, line};
use crate::plan::render;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use stratify::decide::document::{PathRefusal, RefusedPath, Revision, TreeChange};
use stratify::decide::fleet::TagNow;
use stratify::decide::fleet::codes::{NO_CLUSTER, NO_PIN, REFUSED_PATH, TAG_MOVED};
use stratify::decide::plan::change;
use stratify::decide::profile::codes::INACTIVE;
use stratify::decide::profile::{Declarations, Sketch, sketch_with};
use stratify::decide::value::{Diagnostic, Digest, Pointer, Value};
use stratify::name::{ChangeId, ClusterName, CommitId, RepoName};

/// What a fleet says of each cluster.
fn outcome(files: &Files) -> BTreeMap<ClusterName, Result<Digest, Vec<String>>> {
    let lines = |said: Vec<Diagnostic>| said.iter().map(line).collect();
    let of = |cluster: ClusterName| {
        let said = files.resolve(&cluster).map(|(profile, _)| profile.digest).map_err(lines);
        (cluster, said)
    };
    files.clusters().into_iter().map(of).collect()
}

fn first_change(files: &Files, cluster: &str) -> ChangeId {
    change(None, &render(files, cluster)).id
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))] // each reads the example anew

    #[test]
    fn the_order_in_which_files_arrive_changes_nothing(ranks in proptest::collection::vec(any::<u64>(), 64)) {
        let files = Files::folder("example-repo");
        let shuffled = files.in_order(|at| ranks[at % ranks.len()]);
        prop_assert_eq!(outcome(&shuffled), outcome(&files));
        prop_assert_eq!(first_change(&shuffled, "eu-1"), first_change(&files, "eu-1"));
    }
}

#[test]
fn a_step_gives_what_a_full_reading_gives() {
    on_a_deep_stack(|| {
        for (title, before, after) in all_cases() {
            for (from, to) in [(&before, &after), (&after, &before)] {
                let (index, touched) = from.step(to);
                let stepped = to.at(index);
                let (old, new) = (outcome(from), outcome(to));
                assert_eq!(outcome(&stepped), new, "`{title}`: the index after a step is the index of the files");
                assert_eq!(stepped.fleet.index.said(), to.fleet.index.said(), "`{title}`: so is what is said of them");
                for (cluster, said) in new.iter().filter(|(cluster, _)| !touched.clusters.contains(cluster)) {
                    assert_eq!(
                        old.get(cluster),
                        Some(said),
                        "`{title}`: {cluster} is not touched, so it stays the same"
                    );
                }
                let gone = old.keys().filter(|cluster| !new.contains_key(cluster));
                assert!(gone.eq(&touched.released), "`{title}`: what no document describes any longer is released");
            }
        }
    });
}

#[test]
fn what_was_read_for_other_clusters_changes_nothing() {
    on_a_deep_stack(|| {
        for (title, before, after) in all_cases() {
            let mut declarations = Declarations::default();
            for files in [&before, &after, &before] {
                for cluster in files.clusters() {
                    let told = |sketch: Result<Sketch, Vec<Diagnostic>>| {
                        let keys = sketch.as_ref().map(Sketch::keys).unwrap_or_default();
                        let made = sketch.and_then(|sketch| sketch.resolve(&files.texts, &files.seal));
                        format!("{keys:?} {made:?}")
                    };
                    let shared = sketch_with(&mut declarations, &files.fleet, &cluster, &files.seal);
                    assert_eq!(told(shared), told(files.sketch(&cluster)), "`{title}`: {cluster} is the same");
                }
            }
        }
    });
}

#[test]
fn each_value_has_its_last_writer() {
    for folder in ["example-repo", "tests/cases/base"] {
        let files = Files::folder(folder);
        for cluster in files.clusters() {
            let sketch = files.sketch(&cluster).unwrap_or_else(|said| panic!("{}", line(&said[0])));
            let (untraced, _) =
                sketch.resolve(&files.texts, &files.seal).unwrap_or_else(|said| panic!("{}", line(&said[0])));
            for layer in &untraced.layers {
                let chain = sketch.explain(&layer.name, &files.texts).expect("the layer is there");
                let mut leaves = Vec::new();
                collect(&layer.values, &mut Pointer::default().join("values"), &mut leaves);
                for (pointer, leaf) in leaves {
                    let writer = chain.last(&pointer);
                    let writer = writer.unwrap_or_else(|| panic!("{cluster}: {}{pointer} has no writer", layer.name));
                    let bytes = writer.at.bytes.start as usize..writer.at.bytes.end as usize;
                    let text = writer.at.source.0.get(bytes).expect("the place is inside its text");
                    let is_said = leaf.as_str().is_none_or(|leaf| text.contains(leaf));
                    assert!(
                        is_said || text.contains("${{"),
                        "{cluster}: {}{pointer} is not said at {}",
                        layer.name,
                        writer.at
                    );
                }
            }
            let (again, _) =
                sketch.resolve(&files.texts, &files.seal).unwrap_or_else(|said| panic!("{}", line(&said[0])));
            assert_eq!(again.digest, untraced.digest, "{cluster}: to be asked changes nothing");
        }
    }
}

/// A list replaces as a whole, so it is a leaf; an empty map is what is there before anybody writes.
fn collect(value: &Value, pointer: &mut Pointer, leaves: &mut Vec<(Pointer, Value)>) {
    let Some(map) = value.as_map() else { return leaves.push((pointer.clone(), value.clone())) };
    for (key, value) in map.iter() {
        pointer.push(key.clone());
        collect(value, pointer, leaves);
        pointer.pop();
    }
}

#[test]
fn an_approval_does_not_change_what_it_approves() {
    let files = Files::folder("example-repo");
    let old = render(&files, "eu-1");
    let path = "clusters/prod/eu-1/cluster.yaml";
    let text = files.text(path).expect("it is there");
    let edited = files.with(path, Some(&text.replace("workers: 7", "workers: 8")));
    let id = change(Some(&old), &render(&edited, "eu-1")).id;
    let approval = "apiVersion: stratify.dev/v1alpha1\nkind: Approval\nspec: { reason: it is right }\n";
    let mut approved = edited.with(&format!("approvals/{id}.yaml"), Some(approval));
    approved.fleet.head = Revision::Commit(CommitId([2; 20]));
    assert_eq!(change(Some(&old), &render(&approved, "eu-1")).id, id, "the next commit has the same change");
    let (_, touched) = edited.step(&approved);
    assert!(touched.clusters.is_empty() && touched.released.is_empty(), "no cluster has to be looked at again");
}

#[test]
fn what_the_pin_does_not_know_yet_is_inactive() {
    let pin = CommitId([0xab; 20]);
    let base = Files::folder("tests/cases/base");
    let profile = base.text("profiles/web/profile.yaml").expect("it is there");
    let more = format!("{profile}    - {{ name: extra, role: add-on, manifests: [shop/extra.yaml] }}\n");
    let environment = base.text("environments/dev/environment.yaml").expect("it is there");
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\n";
    let cluster = base.text("clusters/dev/one/cluster.yaml").expect("it is there");
    let overlay = "  layers:\n    - { name: extra, values: { size: 3 } }\n";
    let head = base
        .with("profiles/web/profile.yaml", Some(&more))
        .with("profiles/web/shop/extra.yaml", Some(extra))
        .with("environments/dev/environment.yaml", Some(&format!("{environment}  revision: {pin}\n")))
        .with("clusters/dev/one/cluster.yaml", Some(&format!("{cluster}{overlay}")));
    let pinned = |index: &Files| {
        let files = head.beside(None, pin, index);
        let one = ClusterName::new("one").expect("it is a label");
        files.resolve(&one).unwrap_or_else(|said| panic!("{}", line(&said[0])))
    };
    let (profile, warnings) = pinned(&base);
    assert!(profile.layers.iter().all(|layer| layer.name.as_str() != "extra"), "the pin has no such layer");
    assert_eq!(warnings.iter().map(|said| said.code).collect::<Vec<_>>(), [INACTIVE], "the entry is told of");
    assert!(!warnings[0].is_error(), "the cluster is synced all the same");
    let (profile, warnings) = pinned(&head);
    let layer = profile.layers.iter().find(|layer| layer.name.as_str() == "extra").expect("the pin has reached it");
    assert_eq!(layer.values.get("size"), Some(&Value::Integer(3)), "the entry is active now");
    assert!(warnings.is_empty(), "there is nothing to tell");
    let one = ClusterName::new("one").expect("it is a label");
    let said = head.resolve(&one).expect_err("a pin that was not read is no head");
    assert_eq!(said[0].code, NO_PIN, "nothing is read at another revision in its stead");
    let at = said[0].at.as_ref().map(ToString::to_string);
    assert_eq!(at.as_deref(), Some("environments/dev/environment.yaml:10:13"), "it is the revision's line");
}

#[test]
fn a_tag_that_moved_holds_its_clusters() {
    let (locked, other) = (CommitId([0xab; 20]), CommitId([0xcd; 20]));
    let base = Files::folder("tests/cases/base");
    let environment = base.text("environments/dev/environment.yaml").expect("it is there");
    let lock = format!("apiVersion: stratify.dev/v1alpha1\nkind: Lock\ntags:\n  - {{ name: v1, commit: {locked} }}\n");
    let head = base
        .with("environments/dev/environment.yaml", Some(&format!("{environment}  revision: refs/tags/v1\n")))
        .with("fleet.lock", Some(&lock));
    let tagged = |now: Option<CommitId>, accepted: Option<CommitId>| {
        let mut files = head.beside(None, locked, &base);
        files.fleet.tags.insert((None, "v1".into()), TagNow { now, accepted });
        let one = ClusterName::new("one").expect("it is a label");
        files.resolve(&one).map(|(profile, _)| profile.pins[0].commit).map_err(|said| said[0].code)
    };
    assert_eq!(tagged(Some(locked), None), Ok(locked), "the tag is what the lock says");
    assert_eq!(tagged(Some(other), None), Err(TAG_MOVED), "another commit under the name is another revision");
    assert_eq!(tagged(None, None), Err(TAG_MOVED), "so is none");
    assert_eq!(tagged(Some(other), Some(locked)), Ok(locked), "a person holds it where it was");
    assert_eq!(tagged(Some(other), Some(other)), Err(TAG_MOVED), "another commit comes by the lock alone");
}

#[test]
fn digests_and_ids_are_of_the_content_wherever_it_is_read() {
    let base = Files::folder("tests/cases/base");
    let environment = base.text("environments/dev/environment.yaml").expect("it is there");
    let (commit, platform) = (CommitId([0xab; 20]), RepoName::new("platform").expect("it is a label"));
    let own = environment.replace("- name: web", &format!("- {{ name: web, revision: {commit} }}"));
    let other = own.replace("name: web,", "name: web, repository: platform,");
    let read = |environment: &str, repository: Option<&RepoName>| {
        let files = base.with("environments/dev/environment.yaml", Some(environment));
        let files = files.beside(repository, commit, &base);
        let layers = render(&files, "one");
        (layers.digest, change(None, &layers).id)
    };
    let here = (render(&base, "one").digest, first_change(&base, "one"));
    assert_eq!(read(&own, None), here, "another commit with the same content");
    assert_eq!(read(&other, Some(&platform)), here, "another repository with the same content");
}

#[test]
fn a_path_that_no_document_may_have_is_told() {
    let files = Files::folder("tests/cases/base");
    let refused = RefusedPath { path: "profiles/../../etc".into(), why: PathRefusal::NotInside };
    let change = TreeChange { entries: Vec::new(), refused: vec![refused] };
    let (index, touched) = files.fleet.index.advance(&change, &BTreeMap::new());
    assert_eq!(index.said().iter().map(|said| said.code).collect::<Vec<_>>(), [REFUSED_PATH], "it is no file to skip");
    assert!(touched.clusters.is_empty(), "no cluster can read it");
}

#[test]
fn a_cluster_that_nobody_describes_is_told_by_its_nearest_name() {
    let files = Files::folder("example-repo");
    let said = files.resolve(&ClusterName::new("eu-2").expect("it is a label")).expect_err("nobody is there");
    assert_eq!((said[0].code, said[0].nearest.as_deref()), (NO_CLUSTER, Some("eu-1")), "people mistype names");
}

/// Diagnostics that no case shows, each with the reason.
const ELSEWHERE: [(u16, &str); 11] = [
    (140, "keys are of the settings: tests of sealed files"),
    (120, "a mistake of ours, not of an author"),
    (202, "no file has such a path: tested above"),
    (212, "no document names a cluster: tested above"),
    (217, "`lint` alone looks for it: a test of the commands"),
    (328, "`lint` asks all clusters at once: a test of the commands"),
    (412, "`lint` alone looks for it: a test of the commands"),
    (413, "a mistake of ours, not of an author"),
    (414, "what helm and kustomize say: tests/it/sources"),
    (432, "`images` alone says it: tests/it/sources"),
    (430, "two Palette packs of one namespace: a test of namespaces"),
];

#[test]
fn every_diagnostic_of_documents_is_shown_by_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: String = super::case_files().iter().map(|path| fs::read_to_string(path).expect("readable")).collect();
    for room in ["document", "fleet", "profile", "render"] {
        let codes = fs::read_to_string(root.join(format!("src/decide/{room}/codes.rs"))).expect("readable");
        let numbers =
            codes.split("Code = Code(").skip(1).filter_map(|rest| rest.split(')').next()?.parse::<u16>().ok());
        for number in numbers {
            let is_shown = cases.contains(&format!("[ST{number:04}]"));
            let is_elsewhere = ELSEWHERE.iter().any(|(other, _)| *other == number);
            assert!(is_shown != is_elsewhere, "ST{number:04} of {room} is shown by a case or named as an exception");
        }
    }
}
