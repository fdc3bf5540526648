//! In: fleets at three moments: as it is remembered, as it was applied, as it is wanted. Out: nothing.
//! Guarantee: what is made from memory is what is made without, whatever differs between the three.
use super::{all_cases, on_a_deep_stack};
use crate::fleet::{Files, line};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use stratify::decide::fleet::{Fleet, Pinned};
use stratify::decide::plan::{Change, change};
use stratify::decide::profile::{FullProfile, Sketch};
use stratify::decide::render::{self, Layers, Memory, Recalled, recall, remember};
use stratify::decide::value::Diagnostic;
use stratify::name::{ClusterName, CommitId};

/// A cluster at one moment, made as a whole.
struct Whole {
    sketch: Sketch,
    profile: FullProfile,
    layers: Layers,
    told: Vec<Diagnostic>,
}

fn whole(files: &Files, cluster: &ClusterName) -> Option<Whole> {
    let sketch = files.sketch(cluster).ok()?;
    let (profile, warnings) = sketch.resolve(&files.texts, &files.seal).ok()?;
    let mut told = warnings[sketch.warnings().len()..].to_vec();
    let (layers, more) = render::layers(&profile, &files.texts, &BTreeMap::new(), &files.seal).ok()?;
    told.extend(more);
    Some(Whole { sketch, profile, layers, told })
}

fn remembered(whole: &Whole) -> Option<Recalled> {
    remember(&whole.sketch.keys(), &whole.profile, &whole.layers, &Recalled::new(), &whole.told)
}

/// Compares what is made from memory with what is made as a whole; returns how many layers of how many were recalled.
fn check(memory: &Recalled, old: (&Files, &Whole), new: (&Files, &Whole)) -> Option<(usize, usize)> {
    let sides = [old, new];
    let keys = sides.map(|(_, side)| side.sketch.keys());
    let recalled = recall(memory, &[&keys[0], &keys[1]]);
    if recalled.is_empty() {
        return None;
    }
    let outlines = sides.map(|(files, side)| {
        let profile = render::resolve_outline(&side.sketch, &recalled, &files.texts, &files.seal)?;
        let layers = render::outline(&profile, &recalled, &files.texts, &BTreeMap::new(), &files.seal)?;
        assert_same(&profile, &layers, side);
        Some((profile, layers))
    });
    let [Some((_, old_layers)), Some((profile, layers))] = outlines else { return None };
    let outlined = change(Some(&old_layers), &layers);
    assert_eq!(told(&outlined), told(&change(Some(&old.1.layers), &new.1.layers)), "the change is the same");
    // What is learned from an outline is what is learned from the whole.
    let learned = remember(&keys[1], &profile, &layers, &recalled, &[]);
    assert_eq!(learned, remembered(new.1), "what is remembered next is the same");
    Some((recalled.len(), layers.layers.len()))
}

fn assert_same(profile: &FullProfile, layers: &Layers, whole: &Whole) {
    assert_eq!(profile.digest, whole.profile.digest, "the full profile is the same");
    let of = |layers: &Layers| {
        let layer = |layer: &render::Layer| {
            let objects = layer.objects.iter().map(|object| format!("{:?} {:?}", object.id, object.manifest.digest()));
            let objects: Vec<String> = objects.collect();
            let document = layer.document.digest();
            format!(
                "{} {:?} {document:?} {} {:?} {:?} {:?} {:?} {objects:?}",
                layer.name, layer.digest, layer.wave, layer.after, layer.options, layer.timeout, layer.defines
            )
        };
        layers.layers.iter().map(layer).collect::<Vec<_>>()
    };
    assert_eq!(of(layers), of(&whole.layers), "the layers are the same");
}

/// All of a change but manifests.
fn told(change: &Change) -> String {
    let mut text = format!("{:?} {:?} {:?}\n", change.id, change.digest, change.disruption);
    for layer in &change.layers {
        let _ = writeln!(
            text,
            "{} {:?} {:?} {:?} {:?} {:?}",
            layer.layer, layer.kind, layer.disruption, layer.patch, layer.inverse, layer.timeout
        );
        for object in &layer.objects {
            let digest = object.manifest.as_ref().map(stratify::decide::value::Digested::digest);
            let _ = writeln!(text, "  {:?} {:?} {:?} {digest:?}", object.object, object.operation, object.patch);
        }
    }
    text
}

#[test]
fn the_cases_are_the_same_from_memory() {
    on_a_deep_stack(|| {
        let mut recalled = 0;
        for (title, before, after) in all_cases() {
            for cluster in before.clusters() {
                let (Some(old), Some(new)) = (whole(&before, &cluster), whole(&after, &cluster)) else { continue };
                for memory in [&old, &new].into_iter().filter_map(remembered) {
                    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        check(&memory, (&before, &old), (&after, &new))
                    }));
                    let found = checked.unwrap_or_else(|_| panic!("{cluster} of `{title}` differs"));
                    recalled += usize::from(found.is_some());
                }
            }
        }
        assert!(recalled > 10, "cases are made from memory: {recalled}");
    });
}

