//! In: a fleet and another repository, as people change them. Out: what commands make of it.
//! Guarantee: whatever becomes of the other repository, nothing of a cluster is removed.
use super::fixture::Two;
use crate::mirror::server::{Access, Server};
use std::fs;

#[test]
fn a_profile_of_another_repository_is_synced_planned_and_explained() {
    let two = Two::unlocked();
    let tag = two.platform.id("mesh-1");
    two.run(&["lint"]).ends_with(1).says(&["ST0211", "run `stratify lock`", "environment.yaml:6:53"]);
    two.run(&["lock"]).ends_with(0).says(&["1 tag"]);
    let lock = fs::read_to_string(two.fleet.path("fleet.lock")).expect("it was written");
    assert!(lock.contains(&format!("{{ name: \"mesh-1\", repository: \"platform\", commit: \"{tag}\" }}")), "{lock}");
    two.fleet.commit("lock");
    fs::remove_dir_all(two.platform.beside(".stratify/mirrors")).expect("the scratch folder is ours");
    two.run(&["lint"]).ends_with(1).says(&["ST0216", "its mirror is not there yet", "environment.yaml:6:33"]);
    two.run(&["lock", "--check"]).ends_with(0);
    two.run(&["lint"]).ends_with(0);
    two.run(&["plan"]).says(&[&format!("@ profile mesh is read at refs/tags/mesh-1 of platform ({tag})"), "+ mesh"]);
    two.run(&["render", "one"]).ends_with(0).says(&["value: one"]);
    two.run(&["sync"]).ends_with(0).says(&["one: synced 1 layer"]);
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "{:?}", two.object());
    let short = &tag.to_string()[..12];
    two.run(&["explain", "one", "mesh/value"]).ends_with(0).says(&[
        &format!("platform@{short}:packs/mesh/1.0.0/values.yaml:1:8 defaults of pack mesh@1.0.0"),
        &format!("platform@{short}:profiles/mesh/values.yaml:1:8 profile mesh"),
    ]);
    two.run(&["explain", "one"]).says(&["read at refs/tags/mesh-1 of platform"]);
    two.run(&["plan"]).ends_with(0).says(&["0 clusters to change"]);
}

#[test]
fn a_commit_moves_the_revision_and_only_it_does() {
    let two = Two::locked();
    two.run(&["sync"]).ends_with(0);
    two.write_profile("two");
    let second = two.platform.commit_all("mesh 2");
    two.run(&["sync"]).ends_with(0);
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "the other branch's head is no input");
    two.name(&second.to_string());
    let head = two.fleet.commit("mesh 2");
    two.run(&["sync"]).ends_with(0).says(&["1 changed"]);
    assert!(two.object().is_some_and(|text| text.contains("value: two")), "{:?}", two.object());
    two.platform.git(&["checkout", "--quiet", "-b", "aside"]);
    two.write_profile("three");
    let aside = two.platform.commit_all("mesh 3");
    two.platform.git(&["tag", "brings-it-here"]);
    two.name(&aside.to_string());
    two.fleet.commit("a commit of another branch");
    two.run(&["sync"]).ends_with(1).says(&["ST0214", "it is not in the history of the watched branch"]);
    assert!(two.object().is_some_and(|text| text.contains("value: two")), "it stays as it is");
    two.fleet.git(&["reset", "--quiet", "--hard", &head]);
}

#[test]
fn a_tag_that_moved_holds_until_somebody_decides() {
    let two = Two::locked();
    two.run(&["sync"]).ends_with(0);
    let first = two.platform.id("mesh-1");
    two.write_profile("two");
    let second = two.platform.commit_all("mesh 2");
    two.platform.git(&["tag", "--force", "mesh-1"]);
    let moved = format!("the tag moved from {first} to {second}");
    two.run(&["sync"]).ends_with(1).says(&["ST0213", &moved, "environment.yaml:6:53"]);
    // That the commit before was synced stays true; a commit that comes now has the failure.
    two.fleet.commit("another commit");
    two.run(&["sync"]).ends_with(1).says(&["ST0213", &moved, "environment.yaml:6:53"]);
    assert_eq!(two.run(&["status"]).says(&["failure"]).code, Some(0), "its commit says so");
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "it stays as it is");
    let (first, accept) = (first.to_string(), ["accept", "--tag", "mesh-1", "--repository", "platform"]);
    two.run(&[&accept[..], &[&first]].concat()).ends_with(0).says(&["mesh-1 is held at"]);
    two.run(&["sync"]).ends_with(0);
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "what the lock says counts");
    two.run(&["lint"]).ends_with(0);
    two.run(&["lock"]).ends_with(0);
    two.fleet.commit("take the tag as it is");
    two.run(&["sync"]).ends_with(0).says(&["1 changed"]);
    assert!(two.object().is_some_and(|text| text.contains("value: two")), "the lock moved it");
}

