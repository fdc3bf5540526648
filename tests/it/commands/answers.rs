//! In: each command on the example fleet. Out: its exit code, its text and its JSON document.
//! Guarantee: none of these changes a file but where it says so.
use super::fixture::Checkout;
use serde_json::{Value, json};
use std::fs;

const CLUSTER: &str = "clusters/prod/eu-1/cluster.yaml";

#[track_caller]
fn names(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("it is a list: {list}"));
    list.iter().map(|one| one[key].as_str().unwrap_or_else(|| panic!("it has a {key}: {one}")).to_owned()).collect()
}

#[test]
fn lint_says_how_many_clusters_are_right() {
    let fleet = Checkout::example();
    fleet.run(&["lint"]).ends_with(0).says(&["4 clusters, no errors, 0 warnings"]);
    assert_eq!(
        fleet.json(&["lint"]),
        (Some(0), json!({ "clusters": 4, "diagnostics": [], "elsewhere": 0, "errors": [] })),
        "programs read the same"
    );
    assert!(!fleet.path(".stratify").exists(), "a look leaves nothing behind");
}

#[test]
fn lint_names_file_line_and_what_was_meant() {
    let fleet = Checkout::example();
    fleet.edit(CLUSTER, "podCidr:", "podCidrx:");
    let said = ["error[ST0312]: ", "--> clusters/prod/eu-1/cluster.yaml:18:5", "did you mean `podCidr`?"];
    fleet.run(&["lint"]).ends_with(1).says(&said).says(&["nothing was applied"]);
    let (code, answer) = fleet.json(&["lint"]);
    assert_eq!((code, &answer["clusters"]), (Some(1), &json!(4)), "of the same form: {answer}");
    let said = &answer["diagnostics"][0];
    assert_eq!((&said["path"], &said["line"], &said["column"]), (&json!(CLUSTER), &json!(18), &json!(5)), "{said}");
    assert_eq!((&said["nearest"], &said["severity"]), (&json!("podCidr"), &json!("error")), "{said}");
    fleet.run(&["plan"]).ends_with(1).says(&["cluster.yaml:18:5", "nothing was applied"]);
    fleet.run(&["render", "eu-1"]).ends_with(1).says(&["cluster.yaml:18:5"]);
    fleet.run(&["render", "us-1"]).ends_with(0);
}

#[test]
fn lint_warns_of_what_does_nothing_and_was_meant_to() {
    let fleet = Checkout::example();
    fleet.edit("environments/prod/environment.yaml", "cluster.labels.shop", "cluster.labels.shpo");
    fleet.edit("profiles/observability/profile.yaml", "${{ cluster.name }}", "{{ cluster.name }}");
    let said = [
        "warning[ST0328]: no cluster has the label `shpo`",
        "--> environments/prod/environment.yaml:12:14",
        "did you mean `shop`?",
        "warning[ST0412]: `{{ cluster.name }}` at /",
        "expected `${{ cluster.name }}`, in values or in a file named `*.tpl.yaml`",
    ];
    fleet.run(&["lint"]).says(&said);
}

#[test]
fn lint_warns_of_a_folder_whose_document_is_misspelt() {
    let fleet = Checkout::example();
    fleet.run(&["lint"]).ends_with(0).says(&["no errors, 0 warnings"]);
    let from = fleet.path("clusters/dev/dev-1/cluster.yaml");
    std::fs::rename(from, fleet.path("clusters/dev/dev-1/clutser.yaml")).expect("it is there");
    let said = [
        "warning[ST0217]: the folder `clusters/dev/dev-1` describes no cluster: it has no `cluster.yaml`",
        "hint: rename `clutser.yaml`",
        "3 clusters, no errors, 1 warning",
    ];
    fleet.run(&["lint"]).ends_with(0).says(&said);
}

