//! In: an identity of age, a file sealed to its recipient. Out: what was sealed.
//! Guarantee: all or nothing: what was changed on the way is an error; keys are neither printed nor kept elsewhere.
//!
//! Why here: of age's format (age-encryption.org/v1) SOPS uses one recipient type and files of 32 bytes, which takes a
//! hundredth of what the whole format needs.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use std::fmt;
use x25519_dalek::{PublicKey, StaticSecret};

/// How age marks its text form.
const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

/// The first line of age's format.
const VERSION: &str = "age-encryption.org/v1";

/// The context of the key that wraps the file's.
const WRAP: &[u8] = b"age-encryption.org/v1/X25519";

/// How many bytes the key of a file has.
const FILE_KEY_BYTES: usize = 16;

/// A chunk of a payload with its tag; what SOPS seals has 32 bytes, and is one.
const CHUNK_BYTES_MAX: usize = 64 * 1024 + 16;

/// A key with which files can be opened.
#[derive(Clone)]
pub struct Identity {
    secret: StaticSecret,
    recipient: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient)
    }
}

impl Identity {
    /// Reads the identities of a file, as `age-keygen` writes it: one a line, between comments.
    pub fn read(text: &str) -> Result<Vec<Self>, &'static str> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (prefix, bytes) = bech32(text).ok_or("expected `AGE-SECRET-KEY-1…` in each line, found another text")?;
        let secret: [u8; 32] = bytes.try_into().map_err(|_| "an identity has not 32 bytes")?;
        if prefix != "age-secret-key-" {
            return Err("expected a secret key, found another kind");
        }
        let secret = StaticSecret::from(secret);
        let recipient = encode_bech32("age", PublicKey::from(&secret).as_bytes());
        Ok(Self { secret, recipient })
    }

    /// Returns the recipient to which files are sealed that it opens.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Opens a file in age's text form.
    pub fn open(&self, armored: &str) -> Result<Vec<u8>, &'static str> {
        let inner = armored.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let inner: String = inner.ok_or("it is not in age's text form")?.split_whitespace().collect();
        let bytes = STANDARD.decode(inner).map_err(|_| "it is not in age's text form")?;
        let header = Header::read(&bytes).ok_or("its header cannot be read")?;
        let file_key = header.stanzas.iter().find_map(|stanza| self.unwrap(stanza));
        let file_key = file_key.ok_or("it is sealed to other keys")?;
        let expected = hkdf(&file_key, &[], b"header");
        let mut mac = Hmac::<Sha256>::new_from_slice(&expected).map_err(|_| "its key is none")?;
        mac.update(header.signed);
        mac.verify_slice(&header.mac).map_err(|_| "its header was changed")?;
        let (nonce, chunk) = header.payload.split_at_checked(16).ok_or("it ends before its end")?;
        if chunk.len() > CHUNK_BYTES_MAX {
            return Err("it holds more than a key");
        }
        // One chunk, which is the last: a counter of nought, and the mark of the last.
        let mut last = [0; 12];
        last[11] = 1;
        decrypt(&hkdf(&file_key, nonce, b"payload"), last, chunk).ok_or("it was changed")
    }

    fn unwrap(&self, stanza: &Stanza) -> Option<Vec<u8>> {
        let share: [u8; 32] = stanza.share.as_slice().try_into().ok()?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(share));
        if !shared.was_contributory() {
            return None;
        }
        let salt = [share.as_slice(), PublicKey::from(&self.secret).as_bytes()].concat();
        let key = decrypt(&hkdf(shared.as_bytes(), &salt, WRAP), [0; 12], &stanza.body)?;
        (key.len() == FILE_KEY_BYTES).then_some(key)
    }
}

/// Something wrapped for one recipient.
struct Stanza {
    share: Vec<u8>,
    body: Vec<u8>,
}

struct Header<'a> {
    stanzas: Vec<Stanza>,
    /// All that the header's code is over.
    signed: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (mut at, mut stanzas) = (0, Vec::new());
        let line = |at: &mut usize| -> Option<&'a str> {
            let rest = bytes.get(*at..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            *at += end + 1;
            std::str::from_utf8(rest.get(..end)?).ok()
        };
        if line(&mut at)? != VERSION {
            return None;
        }
        loop {
            let start = at;
            let text = line(&mut at)?;
            if let Some(mac) = text.strip_prefix("--- ") {
                let signed = bytes.get(..start + 3)?;
                let mac = STANDARD_NO_PAD.decode(mac).ok()?;
                return Some(Self { stanzas, signed, mac, payload: bytes.get(at..)? });
            }
            let share = text.strip_prefix("-> ")?;
            // A body ends with the first line that is not full.
            let mut body = String::new();
            loop {
                let part = line(&mut at)?;
                body.push_str(part);
                if part.len() < 64 {
                    break;
                }
            }
            if let Some(share) = share.strip_prefix("X25519 ") {
                stanzas.push(Stanza {
                    share: STANDARD_NO_PAD.decode(share).ok()?,
                    body: STANDARD_NO_PAD.decode(body).ok()?,
                });
            }
        }
    }
}

/// HKDF of RFC 5869 with SHA-256, for a key of 32 bytes.
fn hkdf(key: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mac = |key: &[u8], parts: &[&[u8]]| -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    mac(&mac(salt, &[key]), &[info, &[1]])
}

fn decrypt(key: &[u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let mut bytes = sealed.to_vec();
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).ok()?;
    Some(opened.to_vec())
}

/// The alphabet of bech32 (BIP 173).
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn checksum(prefix: &str, values: impl IntoIterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    high.chain([0]).chain(low).chain(values).fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let sum = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        GENERATOR.iter().enumerate().fold(sum, |sum, (at, part)| if (top >> at) & 1 == 1 { sum ^ part } else { sum })
    })
}

