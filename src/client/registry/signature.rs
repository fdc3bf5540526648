//! In: a public key of the settings, the digest of a manifest, what a registry has as its signatures. Out: one that is right.
//! Guarantee: what is signed is exactly that manifest, by exactly that key; nothing else of a signature is believed.
//!
//! How cosign signs by a key: beside an image stands the tag `sha256-DIGEST.sig`, whose layers are the texts that were signed,
//! each with its signature as an annotation; the text names the digest of the manifest. Source: sigstore/cosign,
//! `specs/SIGNATURE_SPEC.md`. Deliberately absent: keyless signatures (Fulcio, Rekor), bundles among the referrers, keys that
//! are not ECDSA over P-256.
use super::Layer;
use super::manifest::Manifest;
use super::session::Session;
use crate::client::secret::secret;
use crate::decide::value::{Fault, Owner, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::path::Path;

/// The type of what is signed.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation with the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The largest text that is signed: one has some hundred bytes.
const PAYLOAD_BYTES_MAX: u64 = 64 << 10;

/// How many signatures are tried: of one manifest there are as many as people who signed it.
const SIGNATURES_MAX: usize = 32;

/// What stands before the point of a public key over P-256 in its form of RFC 5480 (`SubjectPublicKeyInfo`).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// A text that was signed, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The text.
    pub payload: Vec<u8>,
    /// The signature, in ASN.1.
    pub signature: Vec<u8>,
}

impl Key {
    /// Reads a key from its file (PEM).
    pub fn read(file: &Path) -> Result<Self, Fault> {
        let pem = secret(file)?;
        Self::parse(pem.expose_secret()).ok_or_else(|| Fault {
            owner: Owner::Operator,
            spurious: false,
            hint: Some("name the `cosign.pub` that `cosign generate-key-pair` writes".into()),
            source: Source::Error(format!("{} is no public key in PEM of ECDSA over P-256", file.display()).into()),
        })
    }

    fn parse(pem: &str) -> Option<Self> {
        let inner = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
        let text: String = inner.split_whitespace().collect();
        let der = STANDARD.decode(text).ok()?;
        let point = der.strip_prefix(&P256)?;
        // Uncompressed: a byte that says so, and two numbers.
        (point.len() == 65 && point.first() == Some(&4)).then(|| Self(point.to_vec()))
    }

    /// Returns the bytes that tell it from other ones.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it signed the manifest of a digest so.
    pub fn signed(&self, digest: &str, signature: &Signature) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0);
        if key.verify(&signature.payload, &signature.signature).is_err() {
            return false;
        }
        let payload: Value = serde_json::from_slice(&signature.payload).unwrap_or_default();
        let critical = payload.get("critical").cloned().unwrap_or_default();
        let is_image = critical.get("type").and_then(Value::as_str) == Some("cosign container image signature");
        let image = critical.get("image").and_then(|image| image.get("docker-manifest-digest"));
        is_image && image.and_then(Value::as_str) == Some(digest)
    }
}

/// Finds a signature of the manifest of a digest by a key.
pub(super) fn find(session: &Session<'_>, digest: &str, key: &Key) -> Result<Signature, Fault> {
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let hint = "sign it by `cosign sign --key KEY ADDRESS@DIGEST`, or look at `cosignKeyFile` of the settings";
    let unsigned = |why: &str| {
        let fault = session.outside(&format!("{digest} {why}"), false);
        Fault { hint: Some(hint.into()), ..fault }
    };
    let bytes = session.find_manifest(&tag)?.ok_or_else(|| unsigned(&format!("is not signed: there is no `{tag}`")))?;
    let manifest = Manifest::read(&bytes).map_err(|why| session.outside(why, false))?;
    let is_one = |layer: &&Layer| layer.kind == PAYLOAD && layer.size <= PAYLOAD_BYTES_MAX;
    for layer in manifest.layers.iter().filter(is_one).take(SIGNATURES_MAX) {
        let signature = layer.annotations.get(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
        let Some(signature) = signature else { continue };
        let found = Signature { payload: session.blob(layer)?, signature };
        if key.signed(digest, &found) {
            return Ok(found);
        }
    }
    Err(unsigned("is not signed by the key of the settings"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_signature_is_of_one_manifest_by_one_key() {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let openssl = |args: &[&str]| {
            let done = Command::new("openssl").args(args).current_dir(folder.path()).output();
            assert!(done.expect("openssl is there").status.success(), "{args:?}");
        };
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key"]);
        openssl(&["ec", "-in", "key", "-pubout", "-out", "key.pub"]);
        let digest = format!("sha256:{}", "a".repeat(64));
        let payload = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        std::fs::write(path("payload"), &payload).expect("there is room");
        openssl(&["dgst", "-sha256", "-sign", "key", "-out", "signature", "payload"]);
        let signature = std::fs::read(path("signature")).expect("it is there");
        let signature = Signature { payload: payload.into_bytes(), signature };
        let key = Key::read(&path("key.pub")).expect("it is a key");
        assert!(key.signed(&digest, &signature));
        assert!(!key.signed(&format!("sha256:{}", "b".repeat(64)), &signature), "it is of another manifest");
        let mut changed = signature.clone();
        changed.payload.push(b' ');
        assert!(!key.signed(&digest, &changed), "the text is another one");
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other"]);
        openssl(&["ec", "-in", "other", "-pubout", "-out", "other.pub"]);
        assert!(!Key::read(&path("other.pub")).expect("it is a key").signed(&digest, &signature), "it is another key");
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed"]);
        openssl(&["pkey", "-in", "ed", "-pubout", "-out", "ed.pub"]);
        let other = Key::read(&path("ed.pub")).expect_err("it is of another kind");
        assert!(other.to_string().contains("no public key in PEM of ECDSA over P-256"), "{other}");
    }
}