#[test]
fn lint_of_a_part_says_what_is_wrong_there() {
    let fleet = Checkout::example();
    fleet.edit(CLUSTER, "podCidr:", "podCidrx:");
    fleet.edit("clusters/dev/dev-1/cluster.yaml", "uplink:", "uplinkx:");
    let ran =
        fleet.run(&["lint", "clusters/dev"]).ends_with(1).says(&["did you mean `uplink`?", "1 error, 0 warnings"]);
    assert!(!ran.all().contains("podCidr"), "only of that part:\n{}", ran.all());
    fleet.run(&["lint", CLUSTER]).ends_with(1).says(&["did you mean `podCidr`?", "1 error, 0 warnings"]);
    fleet.run(&["lint", "packs"]).ends_with(0).says(&["no errors, 0 warnings here; 2 elsewhere"]);
    fleet.run(&["lint"]).ends_with(1).says(&["2 errors, 0 warnings"]);
    let ran = fleet.run(&["lint", "nosuch"]).ends_with(1).says(&["there is no file and no folder nosuch"]);
    assert!(!ran.all().contains("to act"), "who typed it knows:\n{}", ran.all());
}

#[test]
fn a_mistake_of_a_shared_document_names_the_clusters_that_have_it() {
    let fleet = Checkout::example();
    // Staging and prod read their profiles at a pin.
    fleet.edit("profiles/observability/profile.yaml", "dependsOn: [prometheus]", "dependsOn: [nothing]");
    fleet.run(&["lint"]).ends_with(1).says(&["profiles/observability/profile.yaml", "= hint: found in dev-1"]);
}

#[test]
fn settings_that_miss_a_target_are_told_before_a_sync() {
    let fleet = Checkout::example();
    fleet.write("stratify.yaml", "targets:\n  - { name: eu-1, directory: out }\n");
    let ran = fleet.run(&["lint", "--settings", "stratify.yaml"]).ends_with(1);
    let ran = ran.says(&["us-1: the settings have no target `us-1`; they name eu-1"]);
    assert!(!ran.all().contains("did you mean"), "that would be another cluster's:\n{}", ran.all());
}

#[test]
fn who_mistypes_a_name_is_told_the_names_there_are() {
    let fleet = Checkout::example();
    let all = "there are dev-1, eu-1, staging-1, us-1";
    for command in [&["plan", "--cluster", "eu-9"][..], &["render", "eu-9"], &["explain", "eu-9"], &["why", "eu-9"]] {
        let ran = fleet.run(command).ends_with(1).says(&["the fleet has no cluster eu-9", "did you mean `eu-1`?", all]);
        assert!(!ran.all().contains("to act") && !ran.all().contains("nothing was"), "{command:?}:\n{}", ran.all());
    }
    let (code, answer) = fleet.json(&["bogus"]);
    let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(code == Some(1) && message.contains("bogus"), "programs read wrong arguments, too: {answer}");
}

#[test]
fn plan_ends_with_2_while_something_is_pending() {
    let fleet = Checkout::example();
    let said = [
        "eu-1 (prod): change ",
        "+ cni (added, wave 2, after kubernetes by role",
        "1 cluster to change, 0 as they should be",
    ];
    fleet.run(&["plan", "--cluster", "eu-1"]).ends_with(2).says(&said);
    let (code, answer) = fleet.json(&["plan"]);
    assert_eq!(
        (code, names(&answer["plans"], "cluster")),
        (Some(2), ["dev-1", "eu-1", "staging-1", "us-1"].map(str::to_owned).to_vec())
    );
    let layer = &answer["plans"][1]["layers"][0];
    assert_eq!(
        (&layer["layer"], &layer["wave"], &layer["kind"]),
        (&json!("os"), &json!(0), &json!("added")),
        "{layer}"
    );
    assert!(!fleet.path(".stratify").exists(), "a plan leaves nothing behind");
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["plan"]).ends_with(0).says(&["0 clusters to change, 4 as they should be"]);
    fleet.run(&["plan", "--rev", "HEAD"]).ends_with(0);
    fleet.edit(CLUSTER, "web/replicas: 6", "web/replicas: 7");
    let said = [
        "~ shop (reconfigured",
        "~ Deployment shop/shop",
        "/spec/replicas",
        "1 cluster to change, 3 as they should be",
    ];
    fleet.run(&["plan"]).ends_with(2).says(&said);
    fleet.run(&["plan", "--rev", "HEAD"]).ends_with(0).says(&["0 clusters to change"]);
}

