//! In: a real OCI registry on this machine, a fleet. Out: a profile there, and in another fleet again.
//! Guarantee: what is pulled is what was pushed, byte for byte, and only where the settings allow it.
use super::fleet::Shop;
use crate::testenv::program;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{fs, thread};
use stratify::client::registry::{Other, Part, Reference, digest_of, pull, push};
use stratify::settings::{AllowedSource, Credentials};
use tempfile::TempDir;

/// A registry that ends with the test.
pub(super) struct Registry {
    child: Child,
    pub(super) folder: TempDir,
    pub(super) port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    /// Starts one; with a user and a password, where it is given what `htpasswd` makes of them.
    pub(super) fn start(users: Option<&str>) -> Self {
        Self::start_with(users, "127.0.0.1", "")
    }

    /// Starts one at an address of this machine, with further lines about how it is reached.
    pub(super) fn start_with(users: Option<&str>, host: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let taken = std::net::TcpListener::bind((host, 0)).expect("there is a port");
        let port = taken.local_addr().expect("it has an address").port();
        drop(taken);
        let mut config = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: '{host}:{port}'{more} }}\n",
            folder.path().join("data").display()
        );
        if let Some(users) = users {
            fs::write(folder.path().join("users"), users).expect("there is room");
            let path = folder.path().join("users");
            config = format!("{config}auth: {{ htpasswd: {{ realm: test, path: {} }} }}\n", path.display());
        }
        fs::write(folder.path().join("config.yml"), config).expect("there is room");
        let mut command = Command::new(program("registry", "registry"));
        command.arg("serve").arg(folder.path().join("config.yml")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it was built");
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
        let listens = lines.by_ref().map_while(Result::ok).any(|line| line.contains("listening on"));
        assert!(listens, "it listens");
        // Whoever writes to a pipe that nobody reads waits for ever.
        thread::spawn(move || lines.for_each(drop));
        Self { child, folder, port }
    }

    pub(super) fn allowed(&self) -> AllowedSource {
        AllowedSource {
            prefix: format!("oci://127.0.0.1:{}/fleet", self.port),
            is_private: true,
            ..AllowedSource::default()
        }
    }

    pub(super) fn reference(&self, rest: &str) -> Reference {
        Reference::parse(&format!("oci://127.0.0.1:{}/{rest}", self.port)).expect("it is an address")
    }

    /// Returns the file in which the registry keeps a blob.
    pub(super) fn blob(&self, digest: &str) -> std::path::PathBuf {
        let digits = digest.strip_prefix("sha256:").expect("it is a digest");
        self.folder.path().join("data/docker/registry/v2/blobs/sha256").join(&digits[..2]).join(digits).join("data")
    }
}

#[test]
fn what_is_pushed_is_pulled_by_tag_and_by_digest() {
    let registry = Registry::start(None);
    let allowed = [registry.allowed()];
    let part = |text: &str| Part { kind: "application/octet-stream".into(), bytes: text.as_bytes().to_vec() };
    let parts = [part("one"), part("two")];
    let base = registry.reference("fleet/base:1.0.0");
    let digest = push(&base, &allowed, "test/one", &parts, Other::Stays).expect("it is pushed").digest;
    let by_tag = pull(&registry.reference("fleet/base:1.0.0"), &allowed, 1024).expect("it is there");
    assert_eq!(
        (by_tag.digest.as_str(), by_tag.artifact.as_str(), &by_tag.parts),
        (&*digest, "test/one", &parts.to_vec())
    );
    let by_digest = registry.reference(&format!("fleet/base@{digest}"));
    assert_eq!(pull(&by_digest, &allowed, 1024).expect("it is there"), by_tag);
    assert!(push(&base, &allowed, "test/one", &parts, Other::Stays).expect("it is the same").was_there);
    let kept = push(&base, &allowed, "test/one", &[part("three")], Other::Stays).expect_err("it is another one");
    assert!(kept.to_string().contains(&format!("it has {digest}, what is pushed has sha256:")), "{kept}");
    assert_eq!(pull(&base, &allowed, 1024).expect("it is there").digest, digest, "nothing was put there");
    let moved = push(&base, &allowed, "test/one", &[part("three")], Other::IsReplaced).expect("it is pushed").digest;
    assert_ne!(moved, digest, "the tag is another one now");
    assert_eq!(pull(&by_digest, &allowed, 1024).expect("it is there still"), by_tag, "the digest is not");
    let absent = pull(&registry.reference("fleet/absent:1"), &allowed, 1024).expect_err("there is none");
    assert!(absent.to_string().contains("there is no such thing"), "{absent}");
    let large = pull(&by_digest, &allowed, 3).expect_err("it is more");
    assert!(large.to_string().contains("it has 6 bytes, expected at most 3"), "{large}");
}