#[test]
fn only_what_differs_is_made_anew() {
    let base = State::default();
    let one = |state: &State| {
        let files = state.files();
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let made = whole(&files, &cluster)
            .unwrap_or_else(|| panic!("{:?}", files.resolve(&cluster).map_err(|said| line(&said[0]))));
        (files, made)
    };
    let (files, made) = one(&base);
    let memory = remembered(&made).expect("there is nothing to tell");
    let mut all = Memory::default();
    all.learn(&made.profile.cluster, memory.clone());
    assert_eq!(all.of(&made.profile.cluster).as_deref(), Some(&memory), "it is remembered");
    let next = |state: State| {
        let (next_files, next) = one(&state);
        check(&memory, (&files, &made), (&next_files, &next))
    };
    let layers = made.layers.layers.len();
    assert_eq!(next(State { manifest: 1, ..base.clone() }), Some((layers - 1, layers)), "a manifest of one layer");
    assert_eq!(next(State { values: 1, ..base.clone() }), Some((layers - 1, layers)), "the values of one layer");
    assert_eq!(next(State { comment: true, ..base.clone() }), Some((layers, layers)), "a comment in a profile");
    assert_eq!(
        next(State { names_values: true, values: 1, ..base.clone() }),
        Some((layers - 2, layers)),
        "a layer that names the values of another one, and that one"
    );
    assert_eq!(next(State { label: 1, ..base }), None, "all layers may name a label of the cluster");
}

/// What may differ in a small fleet.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one difference, and all of them may come together")]
struct State {
    manifest: u8,
    values: u8,
    public: u8,
    secret: u8,
    label: u8,
    priority: u8,
    comment: bool,
    permuted: bool,
    names_values: bool,
    names_in_template: bool,
    names_all: bool,
    custom: u8,
    makes_namespace: bool,
    patched: bool,
    object_patch: bool,
    renamed: bool,
    removed: bool,
    pin: Option<u8>,
}

const HEAD: &str = "apiVersion: stratify.dev/v1alpha1\nkind: ";

impl State {
    fn files(&self) -> Files {
        let mut files = self.at_head();
        let Some(values) = self.pin else { return files };
        let pinned = Self { values, pin: None, ..self.clone() }.at_head();
        let index = Ok(pinned.fleet.index.clone());
        let pins = BTreeMap::from([((None, pin_of(values)), Pinned { index, is_on_branch: true })]);
        pinned.blobs().for_each(|blob| files.texts.share(blob.clone()));
        files.fleet = Fleet { pins, ..files.fleet };
        files
    }