#[test]
fn plan_between_two_revisions_asks_no_target() {
    let fleet = Checkout::example();
    fleet.edit(CLUSTER, "web/replicas: 6", "web/replicas: 7");
    fleet.commit("more replicas");
    let ran = fleet.run(&["plan", "--from", "HEAD~1", "--rev", "HEAD"]).ends_with(2);
    let ran = ran.says(&["~ Deployment shop/shop", "1 cluster to change, 3 as they should be"]);
    assert!(!ran.out.contains('+'), "nothing is added between them:\n{}", ran.out);
    fleet.run(&["plan", "--from", "HEAD", "--rev", "HEAD"]).ends_with(0);
    fleet.run(&["plan", "--from", "HEAD~1", "--rev", "nowhere"]).ends_with(1).says(&["nowhere"]);
}

#[test]
fn explain_gives_the_chain_with_its_last_writer_last() {
    let fleet = Checkout::example();
    // Its environment is pinned to the first commit: what is read there is another text than at the head.
    let first = fleet.git(&["rev-parse", "--short=12", "HEAD~1"]);
    let chain = [
        &*format!("{}:packs/cilium/1.16.2/values.yaml:5:9", first.trim()),
        &*format!("{}:profiles/base/values/cilium.yaml:2:9", first.trim()),
        "clusters/prod/eu-1/cluster.yaml:28:11",
    ];
    for place in ["cni/ipam/mode", "cni/values/ipam/mode"] {
        fleet.run(&["explain", "eu-1", place]).ends_with(0).says(&["/values/ipam/mode: \"cluster-pool\""]).says(&chain);
        let (_, answer) = fleet.json(&["explain", "eu-1", place]);
        assert_eq!(names(&answer["values"][0]["writers"], "at"), chain, "the last writer stands last");
    }
    let (code, answer) = fleet.json(&["explain", "eu-1"]);
    let layers =
        ["os", "kubernetes", "cni", "csi", "prometheus", "grafana", "tracing", "ingress", "shop", "local-tools"];
    assert_eq!((code, names(&answer["layers"], "layer")), (Some(0), layers.map(str::to_owned).to_vec()), "in order");
    fleet.run(&["explain", "eu-1", "cni/nothing"]).ends_with(1).says(&["the layer cni has nothing at /nothing"]);
    fleet.run(&["explain", "eu-1", "none"]).ends_with(1).says(&["its layers are os, kubernetes, cni"]);
    fleet.run(&["explain", "eu-9"]).ends_with(1).says(&["eu-9"]);
}

#[test]
fn render_prints_exactly_what_a_sync_writes() {
    let fleet = Checkout::synced();
    let ran = fleet.run(&["render", "eu-1", "csi"]).ends_with(0);
    let file = fleet.target("eu-1").join("csi/_cluster/StorageClass.storage.k8s.io_local.yaml");
    let written = std::fs::read_to_string(file).expect("the sync wrote it");
    assert!(ran.out.contains(&written), "the same bytes, mark and all:\n{}", ran.out);
    let (code, answer) = fleet.json(&["render", "eu-1", "csi"]);
    assert_eq!(
        (code, names(&answer[0]["objects"], "kind")),
        (Some(0), vec!["StorageClass".to_owned(), "DaemonSet".to_owned()])
    );
    fleet.run(&["render", "eu-1", "--to", "out"]).ends_with(0).says(&["32 objects of 10 layers are in out"]);
    let (printed, mut targets) =
        (super::fixture::tree(&fleet.path("out")), super::fixture::tree(&fleet.target("eu-1")));
    targets.retain(|path, _| !path.starts_with(".stratify-target/"));
    let bytes =
        |tree: super::fixture::Tree| tree.into_iter().map(|(path, (_, bytes))| (path, bytes)).collect::<Vec<_>>();
    assert_eq!(bytes(printed), bytes(targets), "file by file");
}

