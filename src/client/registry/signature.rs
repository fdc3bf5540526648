//! In: a public key of the settings, the digest of a manifest, what a registry has as its signatures. Out: one that is right.
//! Guarantee: what is signed is exactly that manifest, by exactly that key; nothing else of a signature is believed.
//!
//! How cosign signs by a key: beside an image stands the tag `sha256-DIGEST.sig`, whose layers are the texts that were signed,
//! each with its signature as an annotation; the text names the digest of the manifest. Since version 3 it is a bundle, the one
//! layer of a manifest whose subject is the image: the registry lists such referrers, or else the tag `sha256-DIGEST` does,
//! which clients keep. Sources: sigstore/cosign, `specs/SIGNATURE_SPEC.md` and `specs/BUNDLE_SPEC.md`; the distribution
//! specification of OCI v1.1, "Listing Referrers". Deliberately absent: keyless signatures (Fulcio, Rekor), keys that are not
//! ECDSA over P-256.
use super::bundle::{self, KIND, SIGNED};
use super::manifest::{MANIFEST_BYTES_MAX, Manifest};
use super::reference::is_digest;
use super::session::Session;
use super::{Layer, digest_of};
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

/// The largest bundle: one has some thousand bytes.
const BUNDLE_BYTES_MAX: u64 = 1 << 20;

/// Where a note of a signature has how long it is: no signature is as long as this, which is that of a bundle.
const OF_BUNDLE: [u8; 8] = [0xff; 8];

/// A signature of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// A text that was signed.
    Text {
        /// The text.
        payload: Vec<u8>,
        /// The signature, in ASN.1.
        signature: Vec<u8>,
    },
    /// A bundle of Sigstore.
    Bundle(Vec<u8>),
}

impl Signature {
    /// Whether a key signed the manifest of a digest so; `manifest` are its bytes.
    pub fn is_of(&self, key: &PublicKey, digest: &str, manifest: &[u8]) -> bool {
        let (payload, signature) = match self {
            Self::Text { payload, signature } => (payload, signature),
            Self::Bundle(bundle) => return bundle::is_of(bundle, key, digest, manifest),
        };
        if !key.signed(payload, signature) {
            return false;
        }
        let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
        let critical = payload.get("critical").cloned().unwrap_or_default();
        let is_image = critical.get("type").and_then(Value::as_str) == Some("cosign container image signature");
        let image = critical.get("image").and_then(|image| image.get("docker-manifest-digest"));
        is_image && image.and_then(Value::as_str) == Some(digest)
    }

    /// Returns it as it is kept: how long the signature is, itself, and the text that was signed; or a bundle.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text { payload, signature } => {
                [&(signature.len() as u64).to_be_bytes()[..], signature, payload].concat()
            }
            Self::Bundle(bundle) => [&OF_BUNDLE[..], bundle].concat(),
        }
    }

    /// Reads one that was kept; who does has to verify it.
    pub fn decode(note: &[u8]) -> Option<Self> {
        let (length, rest) = note.split_first_chunk::<8>()?;
        if *length == OF_BUNDLE {
            return Some(Self::Bundle(rest.to_vec()));
        }
        let (signature, payload) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        Some(Self::Text { payload: payload.to_vec(), signature: signature.to_vec() })
    }
}

