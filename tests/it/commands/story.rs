//! In: commits after commits. Out: what syncs make of them, and the statuses that they get.
//! Guarantee: each test tells one story from its start.
use super::fixture::{Checkout, Tree, tree};
use serde_json::{Value, json};
use std::fs;

const EU: &str = "clusters/prod/eu-1/cluster.yaml";
const US: &str = "clusters/prod/us-1/cluster.yaml";
const PROD: &str = "environments/prod/environment.yaml";
const STAGING: &str = "environments/staging/environment.yaml";

/// The layer of the cluster eu-1 that has a namespace of its own.
const TOOLS: &str = "    - name: local-tools
      role: add-on
      manifests: [tools/*.yaml]
      namespace: tools
      priority: 90
";

/// A claim in that namespace, which is of a protected kind.
const CLAIM: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: captures
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
";

/// Returns the objects of a cluster's folder, without what is kept beside them.
fn objects(fleet: &Checkout, cluster: &str) -> Tree {
    let mut tree = tree(&fleet.target(cluster));
    tree.retain(|path, _| !path.starts_with(".stratify-target/"));
    tree
}

/// Returns the one change of a plan, by its full id.
#[track_caller]
fn change_of(fleet: &Checkout, cluster: &str) -> String {
    let (_, answer) = fleet.json(&["plan", "--cluster", cluster]);
    answer["plans"][0]["change"].as_str().expect("a change has an id").to_owned()
}

#[test]
fn a_commit_changes_the_clusters_it_concerns_and_no_other_file() {
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.commit("more replicas");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer, 1 object (0 created, 1 changed, 0 removed)"]);
    let after = fleet.targets();
    let differs = |(path, file): &(&String, &(_, Vec<u8>))| before.get(*path) != Some(file);
    let changed: Vec<&String> = after.iter().filter(differs).map(|(path, _)| path).collect();
    let expected = [
        "eu-1/.stratify-target/inventory/shop.json",
        "eu-1/.stratify-target/record.json",
        "eu-1/shop/shop/Deployment.apps_shop.yaml",
    ];
    assert_eq!(changed, expected, "the object, and what is known of it");
    assert_eq!(before.len(), after.len(), "nothing came and nothing went");
    assert_eq!(fleet.state("HEAD", "prod"), "success", "it is live");
}

#[test]
fn a_broken_file_fails_its_cluster_alone_until_it_is_fixed() {
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.edit(EU, "podCidr:", "podCidrx:");
    fleet.edit(US, "replicas: 3", "replicas: 4");
    let broken = fleet.commit("a mistake and a change");
    fleet.run(&["sync"]).ends_with(1).says(&[
        "error[ST0312]",
        "cluster.yaml:18:5",
        "eu-1: invalid: 1 error",
        "us-1: synced 1 layer",
    ]);
    let after = fleet.targets();
    for (path, file) in before.iter().filter(|(path, _)| !path.starts_with("us-1/")) {
        assert_eq!(after.get(path), Some(file), "{path} is none of what may change");
    }
    let plan = fleet.statuses(&broken)["plan"].clone();
    assert_eq!(plan.0, "failure", "{plan:?}");
    assert!(plan.1.contains("cluster.yaml:18:5"), "{plan:?}");
    assert_eq!(fleet.state(&broken, "prod"), "failure", "one of its clusters cannot be synced");
    assert_eq!(fleet.state(&broken, "dev"), "success", "it is not concerned");
    fleet.edit(EU, "podCidrx:", "podCidr:");
    let fixed = fleet.commit("the mistake is undone");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!((fleet.state(&fixed, "plan"), fleet.state(&fixed, "prod")), ("success".into(), "success".into()));
    fleet.run(&["plan"]).ends_with(0);
}

#[test]
fn the_removal_of_a_protected_kind_waits_for_another_person() {
    let fleet = Checkout::example();
    fleet.write("clusters/prod/eu-1/tools/claim.yaml", CLAIM);
    fleet.commit("tools keep something");
    fleet.run(&["sync"]).ends_with(0);
    fleet.edit(EU, TOOLS, "");
    let removal = fleet.commit("no tools");
    let id = change_of(&fleet, "eu-1");
    let before = objects(&fleet, "eu-1");
    let said = ["nothing that waits has this id", &id, "eu-1: deletion of PersistentVolumeClaim captures"];
    fleet.run(&["approve", &"ab".repeat(32)]).ends_with(1).says(&said);
    fleet.run(&["sync"]).ends_with(1).says(&["deletion of PersistentVolumeClaim captures", &id]);
    assert_eq!(objects(&fleet, "eu-1"), before, "nothing of it goes");
    let prod = fleet.statuses(&removal)["prod"].clone();
    assert!(prod.0 == "pending" && prod.1.contains(&id), "the status asks for the approval: {prod:?}");
    let ran = fleet.run(&["why", "eu-1"]).ends_with(0).says(&["deletion of PersistentVolumeClaim captures", &id]);
    assert!(ran.out.starts_with("eu-1 waits for approval: "), "the reason stands first:\n{}", ran.out);
    assert_eq!(ran.out.matches("local-tools").count(), 1, "each layer once, and no whole plan:\n{}", ran.out);

    fleet.becomes("Ada");
    let (own, head) = ("an approval does not count: Ada <ada@acme.example> wrote a part of it", fleet.head());
    let said =
        ["it would not count: Ada <ada@acme.example> wrote a part of it", "they are by Ada", "Stratify-Approve: "];
    fleet.run(&["approve", &id, "--reason", "looked at"]).ends_with(1).says(&said);
    assert_eq!(fleet.head(), head, "there is no commit that helps nobody");
    let file = format!("approvals/{id}.yaml");
    fleet.write(&file, "apiVersion: stratify.dev/v1alpha1\nkind: Approval\nspec: { reason: mine }\n");
    fleet.commit("by hand");
    fleet.run(&["plan", "--cluster", "eu-1"]).ends_with(2).says(&[own]);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&[own]);
    fleet.run(&["sync"]).ends_with(1).says(&[own]);
    let prod = fleet.statuses("HEAD")["prod"].clone();
    assert!(
        prod.0 == "pending" && prod.1.contains("Ada <ada@acme.example> wrote a part of it"),
        "the status says why: {prod:?}"
    );
    assert_eq!(objects(&fleet, "eu-1"), before, "an approval by its author is none");

    fleet.becomes("Grace");
    fleet.run(&["approve", &id[..12]]).ends_with(0).says(&["approved", &id, "changes approvals/"]);
    assert_eq!(fleet.git(&["show", "--format=", "--name-only", "HEAD"]).trim(), file, "who changes it approves, too");
    let by = "approved by Grace <grace@acme.example>, unsigned";
    fleet.run(&["plan", "--cluster", "eu-1"]).ends_with(2).says(&[by]);
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced", "2 removed", by]);
    let prod = fleet.statuses("HEAD")["prod"].clone();
    assert!(prod.0 == "success" && prod.1.contains(by), "whoever reads the status knows what it rests on: {prod:?}");
    let left: Vec<String> =
        objects(&fleet, "eu-1").into_keys().filter(|path| path.starts_with("local-tools/")).collect();
    assert_eq!(left, ["local-tools/_cluster/Namespace_tools.yaml"], "a namespace stays for what others have in it");
    assert!(
        !fleet.target("eu-1").join(".stratify-target/inventory/local-tools.json").exists(),
        "nothing of it is ours"
    );
    assert_eq!(fleet.state("HEAD", "prod"), "success", "all is done");
    let overtaken = fleet.statuses(&removal)["prod"].clone();
    assert!(overtaken.0 == "success", "what it wants is what is live, though others came between: {overtaken:?}");
    fleet.run(&["plan"]).ends_with(0);
}

#[test]
fn a_removal_beyond_the_budget_is_held_and_one_within_it_is_not() {
    let fleet = Checkout::synced();
    fleet.edit(EU, TOOLS, &format!("{TOOLS}    - name: tracing\n      remove: true\n"));
    fleet.edit(PROD, "maxObjects: 20", "maxObjects: 0");
    fleet.commit("no tracing, and a budget");
    let id = change_of(&fleet, "eu-1");
    fleet.run(&["sync"]).ends_with(1).says(&["1 deletion, more than 0", &id]);
    assert!(fleet.target("eu-1").join("tracing").exists(), "it is held");
    fleet.edit(PROD, "maxObjects: 0", "maxObjects: 20");
    fleet.commit("a wider budget");
    fleet.run(&["sync"]).ends_with(0).says(&["1 removed"]);
    assert!(!fleet.target("eu-1").join("tracing").exists(), "the narrow budget was never applied");
}

#[test]
fn a_cluster_without_a_document_is_released_and_nothing_of_it_goes() {
    let fleet = Checkout::synced();
    let before = objects(&fleet, "us-1");
    fleet.git(&["rm", "-r", "--quiet", "clusters/prod/us-1"]);
    let removal = fleet.commit("us-1 is no more");
    fleet.run(&["plan"]).says(&["us-1: no document describes it any longer: a sync releases it and deletes nothing"]);
    fleet.run(&["sync"]).ends_with(0).says(&["us-1: released: no document describes it any longer"]);
    assert_eq!(objects(&fleet, "us-1"), before, "its files stay");
    assert!(record(&fleet, "us-1").contains(&format!("\"released\": \"{removal}\"")), "its record says so");
    assert!(!fleet.run(&["plan"]).out.contains("releases it"), "it is released already");
    let prod = &fleet.statuses("HEAD")["prod"];
    assert_eq!((prod.0.as_str(), prod.1.contains("released: us-1")), ("success", true), "it is told: {prod:?}");
    fleet.run(&["sync"]).ends_with(0);
    fleet.git(&["revert", "--no-edit", "--quiet", "HEAD"]);
    fleet.run(&["sync"]).ends_with(0).says(&["us-1: synced, nothing to change"]);
    assert!(!record(&fleet, "us-1").contains("released"), "it is ours again");
    assert_eq!(objects(&fleet, "us-1"), before, "and as it was");
}

#[test]
fn a_cluster_with_another_target_leaves_what_it_had_and_says_so() {
    let fleet = Checkout::synced();
    let before = objects(&fleet, "us-1");
    fleet.edit("clusters/prod/us-1/cluster.yaml", "target: us-1", "target: us-new");
    let head = fleet.commit("us-1 moves");
    let stays = "its target is us-new now: what it has in us-1 stays there, released";
    let said = [stays, "us-1: synced"];
    fleet.run(&["plan"]).ends_with(2).says(&[stays]);
    fleet.run(&["sync"]).ends_with(0).says(&said);
    assert_eq!(objects(&fleet, "us-1"), before, "nothing is deleted");
    assert!(record(&fleet, "us-1").contains(&format!("\"released\": \"{head}\"")), "its record says so");
    assert_eq!(objects(&fleet, "us-new").len(), before.len(), "it is there now");
    let ran = fleet.run(&["sync"]).ends_with(0);
    assert!(!ran.out.contains("its target is"), "it is told once:\n{}", ran.out);
}

#[test]
fn a_layer_that_was_to_be_kept_while_it_was_paused_is_kept_when_it_goes() {
    const EU: &str = "clusters/prod/eu-1/cluster.yaml";
    let fleet = Checkout::synced();
    fleet.edit(EU, "  layers:\n", "  layers:\n    - { name: shop, paused: true, onRemove: keep }\n");
    fleet.commit("shop is paused, and is to be kept");
    fleet.run(&["sync"]).ends_with(0);
    fleet.edit(EU, "{ name: shop, paused: true, onRemove: keep }", "{ name: shop, remove: true }");
    fleet.commit("shop goes");
    let before = objects(&fleet, "eu-1").keys().filter(|path| path.contains("shop")).count();
    let ran = fleet.run(&["sync"]);
    assert!(!ran.out.contains("removed"), "nothing is deleted:\n{}", ran.out);
    let after = objects(&fleet, "eu-1").keys().filter(|path| path.contains("shop")).count();
    assert!(before > 0 && after == before, "{before} files, then {after}:\n{}", ran.out);
}

#[test]
fn a_target_of_another_cluster_is_an_error_at_its_line() {
    const US: &str = "clusters/prod/us-1/cluster.yaml";
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.edit(US, "target: us-1", "target: staging-1");
    fleet.edit("clusters/staging/staging-1/cluster.yaml", "spec:\n", "spec:\n  target: us-1\n");
    fleet.commit("swapped");
    let said = ["ST0206", "the target `staging-1` of cluster us-1 is that of cluster staging-1", "cluster.yaml:"];
    fleet.run(&["plan"]).ends_with(1).says(&said);
    fleet.run(&["sync"]).ends_with(1).says(&said);
    assert_eq!(fleet.targets(), before, "nothing is written");
}

#[test]
fn a_removed_layer_comes_back_with_its_namespace() {
    const EU: &str = "clusters/prod/eu-1/cluster.yaml";
    let fleet = Checkout::synced();
    let bytes = |tree: Tree| tree.into_iter().map(|(path, (_, bytes))| (path, bytes)).collect::<Vec<_>>();
    let before = bytes(objects(&fleet, "eu-1"));
    fleet.edit(EU, "  layers:\n", "  layers:\n    - { name: shop, remove: true }\n");
    fleet.commit("no shop");
    fleet.run(&["sync", "--cluster", "eu-1"]).ends_with(0).says(&["removed"]);
    fleet.git(&["revert", "--no-edit", "--quiet", "HEAD"]);
    fleet.run(&["sync", "--cluster", "eu-1"]).ends_with(0).says(&["created"]);
    assert_eq!(bytes(objects(&fleet, "eu-1")), before, "all is as it was");
}

#[test]
fn what_a_secret_holds_is_shown_nowhere() {
    let fleet = Checkout::synced();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: door }\nstringData: { password: hunter2 }\n\
                  data: { token: aHVudGVyMw== }\n";
    fleet.write("clusters/prod/eu-1/tools/door.yaml", secret);
    fleet.commit("a secret in Git");
    let shown = |args: &[&str]| fleet.run(args).all();
    let all =
        [&["plan", "--output", "json"][..], &["render", "eu-1"], &["sync"], &["render", "eu-1", "--output", "json"]];
    for args in all {
        let said = shown(args);
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMw"), "{args:?}: {said}");
    }
    let files = objects(&fleet, "eu-1");
    let (_, text) = files.iter().find(|(path, _)| path.contains("Secret_door")).expect("it is written");
    let text = String::from_utf8_lossy(&text.1);
    assert!(text.contains("password: \"<sensitive:") && !text.contains("hunter2"), "{text}");
    fleet.run(&["sync"]).ends_with(0).says(&["nothing to change"]);
}

/// Returns what a target remembers.
fn record(fleet: &Checkout, target: &str) -> String {
    fs::read_to_string(fleet.target(target).join(".stratify-target/record.json")).expect("it was synced")
}

#[test]
fn a_renamed_cluster_goes_on_where_it_was() {
    let fleet = Checkout::synced();
    let before: Vec<String> = objects(&fleet, "us-1").into_keys().collect();
    fleet.git(&["mv", "clusters/prod/us-1", "clusters/prod/us-9"]);
    fleet.edit("clusters/prod/us-9/cluster.yaml", "name: us-1", "name: us-9");
    fleet.commit("us-1 is us-9");
    let said = ["it was named us-1", "1 cluster to change"];
    fleet.run(&["plan", "--rev", "HEAD"]).ends_with(2).says(&said);
    let ran = fleet
        .run(&["sync"])
        .ends_with(0)
        .says(&["us-9: synced 8 layers, 29 objects (0 created, 29 changed", "it was named us-1"]);
    assert!(!ran.out.contains("released"), "it goes on:\n{}", ran.out);
    assert_eq!(objects(&fleet, "us-1").into_keys().collect::<Vec<_>>(), before, "there is no second copy");
    assert!(!fleet.target("us-9").exists(), "nor another folder");
    assert!(record(&fleet, "us-1").contains("\"cluster\": \"us-9\""), "the record is its");
    fleet.run(&["sync"]).ends_with(0).says(&["us-9: synced, nothing to change"]);
    fleet.edit("clusters/prod/us-9/cluster.yaml", "replicas: 3", "replicas: 4");
    fleet.commit("more replicas");
    fleet.run(&["sync"]).ends_with(0).says(&["us-9: synced 1 layer, 1 object (0 created, 1 changed"]);
}

#[test]
fn a_pin_decides_which_profiles_an_environment_reads() {
    let fleet = Checkout::synced();
    let profile = "profiles/web/profile.yaml";
    fleet.edit(profile, "checkout: v2", "checkout: v3");
    let newer = fleet.commit("a newer shop");
    let before = fleet.targets();
    fleet.run(&["sync"]).ends_with(0);
    let bytes = |tree: Tree| {
        tree.into_iter()
            .map(|(path, (_, bytes))| (path, bytes))
            .filter(|(path, _)| !path.contains("/.stratify-target/"))
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(fleet.targets()), bytes(before), "prod and staging read what they are pinned to");
    let pinned = fs::read_to_string(fleet.path(PROD)).expect("it is there");
    let pin = pinned.lines().find(|line| line.contains("revision:")).expect("it is pinned").to_owned();
    fleet.edit(PROD, &pin, &format!("  revision: {newer}"));
    fleet.commit("prod takes it");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer", "staging-1: synced, nothing to change"]);
    fleet.git(&["checkout", "--quiet", "-b", "aside"]);
    let aside = fleet.commit("on another branch");
    fleet.git(&["checkout", "--quiet", "main"]);
    for nowhere in [aside, "ab".repeat(20)] {
        fleet.edit(PROD, &newer, &nowhere);
        let said = ["ST0214", "environments/prod/environment.yaml", "it is not in the history of the watched branch"];
        fleet.run(&["lint"]).ends_with(1).says(&said);
        fleet.run(&["plan"]).ends_with(1).says(&said);
        fleet.commit("a pin to nothing that is on the branch");
        fleet.run(&["sync"]).ends_with(1).says(&said);
        fleet.edit(PROD, &nowhere, &newer);
    }
}

#[test]
fn a_tag_counts_as_it_is_locked_and_holds_once_it_moves() {
    let fleet = Checkout::synced();
    let pinned = fs::read_to_string(fleet.path(STAGING)).expect("it is there");
    let pin = pinned.lines().find(|line| line.contains("revision:")).expect("it is pinned").to_owned();
    fleet.git(&["tag", "v1", "HEAD~1"]);
    fleet.edit(STAGING, &pin, "  revision: v1");
    fleet.commit("staging by tag");
    fleet.run(&["sync"]).ends_with(1).says(&["stratify lock"]);
    fleet.run(&["lock", "--check"]).ends_with(1).says(&["run `stratify lock`"]);
    fleet.run(&["lock"]).ends_with(0).says(&["fleet.lock is written", "1 tag"]);
    fleet.run(&["lock", "--check"]).ends_with(0);
    fleet.commit("locked");
    fleet.run(&["sync"]).ends_with(0).says(&["staging-1: synced, nothing to change"]);
    let before = fleet.targets();
    fleet.git(&["tag", "--force", "v1", "HEAD"]);
    fleet.run(&["sync"]).ends_with(1).says(&["v1"]);
    assert_eq!(fleet.targets(), before, "a tag that moved changes nothing");
    fleet.run(&["lock"]).ends_with(0).says(&["is written"]);
    fleet.commit("locked again");
    fleet.run(&["sync"]).ends_with(0);
}

#[test]
fn a_plan_that_failed_by_a_tag_is_told_anew_once_the_tag_is_held() {
    let fleet = Checkout::synced();
    let pinned = fs::read_to_string(fleet.path(STAGING)).expect("it is there");
    let pin = pinned.lines().find(|line| line.contains("revision:")).expect("it is pinned").to_owned();
    fleet.git(&["tag", "v1", "HEAD~1"]);
    let locked = fleet.git(&["rev-parse", "v1"]).trim().to_owned();
    fleet.edit(STAGING, &pin, "  revision: v1");
    fleet.run(&["lock"]).ends_with(0);
    fleet.commit("staging by tag");
    fleet.run(&["sync"]).ends_with(0);
    fleet.git(&["tag", "--force", "v1", "HEAD"]);
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    let head = fleet.commit("more replicas");
    fleet.run(&["sync"]).ends_with(1).says(&["v1"]);
    assert_eq!(fleet.state(&head, "plan"), "failure", "the plan of staging-1 was made, too");
    assert_eq!(fleet.state(&head, "staging"), "failure", "no success stays under it");
    fleet.run(&["accept", &locked, "--tag", "v1"]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0);
    let statuses = fleet.statuses(&head);
    assert!(statuses.values().all(|status| status.0 == "success"), "nothing of it stays red: {statuses:?}");
}

#[test]
fn a_rewritten_branch_is_held_until_its_head_is_accepted() {
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.git(&["commit", "--all", "--quiet", "--amend", "-m", "another history"]);
    let rewritten = fleet.head();
    fleet.run(&["sync"]).ends_with(1).says(&["rewritten", &format!("stratify accept {rewritten}")]);
    assert_eq!(fleet.targets(), before, "all clusters stay");
    assert_eq!(fleet.statuses(&rewritten).values().next().map(|status| status.0.as_str()), Some("failure"));
    fleet.run(&["accept", &"0".repeat(40)]).ends_with(1);
    fleet.run(&["sync"]).ends_with(1);
    fleet.run(&["accept", &rewritten]).ends_with(0).says(&["the next sync takes it"]);
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer"]);
    assert_eq!(fleet.state(&rewritten, "prod"), "success", "it counts now");
    let statuses = fleet.statuses(&rewritten);
    assert!(statuses.values().all(|status| status.0 == "success"), "nothing of it stays red: {statuses:?}");
}

#[test]
fn a_held_branch_is_told_by_why() {
    let fleet = Checkout::synced();
    fleet.git(&["commit", "--quiet", "--amend", "-m", "the same under another name"]);
    let rewritten = fleet.head();
    let said = ["eu-1 is held: the branch was rewritten", &format!("stratify accept {rewritten}")];
    let ran = fleet.run(&["why", "eu-1"]).ends_with(0).says(&said);
    assert!(!ran.out.contains("waits for nothing"), "somebody has to accept it:\n{}", ran.out);
    fleet.run(&["sync"]).ends_with(1);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&said);
    fleet.run(&["accept", &rewritten]).ends_with(0);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["waits for nothing"]);
}

#[test]
fn a_way_back_from_another_branch_is_free_once_it_is_accepted() {
    let fleet = Checkout::synced();
    let before = objects(&fleet, "eu-1");
    let main = fleet.head();
    fleet.git(&["checkout", "--quiet", "-b", "other"]);
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.commit("on another branch");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer"]);
    fleet.git(&["checkout", "--quiet", "main"]);
    fleet.run(&["sync"]).ends_with(1).says(&[
        "eu-1: failed",
        "does not come after",
        &format!("stratify accept {main}"),
    ]);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["eu-1 is held", "which the cluster has"]);
    fleet.run(&["accept", &main]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer"]);
    let bytes = |tree: Tree| tree.into_iter().map(|(path, (_, bytes))| (path, bytes)).collect::<Vec<_>>();
    assert_eq!(bytes(objects(&fleet, "eu-1")), bytes(before), "it is as main says");
    let statuses = fleet.statuses(&main);
    assert!(statuses.values().all(|status| status.0 == "success"), "nothing of it stays red: {statuses:?}");
    fleet.git(&["checkout", "--quiet", "other"]);
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 1 layer"]);
}

#[test]
fn only_what_is_asked_for_is_synced_and_the_rest_waits() {
    let fleet = Checkout::example();
    let ran = fleet.run(&["sync", "--cluster", "us-1"]).ends_with(0).says(&["us-1: synced 8 layers"]);
    assert!(!ran.out.contains("eu-1"), "it was not asked for:\n{}", ran.out);
    assert!(!fleet.target("eu-1").exists(), "nor written");
    let prod = fleet.statuses("HEAD")["prod"].clone();
    assert!(prod.0 == "pending" && prod.1.starts_with("1/2 clusters synced"), "{prod:?}");
    let ran = fleet.run(&["sync", "--environment", "dev"]).ends_with(0).says(&["dev-1: synced 8 layers"]);
    assert!(!ran.out.contains("staging-1"), "{}", ran.out);
    fleet
        .run(&["sync", "--cluster", "us-2"])
        .ends_with(1)
        .says(&["the fleet has no cluster us-2", "did you mean `us-1`? there are dev-1, eu-1, staging-1, us-1"]);
    fleet.run(&["sync", "--environment", "test"]).ends_with(1).says(&["the fleet has no environment test"]);
    fleet.run(&["sync", "--cluster", "us-1", "--environment", "dev"]).ends_with(1).says(&["cannot be used with"]);
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 10 layers", "us-1: synced, nothing to change"]);
    assert_eq!(fleet.state("HEAD", "prod"), "success", "all of it was seen");
}

#[test]
fn a_status_is_never_green_alone_while_clusters_are_not() {
    let fleet = Checkout::synced();
    let ran = fleet.run(&["status"]).ends_with(0);
    assert!(!ran.out.contains("now: "), "all is as it is wanted:\n{}", ran.out);
    let synced = fleet.head();
    fleet.edit(EU, TOOLS, "");
    fleet.edit(PROD, "maxObjects: 20", "maxObjects: 0");
    let removal = fleet.commit("no tools, and a budget");
    fleet.run(&["status", &synced]).ends_with(0).says(&[&format!("now: {removal} is not synced yet")]);
    fleet
        .run(&["sync", "--cluster", "us-1", "--cluster", "dev-1"])
        .ends_with(0)
        .says(&["us-1: synced", "dev-1: synced"]);
    let id = change_of(&fleet, "eu-1");
    let said = format!("now: eu-1: waits for approval: 1 deletion, more than 0; approve by `stratify approve {id}`");
    fleet.run(&["status", &synced]).ends_with(0).says(&["stratify/prod     success  2/2 clusters synced", &said]);
    let (_, answer) = fleet.json(&["status", &synced]);
    let of = |answer: &Value, cluster: &str| {
        let all = answer["clusters"].as_array().expect("it lists them").iter();
        all.clone().find(|one| one["cluster"] == cluster).expect("it is one of them").clone()
    };
    let eu = of(&answer, "eu-1");
    assert_eq!((&eu["condition"], &eu["change"]), (&json!("held"), &json!(id)), "programs read the same");
    assert_eq!(of(&answer, "us-1")["condition"], "synced", "that one is");
    let plan = fleet.statuses(&removal)["plan"].clone();
    assert!(plan.0 == "success" && plan.1.contains("1 waits for approval"), "it could be done: {plan:?}");
    fleet.git(&["commit", "--quiet", "--amend", "-m", "another history"]);
    let rewritten = fleet.head();
    let held = ["now: held: the branch was rewritten", &format!("stratify accept {rewritten}")];
    fleet.run(&["status", &synced]).ends_with(0).says(&held);
    fleet.run(&["accept", &rewritten]).ends_with(0);
    fleet.run(&["sync"]).ends_with(1);
    fleet.run(&["status"]).ends_with(0).says(&[&said]);
}

#[test]
fn what_is_never_done_fails_the_plan_of_its_commit() {
    let fleet = Checkout::synced();
    for file in ["pack.yaml", "manifests/cluster-configuration.tpl.yaml", "schema.json", "values.yaml"] {
        let text = fs::read_to_string(fleet.path(&format!("packs/kubernetes/1.33.4/{file}"))).expect("it is there");
        fleet.write(&format!("packs/kubernetes/1.32.0/{file}"), &text.replace("1.33.4", "1.32.0"));
    }
    let layer = "    - { name: kubernetes, pack: kubernetes@1.32.0 }\n";
    fleet.edit("clusters/dev/dev-1/cluster.yaml", "  layers:\n", &format!("  layers:\n{layer}"));
    fleet.commit("an older Kubernetes");
    fleet.run(&["sync"]).ends_with(1).says(&["dev-1: held: never done", "never goes down"]);
    let plan = fleet.statuses("HEAD")["plan"].clone();
    assert!(plan.0 == "failure" && plan.1.contains("dev-1: never done"), "nobody can do it: {plan:?}");
    fleet.run(&["status"]).ends_with(0).says(&["now: dev-1: failed: "]);
}

#[test]
fn a_sync_that_was_cut_off_is_told_by_why() {
    let fleet = Checkout::synced();
    let (file, head) = (fleet.target("eu-1").join(".stratify-target/record.json"), fleet.head());
    let text = fs::read_to_string(&file).expect("it was synced");
    let mut record: Value = serde_json::from_str(&text).expect("it is JSON");
    record["applying"] = record["applied"].clone();
    fs::write(&file, record.to_string()).expect("it is ours");
    let said = format!("eu-1: the sync of {head} did not come to its end; `stratify sync` goes on with it");
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&[&said]);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["eu-1 is at HEAD: it waits for nothing"]);
}

#[test]
fn a_fleet_that_was_renamed_is_told_its_old_name() {
    let fleet = Checkout::synced();
    fleet.edit("fleet.yaml", "name: acme", "name: apex");
    fleet.commit("another name");
    fleet
        .run(&["sync"])
        .ends_with(1)
        .says(&["found that of fleet acme", "write `name: acme` under `metadata` of fleet.yaml"]);
}

#[test]
fn a_cluster_is_deleted_with_approval_and_then_its_document_may_go() {
    let (fleet, dev) = (Checkout::synced(), "clusters/dev/dev-1/cluster.yaml");
    fleet.edit(dev, "  cloud: edge-native\n", "  cloud: edge-native\n  lifecycle: delete\n");
    fleet.commit("dev-1 goes");
    fleet.run(&["sync"]).ends_with(1).says(&["dev-1: held: waits for approval: "]);
    let id = change_of(&fleet, "dev-1");
    fleet.becomes("Grace");
    fleet.run(&["approve", &id]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0).says(&["dev-1: deleted 8 layers"]);
    let status = fleet.statuses("HEAD")["dev"].clone();
    assert!(status.0 == "success" && status.1.starts_with("deleted: dev-1"), "it is no cluster: {status:?}");
    fleet.run(&["sync"]).ends_with(0).says(&["dev-1: deleted, nothing is left"]);
    fleet.git(&["rm", "-r", "--quiet", "clusters/dev/dev-1"]);
    fleet.commit("dev-1 is no more");
    let ran = fleet.run(&["sync"]).ends_with(0).says(&["dev-1: its document went, after all of it was deleted"]);
    assert!(!ran.out.contains("released"), "there is nothing to be released:\n{}", ran.out);
}

#[test]
fn a_mistake_of_one_cluster_hides_no_other_plan() {
    let fleet = Checkout::synced();
    fleet.edit(EU, "podCidr:", "podCidrx:");
    fleet.edit(US, "replicas: 3", "replicas: 4");
    let said = ["us-1 (prod): change", "2 as they should be, 1 that cannot be planned", "ST0312", "cluster.yaml:18:5"];
    fleet.run(&["plan"]).ends_with(1).says(&said);
    let (code, answer) = fleet.json(&["plan", "--environment", "prod"]);
    let (plan, said) = (&answer["plans"][0]["cluster"], &answer["diagnostics"][0]["code"]);
    assert_eq!((code, plan, said), (Some(1), &json!("us-1"), &json!("ST0312")), "programs read both: {answer}");
    fleet.run(&["plan", "--environment", "dev"]).ends_with(0).says(&["0 clusters to change, 1 as it should be"]);
    fleet
        .run(&["plan", "--cluster", "us-1", "--cluster", "dev-1"])
        .ends_with(2)
        .says(&["1 cluster to change, 1 as it"]);
    fleet.run(&["plan", "--environment", "none"]).ends_with(1).says(&["there are dev, prod, staging"]);
}

#[test]
fn a_paused_layer_that_differs_is_told() {
    let fleet = Checkout::synced();
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.edit(EU, "  layers:\n", "  layers:\n    - { name: shop, paused: true }\n");
    fleet.commit("shop is paused");
    fleet.run(&["plan", "--cluster", "eu-1"]).says(&["layer shop is paused: it differs, and is left as it is"]);
    fleet.run(&["sync"]).says(&["eu-1: synced", "layer shop is paused: it differs, and is left as it is"]);
    let prod = fleet.statuses("HEAD")["prod"].clone();
    assert!(prod.0 == "pending" && prod.1.contains("paused: layer shop of eu-1"), "it was not seen: {prod:?}");
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["layer shop of eu-1 is paused, and differs"]);
}

#[test]
fn an_object_of_ours_without_its_mark_stays_and_holds_up_no_other() {
    let fleet = Checkout::synced();
    let (service, deployment) = ("shop/shop/Service_shop.yaml", "shop/shop/Deployment.apps_shop.yaml");
    let file = fleet.target("eu-1").join(service);
    fs::write(&file, "mine\n").expect("it is ours");
    fs::remove_file(fleet.target("eu-1").join(deployment)).expect("it is ours");
    let said = ["Service shop cannot be written", service, "eu-1: failed at 1 layer: layer shop, Service shop/shop"];
    fleet.run(&["sync"]).ends_with(1).says(&said);
    assert!(fleet.target("eu-1").join(deployment).exists(), "the others are put back");
    assert_eq!(fs::read_to_string(&file).expect("it stays"), "mine\n", "it is not ours any more");
    fleet.edit(EU, "  layers:\n", "  layers:\n    - { name: shop, remove: true }\n");
    fleet.commit("no shop");
    let said = ["Service shop is not deleted", "2 left in place"];
    fleet.run(&["sync"]).ends_with(0).says(&said);
    assert_eq!(fs::read_to_string(&file).expect("it stays"), "mine\n", "it is not deleted");
    assert!(!fleet.target("eu-1").join(deployment).exists(), "what is ours goes");
    assert!(!fleet.target("eu-1").join(".stratify-target/inventory/shop.json").exists(), "nothing of it is ours");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced, nothing to change"]);
}

#[test]
fn a_plan_that_a_file_of_others_refuses_is_no_success() {
    let fleet = Checkout::example();
    let service = fleet.target("eu-1").join("shop/shop/Service_shop.yaml");
    fs::create_dir_all(service.parent().expect("it is inside")).expect("the folder is ours");
    fs::write(&service, "mine\n").expect("the folder is ours");
    let said = "expected the mark of layer shop of this cluster, found none";
    fleet.run(&["plan", "--cluster", "eu-1"]).ends_with(1).says(&[said]);
    fleet.run(&["sync"]).ends_with(1).says(&[said]);
    let (state, text) = fleet.statuses("HEAD")["plan"].clone();
    assert!(state == "failure" && text.contains("cannot be brought to it: eu-1: "), "{state}: {text}");
    assert_eq!(fs::read_to_string(&service).expect("it stays"), "mine\n", "it is not ours");
}

#[test]
fn a_branch_that_is_gone_changes_nothing() {
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.git(&["checkout", "--quiet", "--detach"]);
    fleet.git(&["branch", "--quiet", "-D", "main"]);
    fleet.run(&["sync"]).ends_with(1).says(&["the watched branch is gone"]);
    assert_eq!(fleet.targets(), before, "all clusters stay");
    fleet.git(&["branch", "main"]);
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(fleet.targets(), before, "it is back as it was");
}

#[test]
fn a_repository_without_a_commit_is_told_apart_from_one_that_is_broken() {
    let fleet = Checkout::empty();
    fleet.write("fleet.yaml", "apiVersion: stratify.dev/v1alpha1\nkind: Fleet\nmetadata:\n  name: acme\n");
    fleet.run(&["sync"]).ends_with(1).says(&["the repository has no commit yet"]);
    fleet.run(&["plan"]).ends_with(0).says(&["0 clusters to change"]);
    fleet.commit("a fleet without clusters");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(fleet.state("HEAD", "plan"), "success", "there is nothing that could fail");
}

#[test]
fn a_target_belongs_to_one_cluster() {
    let fleet = Checkout::synced();
    let before = tree(&fleet.target("eu-1"));
    fleet.edit(US, "target: us-1", "target: eu-1");
    fleet.commit("us-1 wants the folder of eu-1");
    fleet.run(&["sync"]).ends_with(1).says(&[
        "ST0206",
        "clusters/prod/us-1/cluster.yaml:12:11",
        "eu-1: invalid",
        "us-1: invalid",
    ]);
    assert_eq!(tree(&fleet.target("eu-1")), before, "it is eu-1's");
}

#[test]
fn a_target_that_is_a_file_fails_its_cluster_alone() {
    let fleet = Checkout::example();
    fleet.write(".stratify/targets/eu-1", "mine\n");
    fleet.run(&["sync"]).ends_with(1).says(&["eu-1: ", "us-1: synced 8 layers"]);
    assert_eq!(fs::read_to_string(fleet.target("eu-1")).expect("it is there"), "mine\n", "it is not ours");
    assert_ne!(fleet.state("HEAD", "prod"), "success", "eu-1 is not synced");
    assert_eq!(fleet.state("HEAD", "dev"), "success", "dev is");
    fs::remove_file(fleet.target("eu-1")).expect("it is ours");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced 10 layers"]);
    assert_eq!(fleet.state("HEAD", "prod"), "success", "the verdict is corrected");
}

#[test]
fn what_a_hand_changes_in_a_target_is_put_back() {
    let fleet = Checkout::synced();
    let before = objects(&fleet, "eu-1");
    let [edited, deleted] = ["csi/kube-system/DaemonSet.apps_csi-local.yaml", "shop/shop/Service_shop.yaml"];
    let file = fleet.target("eu-1").join(edited);
    let text = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, text.replace("csi-local:0.9.0", "csi-local:0.8.0")).expect("it is ours");
    fs::remove_file(fleet.target("eu-1").join(deleted)).expect("it is ours");
    fs::write(fleet.target("eu-1").join("shop/shop/mine.txt"), "mine\n").expect("it is ours");
    let fields = "~ DaemonSet kube-system/csi-local\n          ~ /spec/template/spec/containers/0/image\n";
    fleet.run(&["plan"]).ends_with(2).says(&[fields, "+ Service shop/shop"]);
    let said = "eu-1: synced 2 layers, 2 objects (0 created, 0 changed, 0 removed, 2 corrected)";
    fleet.run(&["sync"]).ends_with(0).says(&[said]);
    let after = objects(&fleet, "eu-1");
    for (path, (_, bytes)) in &before {
        assert_eq!(after.get(path).map(|file| &file.1), Some(bytes), "{path} is as the commit says");
    }
    let untouched = before.iter().filter(|(path, _)| ![edited, deleted].contains(&path.as_str()));
    untouched.for_each(|(path, file)| assert_eq!(after.get(path), Some(file), "{path} was not written again"));
    assert!(after.contains_key("shop/shop/mine.txt"), "what is not ours stays");
    let settled = fleet.targets();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(fleet.targets(), settled, "it is over");
}

#[test]
fn what_a_pause_left_is_judged_when_it_is_done() {
    let checkout = Checkout::synced();
    let (old, new) = ("packs/kubernetes/1.33.4", "packs/kubernetes/1.34.0");
    for file in ["schema.json", "values.yaml"] {
        if let Ok(text) = std::fs::read_to_string(checkout.path(&format!("{old}/{file}"))) {
            checkout.write(&format!("{new}/{file}"), &text);
        }
    }
    for entry in std::fs::read_dir(checkout.path(&format!("{old}/manifests"))).expect("it is there") {
        let entry = entry.expect("it is there");
        let text = std::fs::read_to_string(entry.path()).expect("it is text");
        checkout.write(&format!("{new}/manifests/{}", entry.file_name().display()), &text);
    }
    let pack = std::fs::read_to_string(checkout.path(&format!("{old}/pack.yaml"))).expect("it is there");
    checkout.write(&format!("{new}/pack.yaml"), &pack.replace("1.33.4", "1.34.0"));
    let cluster = "clusters/dev/dev-1/cluster.yaml";
    checkout.edit(cluster, "  layers:\n", "  layers:\n    - { name: kubernetes, paused: true }\n");
    checkout.commit("kubernetes rests");
    checkout.run(&["sync", "--cluster", "dev-1"]).ends_with(0);
    checkout.edit("profiles/edge/profile.yaml", "kubernetes@1.33.4", "kubernetes@1.34.0");
    checkout.commit("a version that waits");
    checkout
        .run(&["sync", "--cluster", "dev-1"])
        .says(&["layer kubernetes is paused: it differs, and is left as it is"]);
    checkout.run(&["plan", "--cluster", "dev-1"]).says(&["1.34.0"]);
    checkout.edit(cluster, "    - { name: kubernetes, paused: true }\n", "");
    checkout.commit("kubernetes goes on");
    checkout.run(&["plan", "--cluster", "dev-1"]).ends_with(2).says(&["\"1.33.4\" → \"1.34.0\"", "repave"]);
    checkout
        .run(&["sync", "--cluster", "dev-1"])
        .ends_with(1)
        .says(&["waits for approval: repave of layer kubernetes"]);
}