    fn at_head(&self) -> Files {
        let mut files = vec![
            ("fleet.yaml".to_owned(), format!("{HEAD}Fleet\nmetadata: {{ name: acme }}\n")),
            ("profiles/all/profile.yaml".to_owned(), self.profile()),
            ("environments/prod/environment.yaml".to_owned(), self.environment()),
            ("clusters/prod/eu-1/cluster.yaml".to_owned(), self.cluster()),
            ("clusters/prod/eu-1/app.yaml".to_owned(), format!("size: {}\nlist: [1, 2]\n", self.values)),
        ];
        for layer in ["os", "kubernetes", "cni", "csi", "app", "web", "db"] {
            let mut text = config(layer, "plain");
            let manifest = if layer == "app" { self.manifest } else { 0 };
            let _ = writeln!(text, "data:\n  number: \"{manifest}\"\n  own: \"${{{{ values.size }}}}\"");
            let _ = writeln!(text, "  public: \"${{{{ vars.public }}}}\"");
            if layer == "db" {
                let _ = writeln!(text, "  secret: \"${{{{ vars.secret }}}}\"");
            }
            if layer == "web" && self.names_in_template {
                let _ = writeln!(text, "  other: \"${{{{ layers.app.values.size }}}}\"");
            }
            if layer == "web" && self.names_all {
                let _ = writeln!(text, "  all: \"${{{{ string(size(layers)) }}}}\"");
            }
            files.push((format!("profiles/all/{layer}.tpl.yaml"), text));
        }
        if self.custom > 0 {
            let scope = if self.custom == 1 { "Cluster" } else { "Namespaced" };
            let text = format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: things.acme.io }}\n\
                 spec:\n  group: acme.io\n  scope: {scope}\n  names: {{ kind: Thing }}\n"
            );
            files.push(("profiles/all/app-definition.yaml".to_owned(), text));
        }
        files.push((
            "profiles/all/db-thing.yaml".to_owned(),
            "apiVersion: acme.io/v1\nkind: Thing\nmetadata: { name: thing }\n".to_owned(),
        ));
        if self.makes_namespace {
            let text = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
            files.push(("profiles/all/web-namespace.yaml".to_owned(), text.to_owned()));
        }
        Files::new(files)
    }

    fn profile(&self) -> String {
        let mut text = format!("{HEAD}Profile\nmetadata: {{ name: all }}\n");
        if self.comment {
            text.insert_str(0, "# said by the way\n");
        }
        text.push_str(
            "spec:\n  version: 1.0.0\n  type: full\n  variables:\n    - { name: public, type: integer, default: 0 }\n",
        );
        text.push_str("    - { name: secret, type: string, sensitive: true, default: s0 }\n  layers:\n");
        let mut layers: Vec<String> =
            [("os", "os"), ("kubernetes", "kubernetes"), ("cni", "network"), ("csi", "storage")]
                .iter()
                .map(|(name, role)| {
                    format!(
                        "    - {{ name: {name}, role: {role}, manifests: [{name}.tpl.yaml], values: {{ size: 1 }} }}\n"
                    )
                })
                .collect();
        let values = if self.names_values { "\"${{ layers.app.values.size }}\"" } else { "7" };
        let app = if self.renamed { "{ name: app, renamedFrom: old" } else { "{ name: app" };
        layers.push(format!(
            "    - {app}, role: add-on, namespace: shop, priority: {}, manifests: [\"app*.yaml\"], values: {{ size: 1 }} }}\n",
            self.priority
        ));
        layers.push(format!(
            "    - {{ name: web, role: add-on, namespace: shop, manifests: [\"web*.yaml\"], values: {{ size: {values} }} }}\n"
        ));
        layers.push("    - { name: db, role: add-on, manifests: [\"db*.yaml\"], values: { size: \"${{ cluster.labels.size }}\" } }\n".to_owned());
        if self.permuted {
            layers.reverse();
        }
        text + &layers.concat()
    }

    fn environment(&self) -> String {
        let mut text =
            format!("{HEAD}Environment\nmetadata: {{ name: prod }}\nspec:\n  profiles: [ {{ name: all }} ]\n");
        if let Some(values) = self.pin {
            let _ = writeln!(text, "  revision: {}", pin_of(values));
        }
        let _ = writeln!(text, "  variables: {{ public: {}, all/secret: s{} }}", self.public, self.secret);
        text
    }

    fn cluster(&self) -> String {
        let mut text = format!("{HEAD}Cluster\nmetadata: {{ name: eu-1, labels: {{ size: \"{}\" }} }}\n", self.label);
        text.push_str("spec:\n  cloud: vsphere\n  layers:\n    - name: app\n      valuesFiles: [app.yaml]\n");
        if self.patched {
            text.push_str("      patches: [ { op: replace, path: /priority, value: 5 }, { op: add, path: /values/x, value: 1 } ]\n");
        }
        if self.removed {
            text.push_str("    - { name: web, remove: true }\n");
        }
        if self.object_patch {
            text.push_str("  objectPatches:\n    - target: { layer: db, kind: ConfigMap }\n");
            text.push_str("      patches: [ { op: add, path: /data/patched, value: \"yes\" } ]\n");
        }
        text
    }
}

fn config(layer: &str, name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {layer}-{name} }}\n")
}

fn pin_of(values: u8) -> CommitId {
    CommitId([values + 7; 20])
}

/// One difference between two moments.
#[derive(Clone, Copy, Debug)]
struct Edit {
    what: usize,
    value: u8,
}

impl State {
    fn edited(&self, edits: &[Edit]) -> Self {
        edits.iter().fold(self.clone(), |state, edit| state.with(*edit))
    }

    fn with(mut self, Edit { what, value }: Edit) -> Self {
        let is_set = value > 0;
        match what {
            0 => self.manifest = value,
            1 => self.values = value,
            2 => self.public = value,
            3 => self.secret = value,
            4 => self.label = value,
            5 => self.priority = value,
            6 => self.comment = is_set,
            7 => self.permuted = is_set,
            8 => self.names_values = is_set,
            9 => self.names_in_template = is_set,
            10 => self.names_all = is_set,
            11 => self.custom = value,
            12 => self.makes_namespace = is_set,
            13 => self.patched = is_set,
            14 => self.object_patch = is_set,
            15 => self.renamed = is_set,
            16 => self.removed = is_set,
            _ => self.pin = is_set.then_some(value),
        }
        self
    }
}

fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..18_usize, 0..3_u8).prop_map(|(what, value)| Edit { what, value });
    prop::collection::vec(edit, 0..=most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))] // each makes three fleets

    #[test]
    fn what_is_remembered_is_what_is_made(first in edits(6), second in edits(2), third in edits(2)) {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let made = |state: &State| {
            let files = state.files();
            whole(&files, &cluster).map(|made| (files, made))
        };
        let memory = State::default().edited(&first);
        let old = memory.edited(&second);
        let new = old.edited(&third);
        let (Some(memory), Some(old), Some(new)) = (made(&memory), made(&old), made(&new)) else {
            return Ok(());
        };
        let Some(remembered) = remembered(&memory.1) else { return Ok(()) };
        check(&remembered, (&old.0, &old.1), (&new.0, &new.1));
        check(&remembered, (&memory.0, &memory.1), (&old.0, &old.1));
    }
}