#[test]
fn why_says_what_a_cluster_waits_for() {
    let fleet = Checkout::example();
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["eu-1 has pending changes and waits for `stratify sync`"]);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["why", "eu-1"]).ends_with(0).says(&["eu-1 is at HEAD: it waits for nothing"]);
    let (code, answer) = fleet.json(&["why", "eu-1"]);
    assert_eq!((code, &answer["cluster"], &answer["running"]), (Some(0), &json!("eu-1"), &Value::Null), "{answer}");
}

#[test]
fn status_tells_each_environment_of_a_commit() {
    let fleet = Checkout::example();
    fleet.run(&["status"]).ends_with(0).says(&["has no status yet"]);
    fleet.run(&["sync"]).ends_with(0);
    let said = [
        "stratify/dev      success  1/1 clusters synced",
        "stratify/prod     success  2/2 clusters synced",
        "stratify/plan",
    ];
    fleet.run(&["status"]).ends_with(0).says(&said);
    let (code, answer) = fleet.json(&["status", "HEAD"]);
    assert_eq!((code, &answer["commit"]), (Some(0), &json!(fleet.head())), "{answer}");
    let contexts = ["stratify/dev", "stratify/plan", "stratify/prod", "stratify/staging"];
    assert_eq!(names(&answer["statuses"], "context"), contexts, "{answer}");
    assert!(
        fleet.json(&["status", "HEAD~1"]).1["statuses"].as_array().is_some_and(Vec::is_empty),
        "it was never the head"
    );
    fleet.run(&["status", "nowhere"]).ends_with(1).says(&["nowhere"]);
}

#[test]
fn sync_tells_each_cluster_and_the_next_one_writes_nothing() {
    let fleet = Checkout::example();
    let said = ["eu-1: synced 10 layers, 32 objects (32 created, 0 changed, 0 removed)", "us-1: synced 8 layers"];
    fleet.run(&["sync"]).ends_with(0).says(&said).lacks(&["not committed"]);
    let before = fleet.targets();
    fleet.write("profiles/notes.txt", "later");
    let told = "the branch that is checked out; what the work tree has beyond it is not committed, and not synced";
    fleet.run(&["sync"]).ends_with(0).says(&[told]);
    std::fs::remove_file(fleet.path("profiles/notes.txt")).expect("it is there");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced, nothing to change, 32 objects seen healthy"]);
    assert_eq!(fleet.targets(), before, "neither a byte nor a time differs");
    let (code, answer) = fleet.json(&["sync"]);
    assert_eq!((code, &answer["head"]), (Some(0), &json!(fleet.head())), "{answer}");
    assert!(answer["clusters"].as_array().is_some_and(|all| all.iter().all(|one| one["synced"] == true)), "{answer}");
    let eu = &answer["clusters"][1];
    let numbers = (&eu["condition"], &eu["numbers"]["created"], &eu["numbers"]["healthy"]);
    assert_eq!(numbers, (&json!("synced"), &json!(0), &json!(32)), "programs count without reading words: {eu}");
    assert_eq!(fleet.targets(), before, "nor for programs");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "", "the work tree is as it was");
}

