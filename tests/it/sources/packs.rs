//! In: packs, ours and Palette's, in a real registry; fleets that name them. Out: what `push`, `lock` and a sync make of them.
//! Guarantee: a pack of a registry is what the same pack of the repository is, taken by the digest of the lock.
use super::fleet::{Shop, helm, told};
use super::registry::Registry;
use crate::commands::fixture::Ran;
use std::fs;
use stratify::client::registry::{Other, Part, Reference, push};
use stratify::settings::Settings;

const WITH: [&str; 2] = ["--settings", "../stratify.yaml"];

/// A fleet whose one layer has a pack of a registry of its own.
struct Fixture {
    registry: Registry,
    shop: Shop,
    place: String,
}

impl Fixture {
    /// Returns one whose layer names `web` in a version or range; `more` is further of the layer.
    fn new(wanted: &str, more: &str) -> Self {
        let registry = Registry::start(None);
        let place = format!("oci://127.0.0.1:{}/fleet/packs", registry.port);
        let layer = format!("pack: {{ name: web, version: '{wanted}', registry: '{place}' }}");
        let shop = Shop::new(&format!("    - {{ name: web, namespace: shop, {layer}{more} }}\n"));
        let root = shop.checkout.root();
        let sources = format!("sources: [ {{ name: acme, prefix: '{place}', private: true }} ]\n");
        let settings = format!("repository: {{ url: {}, branch: main }}\nstate: state\n{sources}", root.display());
        shop.write("../stratify.yaml", &settings);
        fs::create_dir_all(shop.checkout.path("../state")).expect("there is room");
        Self { registry, shop, place }
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        self.shop.run(&[args, &WITH[..]].concat())
    }

    fn settings(&self) -> Settings {
        Settings { sources: vec![self.registry.allowed()], ..self.shop.settings() }
    }

    /// Writes a pack of ours, and pushes it.
    #[track_caller]
    fn push(&self, version: &str, text: &str) -> String {
        self.try_push(version, text, &[]).ends_with(0).out
    }

    #[track_caller]
    fn try_push(&self, version: &str, text: &str, more: &[&str]) -> Ran {
        self.write(&format!("../web-{version}"), version, text);
        let address = format!("{}/web:{version}", self.place);
        self.run(&[&["push", &*format!("../web-{version}"), &*address], more].concat())
    }

    fn write(&self, folder: &str, version: &str, text: &str) {
        let spec = format!("spec: {{ version: {version}, manifests: [all.tpl.yaml], valuesSchema: schema.json }}");
        let head = "apiVersion: stratify.dev/v1alpha1\nkind: Pack\nmetadata: { name: web }\n";
        self.shop.write(&format!("{folder}/pack.yaml"), &format!("{head}{spec}\n"));
        self.shop.write(&format!("{folder}/values.yaml"), &format!("text: {text}\nreplicas: 1\n"));
        self.shop.write(
            &format!("{folder}/schema.json"),
            r#"{ "type": "object", "properties": { "replicas": { "type": "integer" } } }"#,
        );
        self.shop.write(
            &format!("{folder}/all.tpl.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { text: '${{ values.text }}', version: '${{ layer.version }}' }\n",
        );
    }

    /// Pushes an archive as another program would.
    fn push_archive(&self, tag: &str, kind: &str, bytes: Vec<u8>) {
        let reference = Reference::parse(&format!("{}/web:{tag}", self.place)).expect("it is an address");
        let part = Part { kind: kind.into(), bytes };
        let allowed = [self.registry.allowed()];
        push(&reference, &allowed, "application/vnd.unknown.artifact.v1", &[part], Other::IsReplaced)
            .expect("it is pushed");
    }

    #[track_caller]
    fn said(&self) -> String {
        told(&self.shop.try_wanted_with(self.settings()).0.map(drop).expect_err("it is refused"))
    }

    /// Returns the objects of the layer beside its namespace, as texts; without the mark of when a hook runs.
    #[track_caller]
    fn objects(&self) -> Vec<String> {
        let wanted = self.shop.try_wanted_with(self.settings()).0.unwrap_or_else(|fault| panic!("{}", told(&fault)));
        let objects = wanted.layers.layers.iter().flat_map(|layer| layer.objects.iter());
        let text = |object: &stratify::decide::render::Object| {
            let mut manifest = object.manifest.value().clone();
            if let Some(annotations) = manifest.make_map().entry_of("metadata").make_map().get_mut("annotations") {
                annotations.make_map().remove("stratify.dev/run");
            }
            stratify::decide::value::canonical(&manifest)
        };
        objects.filter(|object| &*object.id.kind != "Namespace").map(text).collect()
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.shop.checkout.path("fleet.lock")).expect("it is there")
    }
}

