//! In: files that the real `sops` sealed with real keys of age. Out: what layers make of them, and what is told where they do not open.
//! Guarantee: what the program writes is read, and nothing of it is shown anywhere.
use super::fleet::{Shop, told};
use crate::testenv::program;
use std::path::Path;
use std::process::Command;
use stratify::settings::AgeKeys;

/// What nobody may see.
const SECRET: &str = "correct horse battery";

/// A fleet whose layer takes its password from a sealed file, and has a sealed manifest.
struct Sealed {
    shop: Shop,
    keys: Vec<AgeKeys>,
}

fn key(shop: &Shop, name: &str) -> (AgeKeys, String) {
    let file = shop.checkout.path(&format!("../{name}.txt"));
    let output = Command::new(program("sops", "age-keygen")).arg("-o").arg(&file).output().expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&file).expect("it was written");
    let recipient =
        text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("it is a comment").to_owned();
    (AgeKeys { file, paths: vec!["profiles/apps".into()], repository: None }, recipient)
}

fn seal(folder: &Path, recipient: &str, path: &str, more: &[&str]) {
    let mut sops = Command::new(program("sops", "sops"));
    sops.current_dir(folder).env_clear().env("HOME", folder);
    let output = sops.args(["encrypt", "--in-place", "--age", recipient]).args(more).arg(path).output();
    let output = output.expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Sealed {
    fn new() -> Self {
        let shop = Shop::new(
            "    - { name: app, namespace: app, manifests: [app.tpl.yaml, secret.yaml], secretsFiles: [app.sops.yaml] }\n",
        );
        let template = "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\nstringData:\n  password: ${{ values.login.password }}\n  port: ${{ string(values.login.ports[1]) }}\n";
        shop.write("profiles/apps/app.tpl.yaml", template);
        let values = format!(
            "# of the database\nlogin:\n    password: {SECRET}\n    ports:\n        - 1\n        - 5432\n    ratio: 0.25\n    tls: true\n    note: \"\"\n    none: null\n    host_unencrypted: db\n"
        );
        shop.write("profiles/apps/app.sops.yaml", &values);
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n    name: plain\nstringData:\n    token: {SECRET}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: beside\ndata:\n    open: text\n"
        );
        shop.write("profiles/apps/secret.yaml", &secret);
        let (keys, recipient) = key(&shop, "key");
        seal(&shop.checkout.root(), &recipient, "profiles/apps/app.sops.yaml", &[]);
        seal(
            &shop.checkout.root(),
            &recipient,
            "profiles/apps/secret.yaml",
            &["--encrypted-regex", "^(data|stringData)$"],
        );
        Self { shop, keys: vec![keys] }
    }

    fn told(&self) -> String {
        let mut settings = self.shop.settings();
        settings.secrets.clone_from(&self.keys);
        match self.shop.try_wanted_with(settings).0 {
            Ok(wanted) => {
                let objects = wanted.layers.layers.iter().flat_map(|layer| &layer.objects);
                objects.map(|object| format!("{} {:?}\n", object.id.name, object.manifest)).collect::<Vec<_>>().concat()
            }
            Err(fault) => told(&fault),
        }
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        self.shop.checkout.edit(path, from, to);
    }
}

#[test]
fn what_sops_sealed_is_in_the_objects_and_in_no_output() {
    let sealed = Sealed::new();
    let mut settings = sealed.shop.settings();
    settings.secrets.clone_from(&sealed.keys);
    let wanted = sealed.shop.try_wanted_with(settings).0.unwrap_or_else(|fault| panic!("{}", told(&fault)));
    let layer = wanted.layers.layers.first().expect("there is one");
    let printed = format!("{:?}", wanted.layers);
    assert!(!printed.contains(SECRET), "nothing of it is printed");
    let find = |name: &str| layer.objects.iter().find(|object| &*object.id.name == name).expect("it is there");
    let exposed = |name: &str, key: &str| {
        let data = find(name).manifest.get("stringData").and_then(|data| data.get(key)).cloned();
        match data {
            Some(stratify::decide::value::Value::Sensitive(value)) => value.expose().as_str().map(str::to_owned),
            other => panic!("{name}/{key} is not sensitive: {other:?}"),
        }
    };
    assert_eq!(exposed("login", "password").as_deref(), Some(SECRET));
    assert_eq!(exposed("login", "port").as_deref(), Some("5432"), "what is made of it is sensitive, too");
    assert_eq!(exposed("plain", "token").as_deref(), Some(SECRET), "a sealed manifest");
    assert!(layer.objects.iter().any(|object| &*object.id.name == "beside"), "its second document");
}