/// Finds a signature of a manifest by a key.
pub(super) fn find(session: &Session<'_>, manifest: &[u8], key: &PublicKey) -> Result<Signature, Fault> {
    let digest = &digest_of(manifest);
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let hint = "sign it by `cosign sign --key KEY ADDRESS@DIGEST`, or look at `cosignKeyFile` of the settings";
    let unsigned = |why: &str| {
        let fault = session.outside(&format!("{digest} {why}"), false);
        Fault { hint: Some(hint.into()), ..fault }
    };
    let texts = session.find_manifest(&tag)?;
    if let Some(bytes) = &texts {
        let all = Manifest::read(bytes).map_err(|why| session.outside(why, false))?;
        let is_one = |layer: &&Layer| layer.kind == PAYLOAD && layer.size <= PAYLOAD_BYTES_MAX;
        for layer in all.layers.iter().filter(is_one).take(SIGNATURES_MAX) {
            let signature = layer.annotations.get(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
            let Some(signature) = signature else { continue };
            let found = Signature::Text { payload: session.blob(layer)?, signature };
            if found.is_of(key, digest, manifest) {
                return Ok(found);
            }
        }
    }
    let bundles = referrers(session, digest)?;
    for referrer in &bundles {
        let found = Signature::Bundle(in_referrer(session, referrer)?);
        if found.is_of(key, digest, manifest) {
            return Ok(found);
        }
    }
    if texts.is_none() && bundles.is_empty() {
        return Err(unsigned(&format!("is not signed: there is no `{tag}`, and no bundle refers to it")));
    }
    Err(unsigned("is not signed by the key of the settings"))
}

/// Returns the digests of the manifests that refer to a digest and may have a bundle with a signature.
fn referrers(session: &Session<'_>, digest: &str) -> Result<Vec<String>, Fault> {
    let listed = session.page(&session.url(&format!("referrers/{digest}"))?, MANIFEST_BYTES_MAX)?;
    let index = match listed {
        Some((bytes, _)) => Some(bytes),
        // Where a registry keeps no list, its clients do, under a tag.
        None => session.find_manifest(&digest.replace(':', "-"))?,
    };
    let Some(index) = index else { return Ok(Vec::new()) };
    let index: Value = serde_json::from_slice(&index)
        .map_err(|_| session.outside("what it sends is no list of what refers to a manifest", false))?;
    let all = index.get("manifests").and_then(Value::as_array).into_iter().flatten();
    let text = |value: &'_ Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let is_bundle = |one: &&Value| {
        // Some clients list neither: then the bundle itself tells.
        let kind = text(one, "artifactType");
        let says = one.get("annotations").and_then(|notes| text(notes, "dev.sigstore.bundle.predicateType"));
        kind.is_none_or(|kind| kind.starts_with(KIND)) && says.is_none_or(|says| says == SIGNED)
    };
    let digests = all.filter(is_bundle).filter_map(|one| text(one, "digest")).filter(|digest| is_digest(digest));
    Ok(digests.take(SIGNATURES_MAX).collect())
}

/// Returns the bundle of a manifest that refers to another one; nothing of what has none.
fn in_referrer(session: &Session<'_>, referrer: &str) -> Result<Vec<u8>, Fault> {
    let Some(bytes) = session.find_manifest(referrer)?.filter(|bytes| digest_of(bytes) == referrer) else {
        return Ok(Vec::new());
    };
    let manifest = Manifest::read(&bytes).map_err(|why| session.outside(why, false))?;
    let is_one = |layer: &&Layer| layer.kind.starts_with(KIND) && layer.size <= BUNDLE_BYTES_MAX;
    manifest.layers.iter().find(is_one).map_or(Ok(Vec::new()), |layer| session.blob(layer))
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
        let of = |payload: &[u8]| Signature::Text { payload: payload.to_vec(), signature: signature.clone() };
        let signature = of(payload.as_bytes());
        let key = PublicKey::read(&path("key.pub")).expect("it is a key");
        assert!(signature.is_of(&key, &digest, b""));
        assert!(!signature.is_of(&key, &format!("sha256:{}", "b".repeat(64)), b""), "it is of another manifest");
        assert!(!of(format!("{payload} ").as_bytes()).is_of(&key, &digest, b""), "the text is another one");
        assert_eq!(Signature::decode(&signature.encode()), Some(signature.clone()));
        let bundle = Signature::Bundle(b"{}".to_vec());
        assert_eq!(Signature::decode(&bundle.encode()), Some(bundle));
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other"]);
        openssl(&["ec", "-in", "other", "-pubout", "-out", "other.pub"]);
        let other = PublicKey::read(&path("other.pub")).expect("it is a key");
        assert!(!signature.is_of(&other, &digest, b""), "it is another key");
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed"]);
        openssl(&["pkey", "-in", "ed", "-pubout", "-out", "ed.pub"]);
        let other = PublicKey::read(&path("ed.pub")).expect_err("it is of another kind");
        assert!(other.to_string().contains("no public key in PEM of ECDSA over P-256"), "{other}");
    }
}
