//! In: a Profile, the texts of its files. Out: the JSON that Palette imports, and what of the Profile it does not hold.
//! Guarantee: a values file alone goes through byte for byte; what is written in the profile itself stands after it, merged.
use super::not_kept::not_kept;
use super::variables::exported;
use super::words::{LAYERS, TYPES, palettes};
use crate::decide::document::{File, Fragment, Profile};
use crate::decide::value::{Diagnostic, Map as Values, Nulls, Value, canonical, merge};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// A Profile, as Palette has it.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What Palette imports.
    pub profile: Json,
    /// What it does not hold.
    pub lost: Vec<Diagnostic>,
}

/// What of a layer Palette knows.
const KNOWN: [&str; 10] =
    ["name", "role", "pack", "chart", "zarf", "manifests", "attached", "values", "valuesFiles", "presets"];

/// Returns a Profile for Palette; `read` gives the text of a file that the profile names, `files` those of a glob.
pub fn export(
    profile: &Profile,
    read: &dyn Fn(&Fragment) -> Option<String>,
    files: &dyn Fn(&Fragment) -> Vec<(String, String)>,
) -> Exported {
    let mut lost = Vec::new();
    let spec = profile.file.root().get("spec");
    let kind = spec.and_then(|spec| spec.get("type")).map_or("add-on", |kind| kind.text());
    let packs: Vec<Json> = profile.layers.iter().map(|(_, layer)| pack(layer, read, files, &mut lost)).collect();
    let cloud = match &*profile.clouds {
        [] => "all".to_owned(),
        [cloud] => cloud.to_string(),
        [first, others @ ..] => {
            let part = profile.file.part(spec.and_then(|spec| spec.get("clouds")).unwrap_or(profile.file.root()));
            lost.push(not_kept(&format!("that it is also for {}", others.join(", ")), &part));
            first.to_string()
        }
    };
    let variables: Vec<Json> = profile.variables.iter().map(|variable| exported(variable, &mut lost)).collect();
    let template = json!({ "type": palettes(TYPES, kind), "cloudType": cloud, "packs": packs });
    let profile = json!({
        "metadata": { "name": profile.name.as_str(), "description": "", "labels": {} },
        "spec": { "version": &*profile.version, "template": template, "variables": variables },
    });
    Exported { profile, lost }
}

fn pack(
    layer: &Fragment,
    read: &dyn Fn(&Fragment) -> Option<String>,
    files: &dyn Fn(&Fragment) -> Vec<(String, String)>,
    lost: &mut Vec<Diagnostic>,
) -> Json {
    let text = |key: &str| layer.get(key).map(|part| part.text().to_owned()).unwrap_or_default();
    let name = text("name");
    let role = layer.get("role").map_or_else(|| "add-on".to_owned(), |role| role.text().to_owned());
    let mut fields = Map::new();
    fields.insert("layer".into(), json!(palettes(LAYERS, &role)));
    let attached = if layer.get("manifests").is_some() { "manifests" } else { "attached" };
    source(layer, &name, &mut fields, lost);
    if let Some(there) = fields.get("name").and_then(Json::as_str).filter(|there| *there != name) {
        let part = layer.get("name").unwrap_or_else(|| layer.clone());
        lost.push(not_kept(&format!("the name of the layer {name}, which is {there} there,"), &part));
    }
    let values = values(layer, read, &name, lost);
    let written = ["values", "valuesFiles"].iter().find_map(|key| layer.get(key)).unwrap_or_else(|| layer.clone());
    lost.extend(
        placeholders(&values).map(|it| not_kept(&format!("`{it}` in the values of the layer {name}"), &written)),
    );
    fields.insert("values".into(), json!(values));
    let listed = layer.get(attached).iter().flat_map(Fragment::items).flat_map(|glob| files(&glob)).collect::<Vec<_>>();
    let globs = layer.get(attached).unwrap_or_else(|| layer.clone());
    for (file, content) in &listed {
        let what = |it| format!("`{it}` in the manifest {file} of the layer {name}");
        lost.extend(placeholders(content).map(|it| not_kept(&what(it), &globs)));
    }
    let manifests = listed.iter().map(|(name, content)| json!({ "name": name, "content": content }));
    fields.insert("manifests".into(), manifests.collect::<Vec<_>>().into());
    let unknown = layer.entries().filter(|(key, _)| !KNOWN.contains(&key.text()));
    lost.extend(unknown.map(|(key, _)| not_kept(&format!("`{}` of the layer {name}", key.text()), &key)));
    fields.into()
}