/// Packs files as `tar` does.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, *bytes).expect("it is in memory");
    }
    archive.into_inner().expect("it is in memory")
}

#[test]
fn a_pack_of_a_registry_is_locked_and_taken_by_its_digest() {
    let it = Fixture::new("^1.0", "");
    let first = it.push("1.0.0", "one");
    assert!(first.contains("of the pack web@1.0.0 to oci://127.0.0.1:"), "{first}");
    let again = it.push("1.0.0", "one");
    assert_eq!(
        again,
        first.replace("pushed 4 files of the pack web@1.0.0 to", "already there: 4 files of the pack web@1.0.0 at")
    );
    it.push("1.1.0", "two");
    it.push("2.0.0", "far");
    let unlocked = it.said();
    assert!(unlocked.contains("ST0330") && unlocked.contains("the pack `web` of oci://127.0.0.1:"), "{unlocked}");
    assert!(unlocked.contains("profiles/apps/profile.yaml:10:"), "at its line: {unlocked}");
    it.run(&["lock", "--check"])
        .ends_with(1)
        .says(&["at `^1.0` is not in fleet.lock", "profiles/apps/profile.yaml:10:"]);
    it.run(&["lock"]).ends_with(0).says(&["fleet.lock is written", "1 pack"]);
    let lock = it.lock();
    assert!(lock.contains("registryPacks:\n  - registry: \"oci://") && lock.contains("version: \"1.1.0\""), "{lock}");
    it.run(&["lock", "--check"]).ends_with(0).says(&["fleet.lock is right"]);
    let objects = it.objects();
    assert!(objects[0].contains(r#""text":"two","version":"1.1.0""#), "{objects:?}");
    it.shop.checkout.commit("the web");
    it.run(&["sync"]).ends_with(0);
    // The tag is another pack now; what is locked is not.
    let digest = |out: &str| out.rsplit("sha256:").next().expect("it ends with one").trim().to_owned();
    let two = digest(&it.push("1.1.0", "two"));
    let refused = it.try_push("1.1.0", "other", &[]).ends_with(1);
    let refused = refused.says(&[
        "web:1.1.0 is there already, and is another one: it has sha256:",
        &two,
        "what is pushed has sha256:",
    ]);
    let refused = refused.says(&["push it under a new version", "--overwrite"]);
    let other = it.try_push("1.1.0", "other", &["--overwrite"]).ends_with(0).out;
    assert!(refused.all().contains(&digest(&other)), "both digests are told: {}", refused.all());
    assert_eq!(it.objects(), objects);
    it.run(&["lock", "--check"]).ends_with(0);
    it.run(&["lock", "--update", "web"]).ends_with(0).says(&["fleet.lock is written"]);
    assert_ne!(it.lock(), lock, "the tag was resolved anew");
    let plan = it.run(&["plan", "--cluster", "one"]);
    plan.says(&["! web is another one than before at the same version 1.1.0", "\"other\""]);
}

#[test]
fn a_pack_of_a_registry_is_what_the_same_pack_of_the_repository_is() {
    let it = Fixture::new("1.0.0", ", values: { replicas: 2 }");
    it.push("1.0.0", "one");
    it.run(&["lock"]).ends_with(0);
    let there = it.objects();
    it.write("packs/web/1.0.0", "1.0.0", "one");
    it.shop.layers("    - { name: web, namespace: shop, pack: web@1.0.0, values: { replicas: 2 } }\n");
    assert_eq!(it.objects(), there);
}

const PACK: &str = r#"{ "name": "web", "displayName": "Web", "version": "1.0.0", "layer": "addon", "cloudTypes": ["all"],
  "charts": ["charts/store-1.4.0.tgz"], "kubeManifests": ["manifests/notes.yaml"] }"#;

const VALUES: &str = "pack:\n  namespace: web\n  content: { images: [ { image: 'example.org/listed:1' } ] }\ncharts:\n  store:\n    replicas: 3\nmanifests:\n  notes:\n    text: from the values\n";

const NOTES: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: notes }\ndata:\n  text: {{ .Values.text | quote }}\n  cluster: {{ .spectro.system.cluster.name }}\n";

