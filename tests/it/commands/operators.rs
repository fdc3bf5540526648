//! In: the example fleet, files of its targets that others edit, pauses, folders without rights. Out: what `diff`, `pause`,
//! `resume` and `doctor` say and do.
//! Guarantee: the real program on a real repository, into folders.
use super::fixture::Checkout;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const EU: &str = "clusters/prod/eu-1/cluster.yaml";

#[test]
fn a_target_that_is_as_wanted_has_no_difference() {
    let fleet = Checkout::synced();
    fleet.run(&["diff", "eu-1"]).ends_with(0).says(&["eu-1 is as it is wanted"]);
    let (code, answer) = fleet.json(&["diff", "eu-1", "shop"]);
    assert_eq!((code, &answer["objects"]), (Some(0), &json!([])), "programs read the same");
    fleet.run(&["diff", "eu-1", "shopp"]).ends_with(1).says(&["did you mean `shop`?"]);
}

#[test]
fn what_others_changed_removed_and_left_is_told_by_field() {
    let fleet = Checkout::synced();
    let before = fleet.head();
    let file = fleet.target("eu-1").join("shop/shop/Deployment.apps_shop.yaml");
    let text = fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("replicas: 6"), "it is what is edited:\n{text}");
    fs::write(&file, text.replace("replicas: 6", "replicas: 9")).expect("it is ours");
    fs::remove_file(fleet.target("eu-1").join("shop/shop/Service_shop.yaml")).expect("it is ours");
    fleet.run(&["diff", "eu-1"]).ends_with(2).says(&[
        "shop\n",
        "~ Deployment shop/shop\n      ~ /spec/replicas: 9 → 6",
        "+ Service shop/shop is missing",
        "eu-1: 2 objects not as wanted: 1 differs, 1 missing, 0 to go",
    ]);
    fleet.run(&["diff", "eu-1", "cni"]).ends_with(0);
    let (code, answer) = fleet.json(&["diff", "eu-1", "shop"]);
    assert_eq!(code, Some(2), "{answer}");
    let objects = answer["objects"].as_array().expect("it lists them");
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("it differs");
    assert_eq!(deployment["fields"], json!([{ "path": "/spec/replicas", "live": 9, "wanted": 6, "manager": null }]));
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["diff", "eu-1"]).ends_with(0);
    assert_eq!(fleet.head(), before, "nothing was committed");
}

#[test]
fn what_the_work_tree_changes_and_omits_is_told_before_it_is_synced() {
    let fleet = Checkout::synced();
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.run(&["diff", "eu-1"]).ends_with(2).says(&["~ Deployment shop/shop", "~ /spec/replicas: 6 → 7"]);
    fleet.run(&["diff", "eu-1", "--rev", "HEAD"]).ends_with(0);
    fleet.edit(EU, "  layers:\n", "  layers:\n    - { name: shop, remove: true }\n");
    fleet
        .run(&["diff", "eu-1", "shop"])
        .ends_with(2)
        .says(&["- Deployment shop/shop is wanted no longer", "= Namespace shop is wanted no longer, and stays"])
        .says(&["0 missing", "to go, 1 to be let go of"]);
}

#[test]
fn a_cluster_is_paused_and_goes_on_by_commits_of_one_line() {
    let fleet = Checkout::synced();
    fleet.becomes("Grace");
    let before = fs::read_to_string(fleet.path(EU)).expect("it is there");
    fleet.run(&["pause", "eu-1", "--reason", "the site moves"]).ends_with(0).says(&["eu-1 is paused from commit"]);
    let shown = fleet.git(&["show", "--format=%an %s %b", "--unified=0", "HEAD"]);
    assert!(shown.starts_with("Grace clusters: pause eu-1 the site moves"), "{shown}");
    assert!(shown.contains("\n+  lifecycle: paused\n"), "{shown}");
    let paused = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert_eq!(paused.replace("  lifecycle: paused\n", ""), before, "all else is as it was");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "", "nothing is left over");
    fleet.run(&["why", "eu-1"]).says(&["eu-1 is at HEAD"]);
    fleet.run(&["pause", "eu-1"]).ends_with(0).says(&["eu-1 is paused already"]);
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    fleet.run(&["resume", "eu-1"]).ends_with(1).says(&["changes that are not committed"]);
    fleet.commit("more of them");
    fleet.run(&["plan", "--cluster", "eu-1"]).says(&["the cluster is paused"]);
    fleet.run(&["resume", "eu-1"]).ends_with(0).says(&["eu-1 is active from commit"]);
    fleet.run(&["plan", "--cluster", "eu-1"]).ends_with(2);
    fleet.edit(EU, "lifecycle: active", "lifecycle: delete");
    fleet.commit("it goes");
    fleet.run(&["pause", "eu-1"]).ends_with(1).says(&["its lifecycle is `delete`"]);
}

