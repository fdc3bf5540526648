//! In: the files of a package, the keys of the settings. Out: why it is not signed by one of them.
//! Guarantee: the signature is of the very `zarf.yaml` that is read, which names the checksums of all else; a key that cannot
//! be read lets nothing pass.
//!
//! Both forms of cosign are read: `zarf.yaml.sig`, a signature in base64, and `zarf.bundle.sig`, a bundle with one over the
//! same bytes. A bundle by an identity in the place of a key is not verified, and counts for nothing.
use crate::client::public_key::PublicKey;
use crate::decide::value::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::PathBuf;

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
        let key = PublicKey::read(file).map_err(|fault| fault.to_string())?;
        if signatures.iter().any(|signature| key.signed(about, signature)) {
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