const PRESETS: &str = "presets:\n  - name: five\n    add: |\n      charts:\n        store:\n          replicas: 5\n";

#[test]
fn a_pack_of_palette_is_taken_as_it_lies_in_registries() {
    let it = Fixture::new("1.0.0", ", presets: [five]");
    let root = it.shop.checkout.root();
    helm(&root, &["package", "charts/store", "--version", "1.4.0", "--destination", "../packed"]);
    let chart = fs::read(it.shop.checkout.path("../packed/store-1.4.0.tgz")).expect("it was packed");
    let files: [(&str, &[u8]); 5] = [
        ("pack.json", PACK.as_bytes()),
        ("values.yaml", VALUES.as_bytes()),
        ("presets.yaml", PRESETS.as_bytes()),
        ("manifests/notes.yaml", NOTES.as_bytes()),
        ("charts/store-1.4.0.tgz", &chart),
    ];
    for (path, bytes) in files {
        let place = it.shop.checkout.path(&format!("packs/web/1.0.0/{path}"));
        fs::create_dir_all(place.parent().expect("it is in a folder")).expect("there is room");
        fs::write(place, bytes).expect("there is room");
    }
    // As `oras push` puts there what `tar` made of the folder.
    let inside: Vec<(String, &[u8])> =
        files.iter().map(|(path, bytes)| (format!("web-1.0.0/{path}"), *bytes)).collect();
    let inside: Vec<(&str, &[u8])> = inside.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    it.push_archive("1.0.0", "application/vnd.oci.image.layer.v1.tar", tar(&inside));
    it.run(&["lock"]).ends_with(0).says(&["1 pack"]);
    let there = it.objects();
    assert!(there.iter().any(|object| object.contains("from the values")), "{there:?}");
    assert!(there.iter().any(|object| object.contains(r#""replicas":5"#)), "the preset counts: {there:?}");
    it.run(&["lint"]).ends_with(0);
    assert!(it.lock().contains("    images:\n      - \"example.org/listed:1\"\n"), "what it lists: {}", it.lock());
    assert!(it.lock().contains("- \"registry.example.org/store:2.10\""), "what its defaults name: {}", it.lock());
    it.run(&["images", "one"]).ends_with(0).says(&["example.org/listed:1\n", "registry.example.org/store:2.10\n"]);
    it.run(&["values", "one", "web"])
        .ends_with(0)
        .says(&["replicas: 5", "text: \"from the values\"  # oci://127.0.0.1:"]);
    let shown = it.run(&["pack", "show", "web@1.0.0"]).ends_with(0);
    shown.says(&["web@1.0.0 (of Palette, active)", "charts/store-1.4.0.tgz"]);
    it.shop.layers("    - { name: web, namespace: shop, pack: web@1.0.0, presets: [five] }\n");
    assert_eq!(it.objects(), there, "the same as from the repository");
}

#[test]
fn what_was_fetched_of_a_pack_is_kept_and_a_registry_that_is_away_is_told() {
    let it = Fixture::new("1.0.x", "");
    it.push("1.0.0", "one");
    it.run(&["lock"]).ends_with(0);
    let Fixture { registry, shop, .. } = it;
    let allowed = registry.allowed();
    drop(registry);
    let kept = Settings { sources: vec![allowed.clone()], state: shop.checkout.path("../state"), ..shop.settings() };
    shop.try_wanted_with(kept).0.unwrap_or_else(|fault| panic!("what `lock` took is at hand: {}", told(&fault)));
    let elsewhere = Settings { sources: vec![allowed], ..shop.settings() };
    let away = told(&shop.try_wanted_with(elsewhere).0.map(drop).expect_err("nothing is kept"));
    assert!(away.contains("could not ask oci://127.0.0.1:"), "{away}");
    shop.run(&["lint", "--settings", "../stratify.yaml"]).ends_with(0);
    fs::remove_dir_all(shop.checkout.path("../state/fetched")).expect("it is ours");
    shop.run(&["lint", "--settings", "../stratify.yaml"]).ends_with(1).says(&["could not ask oci://127.0.0.1:"]);
}

#[test]
fn what_is_no_pack_or_another_one_is_refused_by_the_lock() {
    let it = Fixture::new("1.0.0", "");
    it.run(&["lock"]).ends_with(1).says(&["the registry has no repository oci://", "profiles/apps/profile.yaml:10:"]);
    it.push("1.0.1", "one");
    let nearest = it.run(&["lock"]).ends_with(1);
    nearest.says(&["has no tag `1.0.0`", "did you mean", "`1.0.1`", "its newest tags are 1.0.1"]);
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    for (bytes, why) in [
        (tar(&[("values.yaml", b"a: 1\n")]), "it holds neither `pack.yaml` nor Palette's `pack.json`"),
        (tar(&[("pack.json", PACK.replace("\"web\"", "\"other\"").as_bytes())]), "packs/web/1.0.0/pack.json:1:"),
        (tar(&[("pack.json", PACK.replace("1.0.0\"", "1.0.7\"").as_bytes())]), "the version is not that of its folder"),
        (tar(&[("pack.json", PACK.as_bytes()), ("PACK.json", b"{}")]), "its archive is refused"),
        (b"<html>log in</html>".to_vec(), "its archive is refused"),
    ] {
        it.push_archive("1.0.0", kind, bytes);
        it.run(&["lock"]).ends_with(1).says(&[why, "profiles/apps/profile.yaml:10:"]);
    }
    it.push_archive("1.0.0", "text/plain", b"hello".to_vec());
    it.run(&["lock"]).ends_with(1).says(&["it is no pack: expected one layer with an archive, found 0"]);
    assert!(!it.shop.checkout.path("fleet.lock").exists(), "nothing of it is locked");
}

#[test]
fn a_lock_of_packs_that_was_edited_by_hand_is_seen_and_mended() {
    let it = Fixture::new("1.0.x", "");
    it.push("1.0.0", "one");
    it.run(&["lock"]).ends_with(0);
    let lock = it.lock();
    let digest = lock.split("digest: \"sha256:").nth(1).expect("it has one")[..64].to_owned();
    it.shop.write("fleet.lock", &lock.replace(&digest, &"a".repeat(64)));
    let gone = it.run(&["lint"]).ends_with(1);
    gone.says(&[
        "profiles/apps/profile.yaml:10:",
        "there is no such thing, which fleet.lock says is there",
        "`stratify lock --update web`",
    ]);
    it.run(&["lock", "--update", "web"]).ends_with(0);
    assert_eq!(it.lock(), lock, "that mends it");
    it.shop.write("fleet.lock", &lock.replace("version: \"1.0.0\"", "version: \"1.0.4\""));
    let other = it.said();
    assert!(other.contains("the version is not that of its folder") && other.contains("1.0.4"), "{other}");
    it.shop.write("fleet.lock", &lock.replace("version: \"1.0.0\"", "version: \"1.1.0\""));
    let beyond = it.said();
    assert!(beyond.contains("fleet.lock has `1.1.0` of the pack `web`, which is not `1.0.x`"), "{beyond}");
    it.run(&["lock", "--check"]).ends_with(1).says(&["is `1.1.0` in fleet.lock, which it cannot be", "--update web"]);
    it.run(&["lock"]).ends_with(0);
    assert_eq!(it.lock(), lock, "what it cannot be is resolved anew");
    it.run(&["lock", "--update", "wbe"]).ends_with(1).says(&["wbe", "did you mean `web`?"]);
    it.shop.layers(APP);
    it.shop.write("profiles/apps/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n");
    let unnamed = it.run(&["lock", "--check"]).ends_with(1);
    unnamed.says(&["fleet.lock has the pack `web` of oci://", "which no document names", "fleet.lock:6:"]);
}

const APP: &str = "    - { name: app, manifests: [app.yaml] }\n";

#[test]
fn what_a_plain_lock_finds_edited_by_hand_is_said_or_mended() {
    let it = Fixture::new("1.0.x", "");
    it.push("1.1.0", "two");
    it.shop.layers(&format!(
        "    - {{ name: web, namespace: shop, pack: {{ name: web, version: 1.1.0, registry: '{}' }} }}\n",
        it.place
    ));
    it.run(&["lock"]).ends_with(0);
    let digest = |lock: &str| lock.split("digest: \"sha256:").nth(1).expect("it has one")[..64].to_owned();
    let other = digest(&it.lock());
    it.push("1.0.0", "one");
    it.shop.layers(&format!(
        "    - {{ name: web, namespace: shop, pack: {{ name: web, version: 1.0.x, registry: '{}' }} }}\n",
        it.place
    ));
    it.run(&["lock"]).ends_with(0);
    let lock = it.lock();
    // The digest of another version.
    it.shop.write("fleet.lock", &lock.replace(&digest(&lock), &other));
    let hint = "fleet.lock has the digest of another version, as where it was edited by hand: run `stratify lock --update web`";
    it.run(&["lint"]).ends_with(1).says(&["ST0116", hint]).lacks(&["rename the folder"]);
    let said = it.run(&["lock"]).ends_with(1);
    said.says(&[
        "fleet.lock has the pack `web` of oci://",
        "otherwise than it is",
        "profiles/apps/profile.yaml:10:",
        "--update web",
    ]);
    it.run(&["lock", "--update", "web"]).ends_with(0);
    assert_eq!(it.lock(), lock, "that mends it");
    it.run(&["lint"]).ends_with(0);
    // A digest that nobody has.
    it.shop.write("fleet.lock", &lock.replace(&digest(&lock), &"a".repeat(64)));
    it.run(&["lock"]).ends_with(1).says(&["there is no such thing", "--update web"]);
    // Images are of the digest: what else stands there is mended.
    it.shop.write("fleet.lock", &format!("{lock}    images:\n      - \"evil.example.org/x:1\"\n"));
    it.run(&["lock"]).ends_with(0).says(&["the images of the pack `web` were others in fleet.lock, and are mended"]);
    assert_eq!(it.lock(), lock);
    // Another place than that of the registry.
    let moved: Vec<String> = lock
        .lines()
        .map(|line| if line.contains(" oci:") { line.replace("/packs/", "/other/") } else { line.into() })
        .collect();
    it.shop.write("fleet.lock", &(moved.join("\n") + "\n"));
    for args in [&["lock"][..], &["lock", "--check"]] {
        it.run(args).ends_with(1).says(&["otherwise than it is: it has oci://", "/other/web", "--update web"]);
    }
    it.run(&["lock", "--update", "web"]).ends_with(0);
    assert_eq!(it.lock(), lock);
    // A server that is away is no mistake of the lock.
    fs::remove_dir_all(it.shop.checkout.path("../state/fetched")).expect("it is ours");
    drop(it.registry);
    let away = it.shop.run(&["lock", "--settings", "../stratify.yaml"]).ends_with(0);
    away.says(&["stays as fleet.lock has it, and could not be looked at: could not ask oci://"]);
}

#[test]
fn a_lock_that_cannot_be_read_is_told_at_its_line_by_each_command() {
    let it = Fixture::new("1.0.x", "");
    it.push("1.0.0", "one");
    it.run(&["lock"]).ends_with(0);
    it.shop.write("fleet.lock", &it.lock().replace("version: \"1.0.0\"", "version: [\"1.0.0\""));
    it.shop.checkout.commit("a lock that is none");
    for args in [&["lint"][..], &["sync"], &["plan"], &["why", "one"], &["render", "one"], &["lock"], &["outdated"]] {
        let said = it.run(args);
        assert!(said.all().contains("fleet.lock:"), "{args:?}: {}", said.all());
        assert!(!said.all().contains("is not in fleet.lock"), "{args:?}: {}", said.all());
        assert_ne!(said.code, Some(0), "{args:?}");
    }
}

#[test]
fn a_registry_is_named_by_the_settings_too_and_a_cluster_swaps_to_a_pack_of_it() {
    let it = Fixture::new("1.0.0", "");
    it.push("1.0.0", "one");
    it.shop.layers("    - { name: web, namespace: shop, pack: { name: web, version: 1.0.x, registry: acme } }\n");
    it.run(&["lock"]).ends_with(0);
    assert!(it.lock().contains("registry: \"acme\"") && it.lock().contains("oci: \"oci://127.0.0.1:"), "{}", it.lock());
    assert_eq!(it.objects().len(), 1);
    let locked = it.lock();
    let edited: Vec<String> = locked
        .lines()
        .map(|line| if line.contains("oci:") { line.replace("/packs/", "/other/") } else { line.into() })
        .collect();
    it.shop.write("fleet.lock", &(edited.join("\n") + "\n"));
    it.run(&["lint"])
        .ends_with(1)
        .says(&["fleet.lock does not have the pack `web` of acme: it has oci://", "lock --update web"]);
    it.shop.write("fleet.lock", &locked);
    it.shop.layers("    - { name: web, namespace: shop, pack: { name: web, version: 1.0.x, registry: acne } }\n");
    it.run(&["lock"]).ends_with(1).says(&["no source of the settings is called `acne`", "`acme`"]);
    it.shop.layers("    - { name: web, namespace: shop, manifests: [app.yaml] }\n");
    it.shop.write("profiles/apps/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n");
    let cluster = fs::read_to_string(it.shop.checkout.path("clusters/dev/one/cluster.yaml")).expect("it is there");
    let swap =
        "layers: [ { name: web, replaceWith: { pack: { name: web, version: 1.0.0, registry: acme } } } ], cloud: kind";
    it.shop.write("clusters/dev/one/cluster.yaml", &cluster.replace("cloud: kind", swap));
    it.run(&["lock"]).ends_with(0);
    assert!(it.objects()[0].contains(r#""text":"one""#), "{:?}", it.objects());
    it.shop.layers("    - { name: web, namespace: shop, pack: { name: web, version: 1.0.x } }\n");
    let said = it.run(&["lock"]).ends_with(0).all() + &it.run(&["lint"]).all();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_pack_is_pushed_under_its_own_name_and_version_alone() {
    let it = Fixture::new("1.0.0", "");
    it.push("1.0.0", "one");
    let wrong = |address: &str| it.run(&["push", "../web-1.0.0", &format!("{}/{address}", it.place)]).ends_with(1);
    wrong("web:1.0.1").says(&["is no address for the pack web@1.0.0", "its address ends with /web:1.0.0"]);
    wrong("wob:1.0.0").says(&["its address ends with /web:1.0.0"]);
    it.shop.write("../web-1.0.0/pack.yaml", "kind: [\n");
    wrong("web:1.0.0").says(&["pack.yaml:"]);
    it.run(&["push", "../nowhere", &format!("{}/web:1.0.0", it.place)])
        .ends_with(1)
        .says(&["no pack in such a folder"]);
    let address = format!("{}/web:1.0.0", it.place);
    let pulled = it.run(&["pull", &address]).ends_with(0);
    pulled.says(&["pulled 4 files of the pack web@1.0.0 into packs/web/1.0.0", "name it as `pack: web@1.0.0`"]);
    it.shop.layers("    - { name: web, namespace: shop, pack: web@1.0.0 }\n");
    assert!(it.objects()[0].contains(r#""text":"one""#), "{:?}", it.objects());
    it.run(&["pull", &address]).ends_with(0);
    it.shop.write("packs/web/1.0.0/values.yaml", "text: mine\n");
    it.run(&["pull", &address]).ends_with(1).says(&["`packs/web/1.0.0/values.yaml` is there already"]);
    it.push_archive("9.9.9", "text/plain", b"hello".to_vec());
    let neither = it.run(&["pull", &format!("{}/web:9.9.9", it.place)]).ends_with(1);
    neither.says(&["is neither a profile nor a pack", "expected one layer with an archive, found 0"]);
}

#[test]
fn packs_of_registries_are_shown_compared_and_brought_up() {
    let it = Fixture::new("1.0.0", "");
    for (version, text) in [("1.0.0", "one"), ("1.1.0", "two")] {
        it.push(version, text);
    }
    it.run(&["lock"]).ends_with(0);
    it.run(&["pack", "show", "web"]).ends_with(0).says(&["web@1.0.0 (of ours, active)"]);
    let other = format!("{}/web:1.1.0", it.place);
    let diff = it.run(&["pack", "diff", "web@1.0.0", &other]).ends_with(0);
    assert!(!diff.out.contains("# stratify"), "what is beside the object is none of it: {}", diff.out);
    diff.says(&["web@1.0.0 → web@1.1.0", "- text: one", "+ text: two", "ConfigMap"]);
    it.run(&["pack", "lint", &other]).ends_with(0).says(&["renders to 1 object"]);
    it.run(&["pack", "show", "wob"]).ends_with(1).says(&["there is no pack wob", "registryPacks"]);
    it.shop.checkout.becomes("Grace");
    it.shop.checkout.commit("the web");
    let outdated = it.run(&["outdated"]).ends_with(0);
    let outdated = outdated.says(&["web", "1.0.0", "1.1.0", "profiles/apps/profile.yaml:10:"]);
    assert!(!outdated.all().contains("newest that may be used"), "{}", outdated.all());
    let data = it.run(&["outdated", "-o", "json"]).ends_with(0);
    let data: serde_json::Value = serde_json::from_str(&data.out).expect("it is JSON");
    assert_eq!(data["outdated"][0]["from"], serde_json::json!(format!("{}/web", it.place)), "{data}");
    assert_eq!(data["outdated"][0]["kind"], "pack", "{data}");
    it.run(&["outdated", "--commit"]).ends_with(0).says(&["committed as "]);
    let profile = fs::read_to_string(it.shop.checkout.path("profiles/apps/profile.yaml")).expect("it is there");
    assert!(profile.contains("version: 1.1.0") || profile.contains("version: '1.1.0'"), "{profile}");
    assert!(it.lock().contains("wanted: \"1.1.0\"") && !it.lock().contains("1.0.0"), "{}", it.lock());
    assert_eq!(it.shop.checkout.git(&["status", "--porcelain"]), "", "all of it is committed");
    it.run(&["lock", "--check"]).ends_with(0);
    it.run(&["lint"]).ends_with(0);
}