#[test]
fn schema_is_that_of_the_kind_and_lock_is_right_without_tags() {
    let fleet = Checkout::example();
    let (code, answer) = fleet.json(&["schema", "Cluster"]);
    assert_eq!((code, &answer["title"]), (Some(0), &json!("Cluster")), "{answer}");
    fleet.run(&["schema", "Clustr"]).ends_with(1).says(&["did you mean Cluster?"]);
    fleet.run(&["lock", "--check"]).ends_with(0).says(&["fleet.lock is right (0 tags, 2 versions)"]);
    fs::remove_dir_all(fleet.path("packs/dev-kubernetes")).expect("it is there");
    fs::remove_file(fleet.path("fleet.lock")).expect("it is there");
    fleet.run(&["lock"]).ends_with(0).says(&["fleet.lock is right (0 tags)"]);
    assert_eq!(
        fleet.json(&["lock", "--check"]),
        (
            Some(0),
            json!({ "changed": false, "charts": [], "packages": [], "packs": [], "registryPacks": [], "tags": [] })
        )
    );
    assert!(!fleet.path("fleet.lock").exists(), "there is nothing to lock");
}

#[test]
fn lock_drops_nothing_of_a_document_that_cannot_be_read() {
    let fleet = Checkout::example();
    let before = fs::read_to_string(fleet.path("fleet.lock")).expect("it is there");
    fleet.write("profiles/broken/profile.yaml", "kind: [\n");
    fleet.run(&["lock"]).ends_with(1).says(&["profiles/broken/profile.yaml"]);
    fleet.run(&["lock", "--check"]).ends_with(1).says(&["profiles/broken/profile.yaml"]);
    assert_eq!(fs::read_to_string(fleet.path("fleet.lock")).expect("it stays"), before, "nothing of it went");
}