#[test]
fn a_layer_is_paused_and_goes_on_where_its_entry_is() {
    let fleet = Checkout::synced();
    fleet.becomes("Grace");
    fleet.run(&["pause", "eu-1", "shop"]).ends_with(0).says(&["layer shop of eu-1 is paused"]);
    let text = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert!(text.contains("  layers:\n    - { name: shop, paused: true }\n    - name: cni\n"), "{text}");
    fleet.run(&["pause", "eu-1", "cni"]).ends_with(0);
    let text = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert!(text.contains("    - name: cni\n      paused: true\n      values:\n"), "{text}");
    fleet.run(&["lint"]).ends_with(0);
    let (code, answer) = fleet.json(&["resume", "eu-1", "shop"]);
    assert_eq!((code, &answer["state"], &answer["path"]), (Some(0), &json!("active"), &json!(EU)), "{answer}");
    fleet.run(&["resume", "eu-1", "shop"]).ends_with(0).says(&["is active already"]);
    fleet.run(&["pause", "eu-1", "none"]).ends_with(1).says(&["the fleet has no layer none"]);
}

#[test]
fn a_doctor_finds_what_a_sync_of_folders_needs() {
    let fleet = Checkout::synced();
    let before = fleet.targets();
    fleet.run(&["doctor"]).ends_with(0).says(&["target eu-1: writable", "its branch main is at", "nothing is missing"]);
    let folder = fleet.target("eu-1");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("it is ours");
    let said = ["target eu-1: could not write in", "1 of 6 need a hand"];
    fleet.run_unprivileged(&["doctor"]).ends_with(1).says(&said);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    assert_eq!(fleet.targets(), before, "nothing was written");
    let settings = format!("repository: {{ url: 'file://{}', branch: gone }}\nstate: state\n", fleet.root().display());
    fleet.write("operator.yaml", &settings);
    let (code, answer) = fleet.json(&["doctor", "--settings", "operator.yaml"]);
    assert_eq!((code, &answer["well"]), (Some(1), &json!(false)), "{answer}");
    let wrong = answer["checks"][1]["wrong"][0].as_str().unwrap_or_default();
    assert!(wrong.contains("gone"), "the branch is named: {answer}");
}

#[test]
fn status_asks_the_targets_and_needs_no_state_of_its_own() {
    let fleet = Checkout::synced();
    let head = fleet.head();
    let eu = |answer: &Value| {
        let rows = answer["live"].as_array().expect("it lists them").clone();
        rows.into_iter().find(|row| row["cluster"] == "eu-1").expect("it is one of them")
    };
    let (code, answer) = fleet.json(&["status"]);
    let row = eu(&answer);
    assert_eq!((code, &row["commit"], &row["lifecycle"]), (Some(0), &json!(head), &json!("active")), "{row}");
    assert_eq!((&row["synced"], &row["wanted"], &row["health"]), (&json!(10), &json!(10), &json!("healthy")), "{row}");
    let layers = row["layers"].as_array().expect("it lists them");
    let cni = layers.iter().find(|layer| layer["layer"] == "cni").expect("it has one");
    assert_eq!((&cni["pack"], &cni["version"], &cni["state"]), (&json!("cilium"), &json!("1.16.2"), &json!("synced")));
    // Statuses are notes, what is remembered is in the state folder; the targets have it all themselves.
    fleet.git(&["update-ref", "-d", "refs/notes/stratify"]);
    for entry in fs::read_dir(fleet.path(".stratify")).expect("it is there") {
        let path = entry.expect("it is readable").path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some("targets" | "key") => {}
            _ if path.is_dir() => fs::remove_dir_all(&path).expect("it is ours"),
            _ => fs::remove_file(&path).expect("it is ours"),
        }
    }
    let before = fleet.targets();
    assert_eq!(eu(&fleet.json(&["status"]).1)["synced"], json!(10), "nothing of it was needed");
    let file = fleet.target("eu-1").join("shop/shop/Deployment.apps_shop.yaml");
    let text = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, text.replace("replicas: 6", "replicas: 9")).expect("it is ours");
    fs::remove_file(fleet.target("eu-1").join("shop/shop/Service_shop.yaml")).expect("it is ours");
    fleet.edit(EU, "web/replicas: 6", "web/replicas: 7");
    let newer = fleet.commit("more of them");
    fleet.run(&["status", "-o", "wide"]).ends_with(0).says(&[
        &format!("active     {}  9/10 ", &head[..12]),
        "failed (2 not well)",
        "2 objects",
        "eu-1: layer shop, Service shop/shop: it is not there",
    ]);
    let (_, answer) = fleet.json(&["status", "--cluster", "eu-1"]);
    let rows = answer["live"].as_array().expect("it lists them");
    let shop = rows[0]["layers"].as_array().expect("it lists them").iter().find(|layer| layer["layer"] == "shop");
    let shop = shop.expect("it has one");
    assert_eq!((rows.len(), &shop["state"], &shop["commit"]), (1, &json!("behind"), &json!(head)), "{shop}");
    assert_eq!(fleet.targets().len(), before.len() - 1, "nothing was written");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(eu(&fleet.json(&["status"]).1)["commit"], json!(newer), "it went on");
    fleet.run(&["status", "--cluster", "eu-2"]).ends_with(1).says(&["did you mean `eu-1`?"]);
}

