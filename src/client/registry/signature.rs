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
use crate::client::public_key::PublicKey;
use crate::decide::value::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The type of what is signed.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation with the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The largest text that is signed: one has some hundred bytes.
const PAYLOAD_BYTES_MAX: u64 = 64 << 10;

/// How many signatures are tried: of one manifest there are as many as people who signed it.
const SIGNATURES_MAX: usize = 32;

/// A text that was signed, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The text.
    pub payload: Vec<u8>,
    /// The signature, in ASN.1.
    pub signature: Vec<u8>,
}

impl Signature {
    /// Whether a key signed the manifest of a digest so.
    pub fn is_of(&self, key: &PublicKey, digest: &str) -> bool {
        if !key.signed(&self.payload, &self.signature) {
            return false;
        }
        let payload: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        let critical = payload.get("critical").cloned().unwrap_or_default();
        let is_image = critical.get("type").and_then(Value::as_str) == Some("cosign container image signature");
        let image = critical.get("image").and_then(|image| image.get("docker-manifest-digest"));
        is_image && image.and_then(Value::as_str) == Some(digest)
    }
}

/// Finds a signature of the manifest of a digest by a key.
pub(super) fn find(session: &Session<'_>, digest: &str, key: &PublicKey) -> Result<Signature, Fault> {
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
        if found.is_of(key, digest) {
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
        let key = PublicKey::read(&path("key.pub")).expect("it is a key");
        assert!(signature.is_of(&key, &digest));
        assert!(!signature.is_of(&key, &format!("sha256:{}", "b".repeat(64))), "it is of another manifest");
        let mut changed = signature.clone();
        changed.payload.push(b' ');
        assert!(!changed.is_of(&key, &digest), "the text is another one");
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other"]);
        openssl(&["ec", "-in", "other", "-pubout", "-out", "other.pub"]);
        let other = PublicKey::read(&path("other.pub")).expect("it is a key");
        assert!(!signature.is_of(&other, &digest), "it is another key");
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed"]);
        openssl(&["pkey", "-in", "ed", "-pubout", "-out", "ed.pub"]);
        let other = PublicKey::read(&path("ed.pub")).expect_err("it is of another kind");
        assert!(other.to_string().contains("no public key in PEM of ECDSA over P-256"), "{other}");
    }
}
