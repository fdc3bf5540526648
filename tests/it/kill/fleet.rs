//! In: nothing. Out: a fleet of one cluster with three layers, at a first commit and at one that changes, moves and prunes.
//! Guarantee: each is synced once without a cut-off, which is what all others are compared with.
use crate::commands::fixture::{Checkout, Tree, tree};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FLEET: &str = "apiVersion: stratify.dev/v1alpha1
kind: Fleet
metadata:
  name: acme
spec:
  policies:
    deletion:
      maxPercent: 100
";
const ENVIRONMENT: &str = "apiVersion: stratify.dev/v1alpha1
kind: Environment
metadata:
  name: dev
spec:
  profiles:
    - name: app
";
const CLUSTER: &str = "apiVersion: stratify.dev/v1alpha1
kind: Cluster
metadata:
  name: one
spec:
  cloud: vsphere
  imported: true
  kubernetesVersion: 1.33.4
";
const PROFILE: &str = "apiVersion: stratify.dev/v1alpha1
kind: Profile
metadata:
  name: app
spec:
  version: 1.0.0
  type: add-on
  layers:
    - name: first
      role: add-on
      manifests: [first/*.yaml]
    - name: second
      role: add-on
      manifests: [second/*.yaml]
      dependsOn: [first]
    - name: third
      role: add-on
      manifests: [third/*.yaml]
      dependsOn: [second]
";

/// The layers, in the order in which they are written.
pub(super) const LAYERS: [&str; 3] = ["first", "second", "third"];

/// A fleet before a sync, and what the sync makes of its cluster.
pub(super) struct Start {
    pub(super) checkout: Checkout,
    /// The objects before.
    pub(super) before: Objects,
    /// The objects after.
    pub(super) after: Objects,
    /// What is known of them after.
    pub(super) books: Books,
}

/// The bytes of each object's file, by its path in the target.
pub(super) type Objects = BTreeMap<String, Vec<u8>>;

/// What a target remembers, without what differs from one sync to the next: plans, generations, identities.
pub(super) type Books = BTreeMap<String, serde_json::Value>;

/// Returns the fleet before its first sync, and before the sync of what comes second.
pub(super) fn starts() -> [Start; 2] {
    let checkout = Checkout::empty();
    checkout.write("fleet.yaml", FLEET);
    checkout.write("environments/dev/environment.yaml", ENVIRONMENT);
    checkout.write("clusters/dev/one/cluster.yaml", CLUSTER);
    checkout.write("profiles/app/profile.yaml", PROFILE);
    checkout.write(".gitignore", ".stratify/\n");
    for (layer, names) in
        [("first", &["a", "b", "mover"][..]), ("second", &["c", "gone"]), ("third", &["d", "old", "e"])]
    {
        for name in names {
            manifest(&checkout, layer, name, 1);
        }
    }
    checkout.commit("three layers");
    let first = Start::of(copy(&checkout));
    checkout.run(&["sync"]).ends_with(0);
    for (layer, name) in [("first", "a"), ("second", "c"), ("third", "d")] {
        manifest(&checkout, layer, name, 2);
    }
    manifest(&checkout, "second", "new", 1);
    for path in ["first/mover", "second/gone", "third/old"] {
        fs::remove_file(checkout.path(&format!("profiles/app/{path}.yaml"))).expect("it was committed");
    }
    manifest(&checkout, "third", "mover", 1);
    checkout.commit("some change, one moves, two go");
    [first, Start::of(checkout)]
}

impl Start {
    fn of(checkout: Checkout) -> Self {
        let done = copy(&checkout);
        done.run(&["sync"]).ends_with(0);
        Self { before: objects(&checkout), after: objects(&done), books: books(&done), checkout }
    }

    /// Returns the same with one more commit, which changes no cluster and has much to fetch.
    pub(super) fn with_much_to_fetch(&self) -> Self {
        let checkout = self.again();
        (0..400).for_each(|at| checkout.write(&format!("notes/{at}.txt"), &format!("{at}\n").repeat(200)));
        checkout.commit("much to fetch");
        Self::of(checkout)
    }

    /// Returns a copy of it, in which a sync can be cut off.
    pub(super) fn again(&self) -> Checkout {
        copy(&self.checkout)
    }

    /// Runs a sync without a cut-off, and checks that it gives what it would have given without any before.
    #[track_caller]
    pub(super) fn ends_as_wanted(&self, checkout: &Checkout, after: &str) {
        let ran = checkout.run(&["sync"]);
        assert_eq!(ran.code, Some(0), "after {after}:\n{}", ran.all());
        let found = objects(checkout);
        assert_eq!(names(&found), names(&self.after), "after {after}: the same files");
        assert_eq!(found, self.after, "after {after}: the same bytes");
        assert_eq!(books(checkout), self.books, "after {after}: the same books");
        let left = tree(&checkout.target("one")).into_keys().find(|path| path.contains(".stratify-tmp-"));
        assert_eq!(left, None, "after {after}: nothing is left over");
        for context in ["plan", "dev"] {
            assert_eq!(checkout.state("HEAD", context), "success", "after {after}: {context} is told to its end");
        }
    }

    /// Runs a sync to a commit that says what was said before the one that was cut off, and checks that it is so.
    #[track_caller]
    pub(super) fn ends_as_before(&self, checkout: &Checkout, after: &str) {
        let ran = checkout.run(&["sync"]);
        assert_eq!(ran.code, Some(0), "after {after}:\n{}", ran.all());
        assert_eq!(names(&objects(checkout)), names(&self.before), "after {after}: the same files");
        assert_eq!(objects(checkout), self.before, "after {after}: the same bytes");
    }

    /// Checks besides that another sync then writes nothing.
    #[track_caller]
    pub(super) fn converges(&self, checkout: &Checkout, after: &str) {
        self.ends_as_wanted(checkout, after);
        let again = checkout.targets();
        checkout.run(&["sync"]).ends_with(0);
        assert_eq!(checkout.targets(), again, "after {after}: it is over");
    }
}

pub(super) fn names(objects: &Objects) -> Vec<&str> {
    objects.keys().map(String::as_str).collect()
}

/// Returns the objects of the cluster; a file that is not yet whole is none.
pub(super) fn objects(checkout: &Checkout) -> Objects {
    let mut files: Tree = tree(&checkout.target("one"));
    files.retain(|path, _| !path.starts_with(".stratify-target/") && !path.contains(".stratify-tmp-"));
    files.into_iter().map(|(path, (_, bytes))| (path, bytes)).collect()
}

/// Returns what the cluster's folder remembers.
pub(super) fn books(checkout: &Checkout) -> Books {
    let files = tree(&checkout.target("one").join(".stratify-target"));
    let json = files.into_iter().filter(|(path, _)| is_book(path));
    json.map(|(path, (_, bytes))| {
        let mut book: serde_json::Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{path} is whole: {error}: {}", String::from_utf8_lossy(&bytes)));
        forget(&mut book);
        (path, book)
    })
    .collect()
}

/// Whether a file is a record or an inventory, and not a lock or an identity.
pub(super) fn is_book(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "json")
}

fn forget(book: &mut serde_json::Value) {
    match book {
        serde_json::Value::Object(map) => {
            map.retain(|key, _| !matches!(key.as_str(), "plan" | "generation" | "uid"));
            map.values_mut().for_each(forget);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

fn manifest(checkout: &Checkout, layer: &str, name: &str, version: u8) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\ndata:\n  version: \"{version}\"\n"
    );
    checkout.write(&format!("profiles/app/{layer}/{name}.yaml"), &text);
}

/// Copies a repository with all that is kept beside it.
fn copy(from: &Checkout) -> Checkout {
    let to = Checkout::nowhere();
    copy_folder(&from.root(), &to.root());
    to
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the scratch folder is ours");
    for entry in fs::read_dir(from).expect("it is a folder") {
        let entry = entry.expect("it is readable");
        let target = to.join(entry.file_name());
        let kind = entry.file_type().expect("it is readable");
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}
