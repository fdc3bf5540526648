//! In: a bundle of Sigstore, a public key, a manifest. Out: whether the key signed that manifest in it.
//! Guarantee: what is signed is exactly that manifest, as a signature of cosign and as no other statement; nothing of a bundle
//! is believed that the key did not sign.
//!
//! Two forms: an envelope (DSSE) over a statement of in-toto that names the digest of the manifest, as `cosign sign` makes it
//! since version 3; a signature over the very bytes of the manifest. An attestation by the same key says something of a
//! manifest, and not that it may be taken: so the statement has to be cosign's own.
//! Sources: sigstore/protobuf-specs, `sigstore_bundle.proto`; secure-systems-lab/dsse, `protocol.md`; in-toto/attestation,
//! `spec/v1/statement.md`. Deliberately absent: certificates and the log (Fulcio, Rekor) and timestamps: the operator's key
//! is trusted for as long as the settings name it.
use crate::client::public_key::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

/// How the types of bundles begin, of all versions.
pub(super) const KIND: &str = "application/vnd.dev.sigstore.bundle";

/// What a statement of in-toto is in an envelope.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// The versions of statements, which name their subjects alike.
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// What a statement says that is a signature and nothing else.
pub(super) const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

/// How many signatures of one envelope are tried: as a rule it has one.
const SIGNATURES_MAX: usize = 8;

/// Whether a key signed the manifest of a digest in a bundle; `manifest` are its bytes.
pub(super) fn is_of(bundle: &[u8], key: &PublicKey, digest: &str, manifest: &[u8]) -> bool {
    let Ok(bundle) = serde_json::from_slice::<Value>(bundle) else { return false };
    let is_bundle = text(&bundle, "mediaType").is_some_and(|kind| kind.starts_with(KIND));
    let in_envelope = || bundle.get("dsseEnvelope").and_then(|envelope| statement(envelope, key));
    let of_bytes = || {
        let signature = bundle.get("messageSignature").and_then(|message| decoded(message, "signature"));
        signature.is_some_and(|signature| key.signed(manifest, &signature))
    };
    is_bundle && (in_envelope().is_some_and(|statement| signs(&statement, digest)) || of_bytes())
}

/// Returns the statement of an envelope that a key signed.
fn statement(envelope: &Value, key: &PublicKey) -> Option<Value> {
    let payload = decoded(envelope, "payload")?;
    let kind = text(envelope, "payloadType").filter(|kind| *kind == STATEMENT)?;
    let signed = signed_bytes(kind, &payload);
    let signatures = envelope.get("signatures").and_then(Value::as_array)?;
    let mut signatures = signatures.iter().take(SIGNATURES_MAX).filter_map(|signature| decoded(signature, "sig"));
    signatures.any(|signature| key.signed(&signed, &signature)).then(|| serde_json::from_slice(&payload).ok())?
}

