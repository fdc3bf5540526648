//! In: a file of an operator. Out: the public key in it, and whether a text was signed by it.
//! Guarantee: ECDSA over P-256 with SHA-256, as `cosign generate-key-pair` makes it; nothing else is taken for one.
use crate::client::secret::secret;
use crate::decide::value::{Fault, Owner, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use secrecy::ExposeSecret;
use std::path::Path;

/// What stands before the point of a public key over P-256 in its form of RFC 5480 (`SubjectPublicKeyInfo`).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
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

    /// Whether it signed a text so; the signature is in ASN.1.
    pub fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(text, signature).is_ok()
    }

    /// Returns the text of a file of a key, for tests.
    #[cfg(test)]
    pub(crate) fn pem(point: &[u8]) -> String {
        let der = STANDARD.encode([&P256, point].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    }
}