#[test]
fn what_is_encrypted_here_sops_decrypts() {
    let shop = Shop::new("    - { name: app, manifests: [app.yaml] }\n");
    let (keys, recipient) = key(&shop, "key");
    let (_, other) = key(&shop, "other");
    let text = "b: correct horse battery\na:\n  list: [1, 0.25, true, 'yes', \"\", null, 2001-01-01]\n  name_unencrypted: on\n  z: |\n    two\n    lines\n";
    let sops = |args: &[&str], file: &Path| {
        let mut sops = Command::new(program("sops", "sops"));
        sops.env_clear().env("HOME", file.parent().expect("it is in a folder")).env("SOPS_AGE_KEY_FILE", &keys.file);
        let output = sops.args(args).arg(file).output().expect("it was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it is YAML")
    };
    for more in [&[][..], &["--encrypted-regex", "^a$"]] {
        let file = shop.checkout.path("../values.sops.yaml");
        std::fs::write(&file, text).expect("it is ours");
        let mut stratify = Command::new(env!("CARGO_BIN_EXE_stratify"));
        stratify.args(["encrypt", "--in-place", "--age", &recipient, "--age", &other]).args(more).arg(&file);
        let output = stratify.output().expect("it was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sealed = std::fs::read_to_string(&file).expect("it was written");
        assert!(!sealed.contains("two") && sealed.contains(SECRET) != more.is_empty(), "{sealed}");
        let opened = sops(&["decrypt", "--output-type", "json"], &file);
        let opened: serde_json::Value = serde_json::from_str(&opened).expect("it is JSON");
        let expected = serde_json::json!({
            "b": SECRET,
            "a": { "list": [1, 0.25, true, "yes", "", null, "2001-01-01"], "name_unencrypted": "on", "z": "two\nlines\n" },
        });
        assert_eq!(opened, expected);
        sops(&["rotate", "--in-place"], &file);
        let rotated = sops(&["decrypt", "--output-type", "json"], &file);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&rotated).expect("it is JSON"),
            expected,
            "it is edited on"
        );
    }
}

#[test]
fn a_sealed_file_among_plain_values_is_refused() {
    let sealed = Sealed::new();
    sealed.edit("profiles/apps/profile.yaml", "secretsFiles: [app.sops.yaml]", "valuesFiles: [app.sops.yaml]");
    let told = sealed.told();
    assert!(
        told.contains("`profiles/apps/app.sops.yaml` is sealed by SOPS, and would be taken as it stands"),
        "{told}"
    );
}

#[test]
fn without_its_key_a_file_stays_closed_and_says_so() {
    let mut sealed = Sealed::new();
    let keys = std::mem::take(&mut sealed.keys);
    assert!(sealed.told().contains("the settings have no key for its path"), "{}", sealed.told());
    let (other, _) = key(&sealed.shop, "other");
    sealed.keys = vec![other];
    assert!(sealed.told().contains("no key of the settings for its path opens it"), "{}", sealed.told());
    sealed.keys = keys.into_iter().map(|keys| AgeKeys { paths: vec!["profiles/team-b".into()], ..keys }).collect();
    assert!(sealed.told().contains("the key that it is sealed to is for other paths"), "{}", sealed.told());
}

