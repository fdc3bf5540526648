//! In: the layers of a profile, charts. Out: a fleet with one imported cluster, and its layers as the program renders them.
//! Guarantee: the program finds helm and kubectl of the test environment on its PATH before any other.
use crate::commands::fixture::{Checkout, Ran};
use crate::testenv::program;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use stratify::control::preview::Preview;
use stratify::control::sync::Wanted;
use stratify::control::world::Sources;
use stratify::decide::render::{LAYER, read_output};
use stratify::decide::value::{Fault, Map, Seal, Source, Value, Warnings, canonical};
use stratify::name::ClusterName;
use stratify::settings::Settings;

const API: &str = "apiVersion: stratify.dev/v1alpha1";

/// The version that the cluster says it has.
pub(crate) const KUBERNETES: &str = "1.33.4";

/// A fleet with one cluster.
pub(crate) struct Shop {
    pub(crate) checkout: Checkout,
}

impl Shop {
    /// Returns a fleet whose one profile has these layers, and the store's chart in `charts/store`.
    pub(crate) fn new(layers: &str) -> Self {
        let shop = Self { checkout: Checkout::empty() };
        let environment = "kind: Environment\nmetadata: { name: dev }\nspec: { profiles: [ { name: apps } ] }";
        let cluster = format!(
            "kind: Cluster\nmetadata: {{ name: one }}\nspec: {{ cloud: kind, imported: true, kubernetesVersion: {KUBERNETES} }}"
        );
        shop.write("fleet.yaml", &format!("{API}\nkind: Fleet\nmetadata: {{ name: shop }}\n"));
        shop.write("environments/dev/environment.yaml", &format!("{API}\n{environment}\n"));
        shop.write("clusters/dev/one/cluster.yaml", &format!("{API}\n{cluster}\n"));
        shop.layers(layers);
        copy(&fixture("store"), &shop.checkout.path("charts/store"));
        shop
    }

    /// Writes the profile with these layers.
    pub(crate) fn layers(&self, layers: &str) {
        let head = "kind: Profile\nmetadata: { name: apps }\nspec:\n  version: 1.0.0\n  type: add-on\n";
        let variables =
            "  variables:\n    - { name: password, type: string, sensitive: true, default: correct-horse-battery }\n";
        self.write("profiles/apps/profile.yaml", &format!("{API}\n{head}{variables}  layers:\n{layers}"));
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.checkout.write(path, text);
    }

    /// Runs the program.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let folders = [folder_of("helm", "helm"), folder_of("kubernetes", "kubectl"), "/usr/bin".into(), "/bin".into()];
        let path = std::env::join_paths(folders);
        let mut command = self.checkout.command(args);
        command.env("PATH", path.expect("no folder has a colon"));
        Ran::of(command.output().expect("the program was built"))
    }

    /// Resolves and renders the cluster, and counts what was rendered outside for it.
    pub(crate) fn try_wanted(&self) -> (Result<Wanted, Fault>, u64) {
        self.try_wanted_with(self.settings())
    }

    pub(crate) fn try_wanted_with(&self, settings: Settings) -> (Result<Wanted, Fault>, u64) {
        let root = self.checkout.root();
        let work = move || {
            let preview = Preview::open(Some(&root), None, settings, Seal::new(b"test")).expect("it is a fleet");
            let cluster = ClusterName::new("one").expect("it is a label");
            let fleet = preview.fleet(None).expect("it can be listed");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime needs nothing");
            let wanted = runtime.block_on(preview.wanted(&fleet, &cluster, &mut Warnings::default()));
            (wanted, preview.expansions().renders())
        };
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread starts");
        thread.join().expect("it does not panic")
    }

    /// Returns the settings of the folder, with the programs of the test environment.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::embedded(&self.checkout.root());
        settings.programs.helm = Some(program("helm", "helm"));
        settings.programs.kustomize = Some(program("kubernetes", "kubectl"));
        settings
    }

    /// Returns the same, or fails with all that is told.
    #[track_caller]
    pub(crate) fn wanted(&self) -> Wanted {
        self.try_wanted().0.unwrap_or_else(|fault| panic!("{}", told(&fault)))
    }

    /// Returns the objects of a layer as they were rendered, without what the program adds: one canonical text each, sorted.
    #[track_caller]
    pub(crate) fn objects(&self, layer: &str) -> Vec<String> {
        let wanted = self.wanted();
        let layer = wanted.layers.layers.iter().find(|it| it.name.as_str() == layer).expect("it is there");
        let own = layer.objects.iter().filter(|object| !object.is_kept());
        let mut texts: Vec<String> = own.map(|object| canonical(&bare(&exposed(&object.manifest), true))).collect();
        texts.sort();
        texts
    }
}

/// Returns what is told of a fault.
pub(crate) fn told(fault: &Fault) -> String {
    match &fault.source {
        Source::Documents(said) => said.iter().map(|said| crate::fleet::line(said) + "\n").collect(),
        Source::Error(error) => error.to_string(),
    }
}

/// Returns the objects that a program printed, but for tests of charts: one canonical text each, sorted.
pub(crate) fn printed(text: &str) -> Vec<String> {
    let objects = read_output(text).expect("it is YAML").into_iter().map(|object| object.manifest);
    let objects = objects.filter(|object| !hook(object).is_some_and(|hook| hook == "test" || hook == "pre-delete"));
    let mut texts: Vec<String> = objects.map(|object| canonical(&bare(&object, false))).collect();
    texts.sort();
    texts
}

fn hook(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get("helm.sh/hook")?.as_str()
}

/// Takes away the marks; a namespace too, which the program fills in and takes from kinds that have none.
fn bare(object: &Value, is_ours: bool) -> Value {
    let mut object = object.clone();
    let metadata = object.make_map().entry_of("metadata").make_map();
    metadata.remove("namespace");
    if is_ours {
        let labels = metadata.entry_of("labels").make_map();
        assert!(labels.contains_key(LAYER), "it bears the marks");
        for mark in ["fleet", "cluster", "layer"] {
            labels.remove(&format!("stratify.dev/{mark}"));
        }
        if labels.is_empty() {
            metadata.remove("labels");
        }
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.make_map().remove("stratify.dev/run");
        }
    }
    object
}

/// Opens what is sealed.
fn exposed(value: &Value) -> Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        Value::List(items) => Value::list(items.iter().map(exposed).collect()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect::<Map>().into(),
        value => value.clone(),
    }
}

/// Runs helm.
#[track_caller]
pub(crate) fn helm(folder: &Path, args: &[&str]) -> String {
    run(&program("helm", "helm"), folder, args)
}

/// Runs kubectl.
#[track_caller]
pub(crate) fn kubectl(folder: &Path, args: &[&str]) -> String {
    run(&program("kubernetes", "kubectl"), folder, args)
}

#[track_caller]
fn run(program: &Path, folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("HOME", folder).args(args);
    let output = command.output().expect("it was built");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

fn folder_of(module: &str, name: &str) -> PathBuf {
    program(module, name).parent().expect("it is in a folder").to_owned()
}

/// Returns the folder of a chart of the tests.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/charts").join(name)
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("there is room");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it is readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("there is room");
        }
    }
}
