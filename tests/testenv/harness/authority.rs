//! In: names. Out: certificates and keys in PEM, from an authority of its own.
//! Guarantee: nothing outside trusts the authority; it goes with its folder.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How long each is valid: longer than any run, too short to be of use elsewhere.
const DAYS: &str = "2";

/// No configuration of the machine's reaches openssl: a file of our own, since nobody else writes to that.
const CONFIG: &str = "empty.cnf";

/// Signs the certificates of one server and of its users.
pub(crate) struct Authority {
    folder: PathBuf,
    made: AtomicUsize,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The key, in PEM.
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes one, with its files in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder is ours");
        fs::write(folder.join(CONFIG), "").expect("the folder is ours");
        let authority = Self { folder: folder.to_owned(), made: AtomicUsize::new(0) };
        let signs = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"];
        authority.request("authority", &["-subj", "/CN=testenv", "-addext", signs[0], "-addext", signs[1]]);
        authority
    }

    /// Returns the authority's own certificate and key.
    pub(crate) fn identity(&self) -> Identity {
        self.named("authority")
    }

    /// Returns what a server on the loopback shows.
    pub(crate) fn server(&self) -> Identity {
        self.sign("/CN=localhost", "serverAuth", &["-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost"])
    }

    /// Returns what a user shows: the API server takes its name and its groups from there.
    pub(crate) fn user(&self, name: &str, groups: &[&str]) -> Identity {
        let escaped = |text: &str| text.replace('/', "\\/");
        let parts = groups.iter().map(|group| format!("/O={}", escaped(group)));
        let parts: Vec<String> = parts.chain([format!("/CN={}", escaped(name))]).collect();
        self.sign(&parts.concat(), "clientAuth", &[])
    }

    fn sign(&self, subject: &str, purpose: &str, more: &[&str]) -> Identity {
        let name = format!("leaf-{}", self.made.fetch_add(1, Ordering::Relaxed));
        let purpose = format!("extendedKeyUsage={purpose}");
        let leaf = ["-subj", subject, "-CA", "authority.crt", "-CAkey", "authority.key", "-addext", &purpose];
        let leaf = leaf.iter().chain(&["-addext", "basicConstraints=critical,CA:FALSE"]).chain(more);
        self.request(&name, &leaf.copied().collect::<Vec<_>>());
        self.named(&name)
    }

    fn request(&self, name: &str, arguments: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&self.folder).args(["req", "-x509", "-newkey", "ec", "-nodes", "-sha256", "-days", DAYS]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-config", CONFIG]).args(arguments);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
        let made = openssl.output().expect("openssl is not there: install it to run this test");
        assert!(made.status.success(), "{openssl:?}: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn named(&self, name: &str) -> Identity {
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        Identity { certificate: file("crt"), key: file("key") }
    }
}