#[test]
fn what_a_registry_holds_otherwise_is_refused() {
    let registry = Registry::start(None);
    let allowed = [registry.allowed()];
    let parts = [Part { kind: "application/octet-stream".into(), bytes: b"whole content".to_vec() }];
    let reference = registry.reference("fleet/base:1.0.0");
    push(&reference, &allowed, "test/one", &parts, Other::Stays).expect("it is pushed");
    let file = registry.blob(&digest_of(b"whole content"));
    fs::write(&file, "other content").expect("it is ours");
    let other = pull(&reference, &allowed, 1024).expect_err("it is another one");
    assert!(other.to_string().contains("it sends a blob with the digest"), "{other}");
    fs::write(&file, "half").expect("it is ours");
    let half = pull(&reference, &allowed, 1024).expect_err("it is cut");
    assert!(half.to_string().contains("it sends 4 bytes of 13 of a blob"), "{half}");
}

#[test]
fn only_what_the_settings_allow_is_asked_and_as_whom_they_say() {
    // The password `open sesame`, as `htpasswd -B` writes it.
    let registry = Registry::start(Some("ada:$2y$05$c4WoMPo3SXsafkva.HHa6u6sKulLFIKfduk6JUyh.QHa6neGeFVmG\n"));
    let reference = registry.reference("fleet/base:1.0.0");
    let nobody = pull(&reference, &[], 1024).expect_err("nothing is allowed");
    assert!(nobody.to_string().contains("no prefix under `sources`"), "{nobody}");
    let elsewhere =
        pull(&registry.reference("other/base:1"), &[registry.allowed()], 1024).expect_err("it is not covered");
    assert!(elsewhere.to_string().contains("no prefix under `sources`"), "{elsewhere}");
    let public = AllowedSource { is_private: false, ..registry.allowed() };
    let within = pull(&reference, &[public], 1024).expect_err("it is on this machine");
    assert!(within.to_string().contains("on a private network or this machine"), "{within}");
    let closed = pull(&reference, &[registry.allowed()], 1024).expect_err("it wants a password");
    assert!(closed.to_string().contains("it wants a user and a password"), "{closed}");
    let password_file = registry.folder.path().join("password");
    fs::write(&password_file, "wrong\n").expect("there is room");
    let credentials = Credentials::Basic { user: "ada".into(), password_file };
    let wrong =
        pull(&reference, &[AllowedSource { credentials, ..registry.allowed() }], 1024).expect_err("it is wrong");
    assert!(wrong.to_string().contains("it does not let us"), "{wrong}");
}

#[test]
fn a_profile_goes_to_a_registry_and_into_another_fleet() {
    let registry = Registry::start(None);
    let settings = format!("sources: [ {{ prefix: 'oci://127.0.0.1:{}/fleet', private: true }} ]\n", registry.port);
    let shop = |layers: &str| {
        let shop = Shop::new(layers);
        shop.write("../settings.yaml", &settings);
        shop
    };
    let from = shop("    - { name: app, manifests: [app.yaml], namespace: app }\n");
    from.write("profiles/apps/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n");
    let address = format!("oci://127.0.0.1:{}/fleet/apps:1.0.0", registry.port);
    let pushed = from.run(&["--settings", "../settings.yaml", "push", "apps", &address]);
    assert_eq!(pushed.code, Some(0), "{}{}", pushed.out, pushed.err);
    let again = from.run(&["--settings", "../settings.yaml", "push", "apps", &address]);
    assert_eq!(
        again.out,
        pushed.out.replace("pushed 2 files of profile apps to", "already there: 2 files of profile apps at")
    );
    from.write("profiles/apps/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\n");
    let over =
        |more: &[&str]| from.run(&[&["--settings", "../settings.yaml", "push", "apps", &address], more].concat());
    over(&[]).ends_with(1).says(&["is there already, and is another one: it has sha256:", "--overwrite"]);
    over(&["--overwrite"]).ends_with(0).says(&["pushed 2 files of profile apps to"]);
    let to = shop("    - { name: app, manifests: [app.yaml], namespace: app }\n");
    fs::remove_dir_all(to.checkout.path("profiles/apps")).expect("it is there");
    let pulled = to.run(&["--settings", "../settings.yaml", "pull", &address]);
    assert_eq!(pulled.code, Some(0), "{}{}", pulled.out, pulled.err);
    let read = |shop: &Shop, path: &str| fs::read_to_string(shop.checkout.path(path)).expect("it is there");
    for path in ["profiles/apps/profile.yaml", "profiles/apps/app.yaml"] {
        assert_eq!(read(&to, path), read(&from, path));
    }
    to.write("profiles/apps/app.yaml", "changed\n");
    let refused = to.run(&["--settings", "../settings.yaml", "pull", &address]);
    assert!(refused.err.contains("`profiles/apps/app.yaml` is there already, and is another one"), "{}", refused.err);
}
