//! In: the files of a package, the keys of the settings. Out: why it is not signed by one of them.
//! Guarantee: the signature is of the very `zarf.yaml` that is read, which names the checksums of all else; a key that cannot
//! be read lets nothing pass.
//!
//! Both forms of cosign are read: `zarf.yaml.sig`, a signature in base64, and `zarf.bundle.sig`, a bundle with one over the
//! same bytes. A bundle by an identity in the place of a key is not verified, and counts for nothing.
use crate::decide::value::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use std::fs;
use std::path::PathBuf;

/// What stands before the point of a P-256 key in its DER form (RFC 5480).
pub(super) const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Verifies the signature of a package; `find` returns its files.
pub(super) fn verify<'a>(keys: &[PathBuf], find: impl Fn(&str) -> Option<&'a Vec<u8>>) -> Result<(), String> {
    if keys.is_empty() {
        return Ok(());
    }
    let about = find("zarf.yaml").ok_or("it has no zarf.yaml")?;
    let of_bundle = find("zarf.bundle.sig").and_then(|bytes| in_bundle(bytes));
    let signatures: Vec<Vec<u8>> =
        find("zarf.yaml.sig").and_then(|bytes| decoded(bytes)).into_iter().chain(of_bundle).collect();
    if signatures.is_empty() {
        return Err("it is not signed with a key, and the settings demand that".into());
    }
    for file in keys {
        let unread =
            || format!("the key {} of the settings is none of cosign: expected a P-256 key in PEM", file.display());
        let pem = fs::read_to_string(file).map_err(|_| unread())?;
        let point = point(&pem).ok_or_else(unread)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
        if signatures.iter().any(|signature| key.verify(about, signature).is_ok()) {
            return Ok(());
        }
    }
    Err("its signature is by none of the keys of the settings, or not of this zarf.yaml".into())
}

fn in_bundle(bytes: &[u8]) -> Option<Vec<u8>> {
    let bundle = Value::from_json(bytes).ok()?;
    decoded(bundle.get("messageSignature")?.get("signature")?.as_str()?.as_bytes())
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(std::str::from_utf8(text).ok()?.trim()).ok()
}

fn point(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(body).ok()?;
    Some(der.strip_prefix(&P256[..])?.to_vec())
}