/// Returns what is signed of a text of some type: DSSE's encoding of both, in which neither can pass for the other.
fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Whether a statement is a signature of the manifest of a digest.
fn signs(statement: &Value, digest: &str) -> bool {
    let is_signature = text(statement, "predicateType") == Some(SIGNED)
        && text(statement, "_type").is_some_and(|kind| STATEMENTS.contains(&kind));
    let subjects = statement.get("subject").and_then(Value::as_array);
    let is_it = |subject: &Value| {
        let found = subject.get("digest").and_then(|digests| text(digests, "sha256"));
        found.is_some_and(|found| digest.strip_prefix("sha256:") == Some(found))
    };
    is_signature && subjects.is_some_and(|subjects| subjects.iter().any(is_it))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Either form of base64 is allowed.
fn decoded(value: &Value, key: &str) -> Option<Vec<u8>> {
    let text = text(value, key)?;
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    const MANIFEST: &[u8] = b"{\"schemaVersion\":2}";

    struct Signer(EcdsaKeyPair, SystemRandom);

    impl Signer {
        fn new() -> Self {
            let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key is made");
            let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).expect("it was just made");
            Self(pair, random)
        }

        fn key(&self) -> PublicKey {
            let folder = tempfile::tempdir().expect("there is a temporary folder");
            let file = folder.path().join("cosign.pub");
            std::fs::write(&file, PublicKey::pem(self.0.public_key().as_ref())).expect("there is room");
            PublicKey::read(&file).expect("it is a key")
        }

        fn sign(&self, bytes: &[u8]) -> String {
            STANDARD.encode(self.0.sign(&self.1, bytes).expect("it signs"))
        }

        fn envelope(&self, statement: &Value) -> Vec<u8> {
            let payload = statement.to_string().into_bytes();
            let signature = self.sign(&signed_bytes(STATEMENT, &payload));
            let envelope = json!({ "payload": STANDARD.encode(&payload), "payloadType": STATEMENT, "signatures": [{ "sig": signature }] });
            bundle("dsseEnvelope", &envelope)
        }
    }

    fn bundle(content: &str, of: &Value) -> Vec<u8> {
        let material = json!({ "publicKey": { "hint": "x" } });
        let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
        json!({ "mediaType": kind, "verificationMaterial": material, content: of }).to_string().into_bytes()
    }

    fn statement_of(digest: &str, kind: &str) -> Value {
        let hex = digest.trim_start_matches("sha256:");
        let subject = json!([{ "digest": { "sha256": hex }, "annotations": {} }]);
        json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": {} })
    }

    #[test]
    fn an_envelope_is_a_signature_of_one_manifest_by_one_key() {
        let (signer, other) = (Signer::new(), Signer::new());
        let digest = super::super::digest_of(MANIFEST);
        let signed = signer.envelope(&statement_of(&digest, SIGNED));
        assert!(is_of(&signed, &signer.key(), &digest, MANIFEST));
        assert!(!is_of(&signed, &other.key(), &digest, MANIFEST), "another key");
        assert!(!is_of(&signed, &signer.key(), &format!("sha256:{}", "b".repeat(64)), b"{}"), "another manifest");
        let attested = signer.envelope(&statement_of(&digest, "https://slsa.dev/provenance/v1"));
        assert!(!is_of(&attested, &signer.key(), &digest, MANIFEST), "an attestation is no signature");
        let mut untyped = statement_of(&digest, SIGNED);
        untyped["_type"] = json!("https://example.org/Statement/v1");
        assert!(!is_of(&signer.envelope(&untyped), &signer.key(), &digest, MANIFEST), "it is no statement of in-toto");
        let text = String::from_utf8(signed.clone()).expect("it is JSON");
        let relabelled = text.replace(STATEMENT, "application/json");
        assert!(!is_of(relabelled.as_bytes(), &signer.key(), &digest, MANIFEST), "its type is signed, too");
        let renamed = text.replace("application/vnd.dev.sigstore.bundle", "application/x");
        assert!(!is_of(renamed.as_bytes(), &signer.key(), &digest, MANIFEST), "it is no bundle");
        // A second signature beside one of somebody else.
        let mut two: Value = serde_json::from_slice(&signed).expect("it is JSON");
        let own = two["dsseEnvelope"]["signatures"][0].clone();
        two["dsseEnvelope"]["signatures"] = json!([{ "sig": other.sign(b"x") }, own]);
        assert!(is_of(two.to_string().as_bytes(), &signer.key(), &digest, MANIFEST));
        assert!(!is_of(b"<html>log in</html>", &signer.key(), &digest, MANIFEST));
    }

    #[test]
    fn a_signature_over_the_manifest_itself_is_one_too() {
        let signer = Signer::new();
        let digest = super::super::digest_of(MANIFEST);
        let signed = |bytes: &[u8]| bundle("messageSignature", &json!({ "signature": signer.sign(bytes) }));
        assert!(is_of(&signed(MANIFEST), &signer.key(), &digest, MANIFEST));
        assert!(!is_of(&signed(b"other"), &signer.key(), &digest, MANIFEST));
    }

    /// A bundle by a key from the conformance suite of Sigstore (sigstore/sigstore-conformance,
    /// `bundle-verify/intoto-canonical-log-entry`, Apache-2.0), without its entry of the log.
    #[test]
    fn an_envelope_that_another_program_made_is_verified() {
        let key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7pBlkILi/WN1X8FiQTlZBK2/GlQD\n\
                   Ol9bn1iDaSE8B5Eu+uccNndQid2Nmgp8mrTWhT2XhZbshUGMDSDx/6jwvw==\n-----END PUBLIC KEY-----\n";
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        std::fs::write(folder.path().join("key.pub"), key).expect("there is room");
        let key = PublicKey::read(&folder.path().join("key.pub")).expect("it is a key");
        let payload = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoiYS50eHQiLCJkaWdlc3QiOnsic2hhMjU2\
                       IjoiYTBjZmM3MTI3MWQ2ZTI3OGU1N2NkMzMyZmY5NTdjM2Y3MDQzZmRkYTM1NGM0Y2JiMTkwYTMwZDU2ZWZhMDFiZiJ9fV0sInByZWRpY2F0ZVR5cGUi\
                       OiJodHRwczovL2V4YW1wbGUuY29tL3Rlc3QiLCJwcmVkaWNhdGUiOnt9fQ==";
        let signature =
            "MEUCIBb8Pe4/Z0vKtXSvAHV6pcC1F3eTwCZnVejwWERFVwKeAiEAre6v18YSEs3mKaeMgE8Ti0l62CzT5yZvwfGiVd1eTIw=";
        let envelope =
            json!({ "payload": payload, "payloadType": STATEMENT, "signatures": [{ "sig": signature, "keyid": "" }] });
        let found = statement(&envelope, &key).expect("its key signed it");
        assert_eq!(found["subject"][0]["name"], "a.txt");
        let digest = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
        assert!(!signs(&found, digest), "it says something of the file, and is no signature of cosign's");
    }
}
