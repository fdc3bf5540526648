//! In: single writes into a folder that others write to as well. Out: what is done, and what is refused.
//! Guarantee: no file of others is ever changed.
use super::fixture::{FLEET, Target, change, cluster, layer, record, refused, taken};
use std::fs;
use std::os::unix::fs::symlink;
use stratify::act::apply::directory::{Writer, probe};
use stratify::decide::plan::{Expected, Operation, Verdict, Version};
use stratify::decide::profile::Record;
use stratify::decide::rollout::Answer;
use stratify::decide::value::{Absence, Live};
use stratify::name::ClusterName;
use stratify::observe::cluster::directory::facts;

const A: &str = "web/shop/ConfigMap_a.yaml";

#[test]
fn an_object_comes_changes_moves_and_goes() {
    let (target, web, api) = (Target::new(), layer("web"), layer("api"));
    let writer = target.writer(1);
    taken(&writer.write(&web, &change(Operation::Create, "a", 1)));
    taken(&writer.write(&web, &change(Operation::Create, "a", 1)));
    taken(&writer.write(&web, &change(Operation::Patch, "a", 2)));
    assert_eq!(target.files(), [A], "one object, one file");
    taken(&writer.write(&api, &change(Operation::Move { from: web.clone() }, "a", 2)));
    assert_eq!(target.files(), ["api/shop/ConfigMap_a.yaml"], "it is in its new layer only");
    taken(&writer.write(&api, &change(Operation::Prune, "a", 0)));
    taken(&writer.write(&api, &change(Operation::Prune, "a", 0)));
    assert!(!target.root.join("api").exists(), "its empty folders go with it");
}

#[test]
fn a_file_of_others_is_never_touched() {
    let (target, web) = (Target::new(), layer("web"));
    let writer = target.writer(1);
    fs::create_dir_all(target.root.join("web/shop")).unwrap();
    fs::write(target.root.join(A), "kind: ConfigMap\n").unwrap();
    for operation in [Operation::Create, Operation::Patch, Operation::Recreate, Operation::Prune] {
        let change = change(operation, "a", 1);
        let verdict = probe(&target.root, &super::sync::plan(1, vec![]), &web, &change);
        assert!(matches!(verdict, Verdict::Refused(_)), "it is known before: {verdict:?}");
        refused(&writer.write(&web, &change));
    }
    assert_eq!(fs::read(target.root.join(A)).unwrap(), b"kind: ConfigMap\n", "it is as it was");
}

#[test]
fn a_file_of_another_layer_is_not_pruned() {
    let (target, web) = (Target::new(), layer("web"));
    let writer = target.writer(1);
    taken(&writer.write(&web, &change(Operation::Create, "a", 1)));
    fs::create_dir_all(target.root.join("api/shop")).unwrap();
    fs::copy(target.root.join(A), target.root.join("api/shop/ConfigMap_a.yaml")).unwrap();
    refused(&writer.write(&layer("api"), &change(Operation::Prune, "a", 0)));
}

#[test]
fn a_kept_object_stays_and_is_nobodys() {
    let (target, web) = (Target::new(), layer("web"));
    let writer = target.writer(1);
    taken(&writer.write(&web, &change(Operation::Create, "a", 1)));
    taken(&writer.write(&web, &change(Operation::Keep, "a", 0)));
    assert_eq!(fs::read_to_string(target.root.join(A)).unwrap(), "data: 1\nkind: ConfigMap\n", "only the mark went");
    refused(&writer.write(&web, &change(Operation::Prune, "a", 0)));
}

#[test]
fn another_version_than_the_planned_one_is_a_conflict() {
    let (target, web) = (Target::new(), layer("web"));
    let writer = target.writer(1);
    let Answer::Written { version, .. } = writer.write(&web, &change(Operation::Create, "a", 1)) else {
        panic!("nothing was there")
    };
    let mut patch = change(Operation::Patch, "a", 2);
    patch.expected = Expected::Version(Version("other".into()));
    refused(&writer.write(&web, &patch));
    let Live::Present { version: seen, .. } = target.see(&web, &patch.object) else { panic!("it is there") };
    assert_eq!(seen, version.0, "the writer and the observer agree on versions");
    patch.expected = Expected::Version(version);
    taken(&writer.write(&web, &patch));
}

#[test]
fn who_was_overtaken_writes_nothing_more() {
    let (target, web) = (Target::new(), layer("web"));
    let mut first = target.writer(1);
    let _second = target.writer(2);
    refused(&first.write(&web, &change(Operation::Create, "a", 1)));
    refused(&first.write_record(&record(2)));
    assert!(target.files().is_empty(), "even a create is fenced");
}

#[test]
fn no_link_is_followed() {
    let (target, web) = (Target::new(), layer("web"));
    let writer = target.writer(1);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x"), "theirs").unwrap();
    symlink(outside.path(), target.root.join("web")).unwrap();
    let create = change(Operation::Create, "a", 1);
    refused(&writer.write(&web, &create));
    assert!(matches!(target.see(&web, &create.object), Live::Absent(Absence::NotRead(_))), "it is not said to be gone");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "nothing was written outside");
    Writer::open(&target.root, FLEET, &cluster(), &[]).expect("a link of others keeps nobody out");
}

#[test]
fn what_a_cut_off_write_left_is_cleared() {
    let (target, web) = (Target::new(), layer("web"));
    taken(&target.writer(1).write(&web, &change(Operation::Create, "a", 1)));
    fs::write(target.root.join("web/shop/.stratify-tmp-1-1"), "half").unwrap();
    target.writer(2);
    assert_eq!(target.files(), [A], "only what is whole stays");
}

#[test]
fn a_directory_of_another_cluster_is_refused_unless_it_was_this_one() {
    let (target, web) = (Target::new(), layer("web"));
    taken(&target.writer(1).write(&web, &change(Operation::Create, "a", 1)));
    let other = ClusterName::new("eu-2").unwrap();
    assert!(Writer::open(&target.root, FLEET, &other, &[]).is_err(), "a writer is kept out");
    assert_eq!(facts(&target.root, FLEET, &other).unwrap().record.cluster, cluster(), "a reader sees whose it is");
    assert!(facts(&target.root, "other", &cluster()).is_err(), "another fleet's is told at once");
    let mut writer = Writer::open(&target.root, FLEET, &other, &[cluster()]).expect("it had that name");
    let renamed = Record { cluster: other, formerly: vec![cluster()], ..record(2) };
    taken(&writer.write_record(&renamed));
    taken(&writer.write(&web, &change(Operation::Patch, "a", 2)));
    let text = fs::read_to_string(target.root.join(A)).unwrap();
    assert!(text.contains("eu-2"), "its mark is the new one: {text}");
}

#[test]
fn what_is_no_folder_or_no_record_of_ours_is_a_fault() {
    let target = Target::new();
    assert_eq!(facts(&target.root, FLEET, &cluster()).unwrap().record.generation, 0, "an absent one is unborn");
    assert!(!target.root.exists(), "looking makes nothing");
    fs::write(&target.root, "").unwrap();
    let fault = facts(&target.root, FLEET, &cluster()).unwrap_err();
    assert!(fault.hint.is_some(), "a file is no folder: {fault}");
    fs::remove_file(&target.root).unwrap();
    target.writer(1);
    fs::write(target.root.join(".stratify-target/record.json"), "{}").unwrap();
    facts(&target.root, FLEET, &cluster()).unwrap_err();
    assert!(Writer::open(&target.root, FLEET, &cluster(), &[]).is_err(), "nor is it written over");
}