#[test]
fn what_was_changed_after_it_was_sealed_is_refused() {
    let sealed = Sealed::new();
    let text = std::fs::read_to_string(sealed.shop.checkout.path("profiles/apps/app.sops.yaml")).expect("it is there");
    sealed.edit("profiles/apps/app.sops.yaml", "host_unencrypted: db", "host_unencrypted: evil");
    assert!(sealed.told().contains("its MAC is of other values"), "{}", sealed.told());
    sealed.shop.write("profiles/apps/app.sops.yaml", &text);
    let line = text.lines().find(|line| line.contains("password:")).expect("it is there");
    sealed.edit("profiles/apps/app.sops.yaml", line, "    password: plain");
    assert!(
        sealed.told().contains("a value of `profiles/apps/app.sops.yaml` cannot be opened: it is not sealed"),
        "{}",
        sealed.told()
    );
}

#[test]
fn what_a_repository_says_of_sops_is_not_read() {
    let sealed = Sealed::new();
    sealed.shop.write(".sops.yaml", "creation_rules:\n  - path_regex: .*\n    key_groups: [ { hc_vault: [ http://127.0.0.1:1/ ] } ]\nstores: { yaml: { exec: touch /tmp/owned } }\n");
    assert!(sealed.told().contains("login"), "{}", sealed.told());
}

/// Writes settings with a key, as an operator does.
fn write_settings(sealed: &Sealed, key: &str) {
    let root = sealed.shop.checkout.root();
    let secrets = format!("secrets: [ {{ ageKeyFile: {key}, paths: [profiles/apps] }} ]\n");
    let text = format!("repository: {{ url: {}, branch: main }}\nstate: state\n{secrets}", root.display());
    sealed.shop.write("../stratify.yaml", &text);
}

const WITH: [&str; 2] = ["--settings", "../stratify.yaml"];

#[test]
fn with_a_wrong_key_a_status_says_what_is_wrong_and_of_which_commit_it_tells() {
    let sealed = Sealed::new();
    write_settings(&sealed, "key.txt");
    sealed.shop.checkout.commit("sealed");
    sealed.shop.run(&[&["sync"], &WITH[..]].concat()).ends_with(0);
    let head = sealed.shop.checkout.git(&["rev-parse", "HEAD"]);
    key(&sealed.shop, "other");
    write_settings(&sealed, "other.txt");
    let status = sealed.shop.run(&[&["status"], &WITH[..]].concat());
    let shown = format!("its layers are shown as {} had them applied", &head.trim()[..12]);
    status.says(&[
        "what is wanted is not known, for what follows",
        &shown,
        "profiles/apps/app.sops.yaml:",
        "no key of the settings for its path opens it",
    ]);
}

#[test]
fn a_key_that_cannot_be_read_is_told_with_what_it_is_to_open() {
    let sealed = Sealed::new();
    write_settings(&sealed, "nowhere.txt");
    let lint = sealed.shop.run(&[&["lint"], &WITH[..]].concat()).ends_with(1);
    lint.says(&[
        "could not read the secret at ",
        "nowhere.txt",
        "it is to open `profiles/apps/app.sops.yaml` and 1 more",
        "found in one",
    ]);
}

#[test]
fn a_manifest_of_which_nothing_is_sealed_is_told_at_its_rule() {
    let sealed = Sealed::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: plain\nstringdata:\n    token: open\n";
    sealed.shop.write("profiles/apps/secret.yaml", secret);
    let text = std::fs::read_to_string(sealed.shop.checkout.path("../key.txt")).expect("it is there");
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("it is a comment");
    seal(
        &sealed.shop.checkout.root(),
        recipient,
        "profiles/apps/secret.yaml",
        &["--encrypted-regex", "^(data|stringData)$"],
    );
    write_settings(&sealed, "key.txt");
    let lint = sealed.shop.run(&[&["lint"], &WITH[..]].concat());
    lint.says(&[
        "nothing of `profiles/apps/secret.yaml` is sealed: by its `encrypted_regex` none of its keys is",
        "profiles/apps/secret.yaml:",
    ])
    .lacks(&["ENC["]);
}
