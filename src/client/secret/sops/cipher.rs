//! In: the key of a document, a sealed value, what it is sealed under. Out: the value.
//! Guarantee: a value that was changed, or moved to another path, does not open; the key is not printed.
use crate::decide::value::Value;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Key, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::{self, Write};

/// The cipher of SOPS: AES-256-GCM with nonces of 32 bytes.
type Cipher = AesGcm<Aes256, U32>;

/// The key of a document.
pub(super) struct DataKey(Cipher);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(<key>)")
    }
}

/// A value that was opened, of the type that it had.
pub(super) enum Opened {
    Text(String),
    Integer(String, Value),
    Float(f64),
    Bool(bool),
    /// Notes of people, which SOPS seals too, in lists.
    Comment,
}

impl Opened {
    /// Returns its bytes as SOPS counts them in its MAC, and the value.
    pub(super) fn parts(self) -> (Vec<u8>, Value) {
        match self {
            Self::Text(text) => (text.as_bytes().to_vec(), Value::string(&text)),
            Self::Integer(text, number) => (text.into_bytes(), number),
            Self::Float(number) => (go_float(number).into_bytes(), Value::float(number).unwrap_or_default()),
            Self::Bool(true) => (b"True".to_vec(), Value::Bool(true)),
            Self::Bool(false) => (b"False".to_vec(), Value::Bool(false)),
            Self::Comment => (Vec::new(), Value::Null),
        }
    }
}

/// Returns a number as Go's `FormatFloat(x, 'f', -1, 64)` does: its shortest digits, without an exponent.
pub(super) fn go_float(number: f64) -> String {
    format!("{number}")
}

/// Returns bytes as SOPS writes its MAC.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02X}").expect("a string takes all");
    }
    text
}

impl DataKey {
    /// Takes a key; nothing where it has another length.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        (key.len() == 32).then(|| Self(Cipher::new(Key::<Cipher>::from_slice(key))))
    }

    /// Opens a value; an error shows nothing of it.
    pub(super) fn open(&self, text: &str, under: &str) -> Result<Opened, &'static str> {
        let sealed = Sealed::parse(text).ok_or("it is not sealed, or is damaged")?;
        let mut bytes = sealed.data;
        let (nonce, tag) = (Nonce::<U32>::from_slice(&sealed.nonce), Tag::from_slice(&sealed.tag));
        let opened = self.0.decrypt_in_place_detached(nonce, under.as_bytes(), &mut bytes, tag);
        opened.map_err(|_| "it was changed, or moved from another place")?;
        let text = String::from_utf8(bytes).map_err(|_| "it is no text")?;
        match sealed.kind {
            "str" | "bytes" => Ok(Opened::Text(text)),
            "int" => match (text.parse().map(Value::Integer), text.parse().map(Value::Unsigned)) {
                (Ok(number), _) | (_, Ok(number)) => Ok(Opened::Integer(text, number)),
                _ => Err("it is no integer"),
            },
            "float" => text.parse().map(Opened::Float).map_err(|_| "it is no number"),
            "bool" => match text.as_str() {
                "True" | "true" | "1" => Ok(Opened::Bool(true)),
                "False" | "false" | "0" => Ok(Opened::Bool(false)),
                _ => Err("it is neither true nor false"),
            },
            "comment" => Ok(Opened::Comment),
            _ => Err("it is of a type that is not read"),
        }
    }

    /// Seals a text, as SOPS does; a nonce is for one text only.
    pub(super) fn seal(&self, text: &str, kind: &str, under: &str, nonce: [u8; 32]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let sealed = self.0.encrypt_in_place_detached(Nonce::<U32>::from_slice(&nonce), under.as_bytes(), &mut bytes);
        let tag = sealed.expect("it is short");
        let [data, iv, tag] = [STANDARD.encode(bytes), STANDARD.encode(nonce), STANDARD.encode(tag)];
        format!("ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]")
    }
}

/// A sealed value, in its parts.
struct Sealed<'a> {
    data: Vec<u8>,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    kind: &'a str,
}

impl<'a> Sealed<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix("ENC[AES256_GCM,")?.strip_suffix(']')?;
        let mut parts = inner.split(',');
        let mut part = |name: &str| parts.next()?.strip_prefix(name);
        let decode = |text: &str| STANDARD.decode(text).ok();
        let sealed = Self {
            data: decode(part("data:")?)?,
            nonce: decode(part("iv:")?)?,
            tag: decode(part("tag:")?)?,
            kind: part("type:")?,
        };
        (sealed.nonce.len() == 32 && sealed.tag.len() == 16).then_some(sealed)
    }
}