/// Regroups bits; what is left over has to be padding.
fn regroup(values: &[u8], from: u32, to: u32, pads: bool) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut found) = (0u32, 0, Vec::new());
    for value in values {
        bits = (bits << from) | u32::from(*value);
        count += from;
        while count >= to {
            count -= to;
            found.push(u8::try_from((bits >> count) & ((1 << to) - 1)).ok()?);
        }
        bits &= (1 << count) - 1;
    }
    match (pads, count) {
        (true, 1..) => found.push(u8::try_from((bits << (to - count)) & ((1 << to) - 1)).ok()?),
        (false, _) if count >= from || bits != 0 => return None,
        _ => {}
    }
    Some(found)
}

/// Reads a text of bech32: its prefix, and its bytes.
fn bech32(text: &str) -> Option<(String, Vec<u8>)> {
    let is_mixed =
        text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.bytes().any(|byte| byte.is_ascii_uppercase());
    let text = (!is_mixed).then(|| text.to_ascii_lowercase())?;
    let (prefix, rest) = text.rsplit_once('1')?;
    let value = |byte: u8| ALPHABET.iter().position(|other| *other == byte).and_then(|at| u8::try_from(at).ok());
    let values: Vec<u8> = rest.bytes().map(value).collect::<Option<_>>()?;
    let data = values.get(..values.len().checked_sub(6)?)?;
    let is_right = checksum(prefix, values.iter().copied()) == 1;
    is_right.then(|| Some((prefix.to_owned(), regroup(data, 5, 8, false)?)))?
}

fn encode_bech32(prefix: &str, bytes: &[u8]) -> String {
    let data = regroup(bytes, 8, 5, true).unwrap_or_default();
    let sum = checksum(prefix, data.iter().copied().chain([0; 6])) ^ 1;
    let check = (0..6).map(|at| u8::try_from((sum >> (5 * (5 - at))) & 31).unwrap_or_default());
    let chars = data.iter().copied().chain(check).map(|value| char::from(ALPHABET[usize::from(value)]));
    std::iter::once(prefix.to_owned()).chain(["1".to_owned()]).chain(chars.map(String::from)).collect()
}

/// A key that nothing in the tests is sealed to.
#[cfg(test)]
pub(super) const OTHER_FOR_TESTS: &str = "other";

/// Returns an identity, a key of a document, and that key sealed to the identity, as age seals it.
#[cfg(test)]
pub(super) fn sealed_for_tests(seed: &str) -> (Identity, Vec<u8>, String) {
    use sha2::Digest;
    let bytes = |label: &str| -> [u8; 32] { Sha256::digest(format!("{seed} {label}")).into() };
    let text = encode_bech32("age-secret-key-", &bytes("secret")).to_uppercase();
    let identity = Identity::parse(&text).expect("it is an identity");
    let (key, file_key, nonce) = (bytes("data"), bytes("file"), bytes("nonce"));
    let (file_key, nonce) = (&file_key[..FILE_KEY_BYTES], &nonce[..16]);
    let ephemeral = StaticSecret::from(bytes("ephemeral"));
    let (share, own) = (PublicKey::from(&ephemeral), PublicKey::from(&identity.secret));
    let salt = [share.as_bytes().as_slice(), own.as_bytes()].concat();
    let wrap = hkdf(ephemeral.diffie_hellman(&own).as_bytes(), &salt, WRAP);
    let body = encrypt(&wrap, [0; 12], file_key);
    let head = format!(
        "{VERSION}\n-> X25519 {}\n{}\n---",
        STANDARD_NO_PAD.encode(share.as_bytes()),
        STANDARD_NO_PAD.encode(body)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&hkdf(file_key, &[], b"header")).expect("HMAC takes any key");
    mac.update(head.as_bytes());
    let mut last = [0; 12];
    last[11] = 1;
    let payload = encrypt(&hkdf(file_key, nonce, b"payload"), last, &key);
    let head = format!("{head} {}\n", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()));
    let file = [head.as_bytes(), nonce, &payload].concat();
    let lines: Vec<String> =
        STANDARD.encode(file).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    (identity, key.to_vec(), format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")))
}

#[cfg(test)]
fn encrypt(key: &[u8; 32], nonce: [u8; 12], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("it has 32 bytes"));
    let mut bytes = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).expect("it is short");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_knows_its_recipient() {
        // The example of age's own documentation of formats: a secret of bytes that count up.
        let secret: Vec<u8> = (0..32).collect();
        let text = encode_bech32("age-secret-key-", &secret).to_uppercase();
        let identity = Identity::parse(&text).expect("it is an identity");
        assert!(identity.recipient().starts_with("age1"), "{}", identity.recipient());
        assert_eq!(bech32(identity.recipient()).map(|(prefix, bytes)| (prefix, bytes.len())), Some(("age".into(), 32)));
        assert_eq!(format!("{identity:?}"), format!("Identity({})", identity.recipient()), "the key is not shown");
    }

    #[test]
    fn a_wrong_letter_is_seen() {
        let text = encode_bech32("age-secret-key-", &[7; 32]).to_uppercase();
        let mut wrong = text.clone().into_bytes();
        wrong[20] = if wrong[20] == b'Q' { b'P' } else { b'Q' };
        let wrong = String::from_utf8(wrong).expect("it is ASCII");
        assert!(Identity::parse(&text).is_ok() && Identity::parse(&wrong).is_err());
        assert_eq!(Identity::read("# created: today\n\n").map(|all| all.len()), Ok(0), "comments are no keys");
    }
}