#[test]
fn lock_holds_the_newest_version_of_each_minor_of_kubernetes() {
    let fleet = Checkout::example();
    let pack = |version: &str, more: &str| {
        let head = "apiVersion: stratify.dev/v1alpha1\nkind: Pack\nmetadata: { name: kubernetes }\n";
        let spec = format!("spec: {{ version: {version}, role: kubernetes, manifests: [all.yaml]{more} }}\n");
        fleet.write(&format!("packs/kubernetes/{version}/pack.yaml"), &[head, &spec].concat());
        fleet.write(
            &format!("packs/kubernetes/{version}/all.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: kubernetes }\n",
        );
    };
    pack("1.34.9", "");
    pack("1.34.10", "");
    pack("1.35.0", "");
    pack("1.35.1", ", lifecycle: disabled");
    fs::remove_dir_all(fleet.path("packs/dev-kubernetes")).expect("it is there");
    fleet.run(&["lock", "--check"]).ends_with(1).says(&["run `stratify lock`"]);
    fleet.run(&["lock"]).ends_with(0).says(&["fleet.lock is written", "3 versions"]);
    let (code, answer) = fleet.json(&["lock", "--check"]);
    let versions = ["1.33.4", "1.34.10", "1.35.0"].map(|version| json!({ "name": "kubernetes", "version": version }));
    assert_eq!((code, &answer["packs"]), (Some(0), &json!(versions)), "{answer}");
    fleet.run(&["lint"]).ends_with(0);
}

#[test]
fn outside_of_a_fleet_every_command_says_where_to_go() {
    let folder = Checkout::empty();
    for command in [
        &["lint"][..],
        &["plan"],
        &["sync"],
        &["status"],
        &["why", "a"],
        &["explain", "a"],
        &["render", "a"],
        &["lock"],
    ] {
        folder.run(command).ends_with(1).says(&["fleet.yaml", "stratify init"]);
    }
}

#[test]
fn images_lists_what_has_to_be_mirrored() {
    let fleet = Checkout::example();
    let ran = fleet.run(&["images", "dev-1"]).ends_with(0);
    let images: Vec<&str> = ran.out.lines().collect();
    assert!(images.contains(&"eu.registry.acme.example/edge/agent:0.3.0"), "of a template, filled: {images:?}");
    assert!(images.is_sorted() && images.iter().all(|image| !image.contains(' ')), "one a line: {images:?}");
    let (code, all) = fleet.json(&["images"]);
    let all = names(&all, "image");
    assert_eq!(code, Some(0), "nothing is pending");
    assert!(
        images.iter().all(|image| all.iter().any(|one| one == image)) && all.len() > images.len(),
        "of all: {all:?}"
    );
    fleet.run(&["images", "eu-9"]).ends_with(1).says(&["did you mean `eu-1`?"]);
}

#[test]
fn outdated_packs_are_listed_and_brought_up_by_a_commit() {
    let fleet = Checkout::example();
    fleet.becomes("Grace");
    let all = fleet.run(&["outdated"]).ends_with(0).out;
    let (_, listed) = fleet.json(&["outdated"]);
    assert_eq!((&listed["unknown"], &listed["commit"]), (&serde_json::json!([]), &Value::Null), "{listed}");
    assert!(
        listed["newest"].as_array().is_some_and(|newest| !newest.is_empty()) && all.contains("the newest already: ")
    );
    let listed = listed["outdated"].as_array().expect("it is a list").clone();
    assert!(!listed.is_empty(), "the example has packs of two versions: {all}");
    assert!(listed.iter().all(|one| one["from"] == "repository" && one["kind"] == "pack"), "{listed:?}");
    let one = listed.iter().find(|one| one["newest"].is_string()).expect("one has a newer version");
    let (name, version) = (one["name"].as_str().expect("a name"), one["version"].as_str().expect("a version"));
    fleet.run(&["outdated", name, "--commit"]).ends_with(0).says(&["committed as "]);
    let (_, left) = fleet.json(&["outdated", name]);
    let is_left = |one: &Value| one["version"] == version && one["newest"].is_string();
    assert!(!left["outdated"].as_array().expect("it is a list").iter().any(is_left), "{name} is the newest: {left}");
    assert!(fleet.git(&["show", "--stat", "HEAD"]).contains("1 version"), "one commit says what it does");
    fleet.run(&["outdated", "nosuch"]).ends_with(1).says(&["nosuch"]);
}

#[test]
fn a_profile_of_palette_comes_in_and_goes_out_again() {
    let fleet = Checkout::example();
    let exported = fleet.run(&["export", "palette", "observability"]).ends_with(0);
    let profile: Value = serde_json::from_str(&exported.out).expect("nothing but JSON is on stdout");
    assert_eq!(profile["spec"]["template"]["type"], "add-on", "{profile}");
    assert!(exported.err.contains("`dependsOn` of the layer grafana is not kept"), "{}", exported.err);
    fleet.run(&["export", "palette", "web"]).ends_with(0).says(&[
        "the name of the layer ingress, which is nginx-ingress there, is not kept",
        "`${{ vars.registry }}` in the values of the layer ingress is not kept",
        "in the manifest shop.tpl of the layer shop is not kept",
    ]);
    fs::write(fleet.path("out.json"), exported.out.replace("\"observability\"", "\"observed\"")).expect("it is ours");
    let said = ["+ profiles/observed/profile.yaml", "next: `stratify lint`"];
    fleet.run(&["import", "palette", "out.json"]).ends_with(0).says(&said);
    fleet.run(&["lint", "profiles/observed"]).ends_with(0);
    fleet.run(&["import", "palette", "out.json"]).ends_with(1).says(&["profiles/observed: it is there already"]);
    let again = fleet.run(&["export", "palette", "observed"]).ends_with(0).out;
    assert_eq!(again, exported.out.replace("\"observability\"", "\"observed\""), "there and back");
    fleet
        .run(&["import", "palette", "fleet.yaml"])
        .ends_with(1)
        .says(&["fleet.yaml:", "the field `template` is missing"]);
    fleet.run(&["export", "palette", "observabilty"]).ends_with(1).says(&["did you mean `observability`?"]);
}