/// Says what the layer is made from.
fn source(layer: &Fragment, name: &str, fields: &mut Map<String, Json>, lost: &mut Vec<Diagnostic>) {
    let mut of = |kind: &str, name: &str, version: &str| {
        for (key, text) in [("type", kind), ("name", name), ("version", version), ("tag", version)] {
            fields.insert(key.into(), json!(text));
        }
    };
    if let Some(pack) = layer.get("pack") {
        let part = |key: &str| pack.get(key).map(|part| part.text().to_owned()).unwrap_or_default();
        let (name, version) = match pack.as_str().and_then(|text| text.split_once('@')) {
            Some((name, version)) => (name.to_owned(), version.to_owned()),
            None => (part("name"), part("version")),
        };
        of("spectro", &name, &version);
    } else if let Some(chart) = layer.get("chart") {
        let part = |key: &str| chart.get(key).map(|part| part.text().to_owned());
        of("helm", &part("name").unwrap_or_else(|| name.to_owned()), &part("version").unwrap_or_default());
        match part("repo").or_else(|| part("oci")) {
            Some(repo) => {
                lost.push(not_kept(&format!("the address {repo}, whose registry is chosen at the import,"), &chart));
            }
            None => {
                lost.push(not_kept(&format!("the chart of the layer {name}, which stands in the repository,"), &chart));
            }
        }
    } else if layer.get("manifests").is_some() {
        of("manifest", name, "");
    } else if let Some(package) = layer.get("zarf") {
        let version = package.get("version").map(|part| part.text().to_owned()).unwrap_or_default();
        of("oci", name, &version);
        lost.push(not_kept(&format!("the source of the layer {name}, a Zarf package,"), &package));
    } else {
        of("manifest", name, "");
        lost.push(not_kept(&format!("the source of the layer {name}"), layer));
    }
}

/// Returns the placeholders of a text, each once: the other side has others, and none that keeps a value's type.
fn placeholders(text: &str) -> impl Iterator<Item = String> {
    let begun = text.split("${{").skip(1).filter_map(|rest| rest.split_once("}}"));
    let all: BTreeSet<String> = begun.map(|(inner, _)| format!("${{{{{}}}}}", inner.replace('\\', ""))).collect();
    all.into_iter()
}

/// Returns the values as a text: a file alone as it is, else all that is written, merged.
fn values(
    layer: &Fragment,
    read: &dyn Fn(&Fragment) -> Option<String>,
    name: &str,
    lost: &mut Vec<Diagnostic>,
) -> String {
    let files: Vec<Fragment> = layer.get("valuesFiles").iter().flat_map(Fragment::items).collect();
    let own = layer.get("values").map(|part| part.value());
    if let ([only], None) = (&*files, &own) {
        return read(only).unwrap_or_default();
    }
    if files.is_empty() && own.is_none() {
        return String::new();
    }
    let mut merged = Value::map(Values::default());
    for file in &files {
        match read(file).and_then(|text| parsed(file, &text)) {
            Some(value) => merge(&mut merged, &value, Nulls::Keep),
            None => lost.push(not_kept(&format!("a values file of the layer {name}, which cannot be read,"), file)),
        }
    }
    if let Some(own) = own {
        merge(&mut merged, &own, Nulls::Keep);
    }
    let presets: Vec<String> =
        layer.get("presets").iter().flat_map(Fragment::items).map(|it| it.text().to_owned()).collect();
    let noted = if presets.is_empty() {
        String::new()
    } else {
        format!("# spectrocloud.com/enabled-presets: {}\n", presets.join(","))
    };
    // JSON is YAML.
    format!("{noted}{}\n", canonical(&merged))
}

fn parsed(file: &Fragment, text: &str) -> Option<Value> {
    let read = File::read_one(&file.file.path, file.file.blob, text.as_bytes()).ok()?;
    Some(read.root().value())
}
