//! In: profiles as Palette exports them, and ours. Out: the other one, and back.
//! Guarantee: what both know is compared byte for byte.
use super::*;
use crate::decide::document::{File, Fragment, Profile};
use crate::name::{BlobId, ProfileName, RepoPath};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn file(path: &str, text: &str) -> Arc<File> {
    File::read_one(&RepoPath::new(path).expect("it is a path"), BlobId([0; 20]), text.as_bytes())
        .unwrap_or_else(|said| panic!("{said:?}\n{text}"))
}

fn exported_profile() -> Json {
    let pack = |kind: &str, layer: &str, name: &str, version: &str, values: &str, manifests: Json| json!({ "type": kind, "layer": layer, "name": name, "version": version, "tag": version, "values": values, "manifests": manifests });
    let values = "# spectrocloud.com/enabled-presets: Hubble:hubble-on\npack:\n  namespace: kube-system\ncharts:\n  cilium: { ipam: '{{.spectro.var.ipam}}' }\n";
    let manifests = json!([{ "name": "b first", "content": "kind: B\n" }, { "name": "a", "content": "kind: A\n" }]);
    json!({
        "metadata": { "name": "Edge Base", "description": "", "labels": {} },
        "spec": {
            "version": "1.4.0",
            "template": { "type": "cluster", "cloudType": "vsphere", "packs": [
                pack("spectro", "os", "ubuntu", "22.04", "", json!([])),
                pack("spectro", "k8s", "kubernetes", "1.33.4", "pack: {}\n", json!([])),
                pack("spectro", "cni", "cni-cilium-oss", "1.16.2", values, json!([{ "name": "policy", "content": "kind: P\n" }])),
                pack("spectro", "csi", "csi-local", "0.9.0", "", json!([])),
                pack("manifest", "addon", "extra", "", "", manifests),
            ] },
            "variables": [
                { "name": "ipam", "displayName": "ipam", "format": "string", "defaultValue": "yes", "inputType": "dropdown",
                  "options": [{ "value": "yes" }, { "value": "cluster-pool" }],
                  "required": true, "isSensitive": false, "immutable": false, "hidden": false },
                { "name": "token", "displayName": "token", "format": "string", "inputType": "text", "regex": "^[a-z]+$",
                  "description": "for: the agent", "required": true, "isSensitive": true, "immutable": true, "hidden": true },
                { "name": "nodes", "displayName": "nodes", "format": "number", "defaultValue": "3", "inputType": "text",
                  "required": false, "isSensitive": false, "immutable": false, "hidden": false },
            ],
        },
    })
}

/// Reads the files of an import as a Profile, and exports that again.
fn there_and_back(imported: &Imported) -> Exported {
    let files: BTreeMap<String, String> = imported.files.iter().cloned().collect();
    let name = ProfileName::new(&imported.name).expect("it is a label");
    let document = file(&format!("profiles/{name}/profile.yaml"), &files["profile.yaml"]);
    let (profile, warnings) =
        Profile::read(document, &name).unwrap_or_else(|said| panic!("{said:?}\n{}", files["profile.yaml"]));
    assert!(warnings.is_empty(), "{warnings:?}");
    let read = |part: &Fragment| files.get(part.text()).cloned();
    let listed = |part: &Fragment| {
        let name = part.text().rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml").to_owned();
        vec![(name, files[part.text()].clone())]
    };
    export(&profile, &read, &listed)
}

#[test]
fn what_both_know_goes_there_and_back_without_loss() {
    let mut original = exported_profile();
    let read = file("edge-base.json", &serde_json::to_string_pretty(&original).expect("it is JSON"));
    let imported = import(&read, &Registries::new()).unwrap_or_else(|said| panic!("{said:?}"));
    assert_eq!(
        (imported.name.as_str(), imported.asked.as_slice()),
        ("edge-base", &["token".to_owned()][..]),
        "a value is asked for"
    );
    assert!(imported.lost.is_empty(), "both know all of it: {:?}", imported.lost);
    let profile = &imported.files[0].1;
    for line in [
        "type: full",
        "clouds: [vsphere]",
        "presets: [hubble-on]",
        "default: \"yes\"",
        "default: 3",
        "role: network",
        "attached: [manifests/cni-cilium-oss/policy.yaml]",
        "manifests: [manifests/extra/b-first.yaml, manifests/extra/a.yaml]",
    ] {
        assert!(profile.contains(line), "{line} stands in\n{profile}");
    }
    let back = there_and_back(&imported);
    assert!(back.lost.is_empty(), "nothing of it is ours alone: {:?}", back.lost);
    // Names are those of labels and files here.
    original["metadata"]["name"] = json!("edge-base");
    original["spec"]["template"]["packs"][4]["manifests"][0]["name"] = json!("b-first");
    assert_eq!(back.profile, original, "byte for byte");
}

#[test]
fn what_is_not_known_is_told_at_its_line() {
    let mut odd = exported_profile();
    odd["metadata"]["labels"] = json!({ "team": "edge" });
    odd["spec"]["variables"][0]["displayName"] = json!("IP management");
    let read = file("odd.json", &serde_json::to_string_pretty(&odd).expect("it is JSON"));
    let imported = import(&read, &Registries::new()).expect("it is a profile");
    let told: Vec<&str> = imported.lost.iter().map(|said| said.message.as_str()).collect();
    assert!(
        told.len() == 2
            && told[0].starts_with("`metadata.labels`")
            && told[1].contains("`displayName` of the variable ipam"),
        "{told:?}"
    );
    let ours = "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: web }\nspec:\n  version: 1.0.0\n  type: add-on\n  variables:\n    \
                - { name: replicas, type: integer, minimum: 1 }\n  layers:\n    - { name: shop, manifests: [a.yaml], dependsOn: [db] }\n";
    let (profile, _) =
        Profile::read(file("profiles/web/profile.yaml", ours), &ProfileName::new("web").expect("it is a label"))
            .expect("it is right");
    let told = export(&profile, &|_| None, &|_| Vec::new()).lost;
    let told: Vec<String> =
        told.iter().map(|said| format!("{} {}", said.at.as_ref().expect("it has a place"), said.message)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("profiles/web/profile.yaml:10:") && told[0].contains("`dependsOn` of the layer shop"),
        "{told:?}"
    );
}

#[test]
fn what_has_no_counterpart_is_refused_with_its_line() {
    let mut wrong = exported_profile();
    wrong["spec"]["version"] = json!("v1.2");
    wrong["spec"]["template"]["packs"][0]["layer"] = json!("kernel");
    wrong["spec"]["template"]["packs"][1]["type"] = json!("helm");
    wrong["spec"]["template"]["packs"][1]["registry"] = json!({ "metadata": { "name": "Bitnami" } });
    let read = file("wrong.json", &serde_json::to_string_pretty(&wrong).expect("it is JSON"));
    let said = import(&read, &Registries::new()).expect_err("three mistakes");
    let all: Vec<&str> = said.iter().map(|said| said.message.as_str()).collect();
    assert_eq!(
        all,
        [
            "the version is none",
            "this layer has no counterpart",
            "the address of the registry `Bitnami` is not exported"
        ],
        "all at once"
    );
    assert!(said.iter().all(|said| said.at.is_some()), "each has its line");
    let registries = Registries::from([("Bitnami".to_owned(), "https://charts.example.org/".to_owned())]);
    let said = import(&read, &registries).expect_err("two are left");
    assert_eq!(said.len(), 2, "the address was given: {said:?}");
}