#[test]
fn a_repository_that_is_gone_holds_and_removes_nothing() {
    let two = Two::locked();
    two.run(&["sync"]).ends_with(0);
    two.hide(true);
    two.run(&["sync"]).ends_with(1).says(&["one: synced"]).says(&["platform"]);
    assert!(two.object().is_some(), "what is pinned is in the mirror");
    fs::remove_dir_all(two.platform.beside(".stratify/mirrors")).expect("the scratch folder is ours");
    two.fleet.edit("clusters/prod/one/cluster.yaml", "cloud: aws", "cloud: gcp");
    two.fleet.commit("another cloud");
    two.run(&["sync"]).ends_with(1).says(&["ST0216", "environment.yaml:6:33"]);
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "it stays as it is");
    two.hide(false);
    two.run(&["sync"]).ends_with(0);
    fs::write(two.settings(), "runningMax: 2\n").expect("the scratch folder is ours");
    two.run(&["sync"]).ends_with(1).says(&["ST0215", "the settings have no repository `platform`"]);
    assert!(two.object().is_some(), "to take a repository out of the settings removes nothing");
    let (_, answer) = two.fleet.json(&["--settings", &two.settings().display().to_string(), "plan"]);
    assert!(answer["diagnostics"][0]["code"] == "ST0215", "{answer}");
}

#[test]
fn a_repository_of_the_settings_is_read_over_http_with_its_own_credentials() {
    let two = Two::unlocked();
    let server = Server::start(two.platform.scratch(), Access::private("x-access-token", "hunter2-hunter2"));
    fs::write(two.platform.beside("token"), "hunter2-hunter2\n").expect("the scratch folder is ours");
    two.set(&format!("url: {}\ntokenFile: token\npoll: 5m", server.url("source/.git")));
    two.run(&["lock"]).ends_with(0).says(&["1 tag"]);
    two.fleet.commit("lock");
    two.run(&["sync"]).ends_with(0);
    assert!(two.object().is_some_and(|text| text.contains("value: one")), "{:?}", two.object());
    fs::write(two.platform.beside("token"), "wrong\n").expect("the scratch folder is ours");
    fs::remove_dir_all(two.platform.beside(".stratify/mirrors")).expect("the scratch folder is ours");
    let ran = two.run(&["lock"]).ends_with(1);
    assert!(!ran.all().contains("wrong\n"), "no credential is printed: {}", ran.all());
}

#[test]
fn settings_name_a_repository_once_and_not_as_the_fleets_own() {
    let two = Two::unlocked();
    let text = "repositories:\n  - { name: mesh, url: x }\n  - { name: mesh, url: y }\n  - { name: fleet, url: z }\n";
    fs::write(two.settings(), text).expect("the scratch folder is ours");
    two.run(&["lint"]).ends_with(1).says(&["stands twice", "and not `fleet`"]);
}

#[test]
fn who_wrote_what_a_pin_brings_from_another_repository_does_not_approve_it() {
    let two = Two::locked();
    let policies = "policies: { deletion: { maxObjects: 0 } }";
    let fleet =
        format!("apiVersion: stratify.dev/v1alpha1\nkind: Fleet\nmetadata: {{ name: acme }}\nspec: {{ {policies} }}\n");
    two.fleet.write("fleet.yaml", &fleet);
    two.fleet.commit("every deletion needs an approval");
    two.run(&["sync"]).ends_with(0);
    let object =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\ndata: { value: \"${{ values.value }}\" }\n";
    two.platform.write("shared/packs/mesh/1.0.0/mesh.tpl.yaml", object);
    two.platform.commit_all("another name, by Ada of the platform");
    two.platform.git(&["tag", "mesh-2"]);
    two.name("refs/tags/mesh-2");
    two.run(&["lock"]).ends_with(0);
    two.fleet.commit("the next mesh, by Ada of the fleet");
    let planned = two.run(&["plan", "--output", "json"]).out;
    let answer: serde_json::Value = serde_json::from_str(&planned).expect("it is JSON");
    let id = answer["plans"][0]["change"].as_str().expect("a change has an id").to_owned();
    let approve = |who: &str| {
        let message = format!("looked at\n\nStratify-Approve: {id}");
        two.fleet.git(&["commit", "--quiet", "--allow-empty", "--author", who, "-m", &message]);
    };
    two.run(&["sync"]).ends_with(1).says(&["1 deletion, more than 0"]);
    approve("Ada <ada@example.org>");
    two.run(&["sync"]).ends_with(1).says(&["an approval does not count: Ada <ada@example.org> wrote a part of it"]);
    approve("Grace <grace@example.org>");
    two.run(&["sync"]).ends_with(0).says(&["approved by Grace <grace@example.org>"]);
}