#[test]
fn a_layer_of_a_folder_is_let_go_of_in_two_commits_and_nothing_there_is_of_others() {
    let fleet = Checkout::synced();
    fleet.becomes("Grace");
    fleet.run(&["adopt", "eu-1", "shop"]).ends_with(0).says(&["there is nothing to adopt"]);
    fleet.run(&["release", "eu-1", "tracing"]).ends_with(0).says(&["keeps its objects when it goes"]);
    let text = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert!(text.contains("  layers:\n    - { name: tracing, onRemove: keep }\n    - name: cni\n"), "{text}");
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["release", "eu-1", "tracing"]).ends_with(0).says(&["is taken out"]);
    let text = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert!(text.contains("  layers:\n    - { name: tracing, remove: true }\n    - name: cni\n"), "{text}");
    fleet.run(&["lint"]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0);
    let left = fs::read_dir(fleet.target("eu-1").join("tracing")).expect("its objects stay").count();
    assert!(left > 0, "its objects stay");
    // A layer that the cluster itself adds goes with its entry.
    fleet.run(&["release", "eu-1", "local-tools"]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["release", "eu-1", "local-tools"]).ends_with(0);
    let text = fs::read_to_string(fleet.path(EU)).expect("it is there");
    assert!(!text.contains("local-tools") && text.contains("- name: cni"), "{text}");
    fleet.run(&["release", "eu-1", "none"]).ends_with(1).says(&["the fleet has no layer none"]);
}

/// Commits an approval of what waits on dev-1, as somebody.
fn approve_as(fleet: &Checkout, name: &str) {
    let (_, answer) = fleet.json(&["plan", "--cluster", "dev-1"]);
    let id = answer["plans"][0]["change"].as_str().expect("a change has an id").to_owned();
    fleet.git_as(name, &["commit", "--quiet", "--allow-empty", "-m", &format!("looked at\n\nStratify-Approve: {id}")]);
}

#[test]
fn who_wrote_what_was_left_while_its_layer_was_paused_does_not_approve_it() {
    let fleet = Checkout::synced();
    let dev = "clusters/dev/dev-1/cluster.yaml";
    let paused = "  layers:\n    - { name: os, paused: true, values: { image: { flavour: server } } }\n";
    fleet.edit(dev, "  layers:\n", paused);
    fleet.commit("another image, and a pause, by Ada");
    fleet.run(&["sync"]).says(&["os is paused"]);
    fleet.becomes("Grace");
    fleet.run(&["resume", "dev-1", "os"]).ends_with(0);
    let before = fleet.targets();
    fleet.run(&["sync"]).ends_with(1).says(&["repave of layer os"]);
    approve_as(&fleet, "Ada");
    fleet.run(&["sync"]).ends_with(1).says(&["an approval does not count: Ada <ada@acme.example> wrote a part of it"]);
    assert_eq!(fleet.targets(), before, "nothing of it is done");
    let squashed = "a word\n\nCo-authored-by: Bob <bob@acme.example>";
    fleet.edit(dev, "flavour: server } }", "flavour: server }, sysctls: { kernel.panic: '5' } }");
    fleet.git(&["add", "--all"]);
    fleet.git(&["commit", "--quiet", "-m", squashed]);
    approve_as(&fleet, "Bob");
    fleet.run(&["sync"]).ends_with(1).says(&["an approval does not count: Bob <bob@acme.example> wrote a part of it"]);
    approve_as(&fleet, "Carol");
    fleet.run(&["sync"]).ends_with(0).says(&["approved by Carol <carol@acme.example>"]);
}
