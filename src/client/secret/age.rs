//! In: an identity of age, a text sealed to its recipient. Out: what was sealed; and the reverse.
//! Guarantee: all or nothing: what was changed on the way is an error; keys are neither printed nor kept elsewhere.
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519;
use age::{DecryptError, Decryptor, Encryptor};
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;
use std::sync::Arc;

/// The most bytes that a sealed text may hold: what SOPS seals by age is a key of 32.
const SEALED_BYTES_MAX: u64 = 65_536;

/// A key with which texts can be opened.
#[derive(Clone)]
pub struct Identity {
    secret: Arc<x25519::Identity>,
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
        let secret = x25519::Identity::from_str(text);
        secret.map(Self::of).map_err(|_| "expected `AGE-SECRET-KEY-1…` in each line, found another text")
    }

    fn of(secret: x25519::Identity) -> Self {
        Self { recipient: secret.to_public().to_string(), secret: Arc::new(secret) }
    }

    /// Returns the recipient to which texts are sealed that it opens.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Opens a text in age's armored form.
    pub fn open(&self, armored: &str) -> Result<Vec<u8>, &'static str> {
        let sealed = Decryptor::new(ArmoredReader::new(armored.trim().as_bytes())).map_err(|error| why(&error))?;
        let secret: &dyn age::Identity = &*self.secret;
        let opened = sealed.decrypt(std::iter::once(secret)).map_err(|error| why(&error))?;
        let mut bytes = Vec::new();
        opened.take(SEALED_BYTES_MAX).read_to_end(&mut bytes).map_err(|_| "it was changed, or is cut off")?;
        Ok(bytes)
    }

    /// Makes an identity that nothing is sealed to yet.
    #[cfg(test)]
    pub(super) fn generate() -> Self {
        Self::of(x25519::Identity::generate())
    }
}

fn why(error: &DecryptError) -> &'static str {
    match error {
        DecryptError::NoMatchingKeys => "it is sealed to other keys",
        DecryptError::InvalidHeader | DecryptError::InvalidMac | DecryptError::UnknownFormat => {
            "its header cannot be read, or was changed"
        }
        DecryptError::Io(_) => "it is not in age's text form, or ends before its end",
        _ => "it was changed",
    }
}

/// Whom something is sealed to.
#[derive(Clone, Debug)]
pub struct Recipient(x25519::Recipient);

impl Recipient {
    /// Reads a recipient, as `age-keygen` names it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = x25519::Recipient::from_str(text.trim());
        found.map(Self).map_err(|why| format!("expected a recipient of age, `age1…`: {why}"))
    }

    /// Returns its text.
    pub fn name(&self) -> String {
        self.0.to_string()
    }

    /// Seals bytes, in age's armored form.
    pub fn seal(&self, bytes: &[u8]) -> io::Result<String> {
        let recipient: &dyn age::Recipient = &self.0;
        let sealing = Encryptor::with_recipients(std::iter::once(recipient)).map_err(io::Error::other)?;
        let armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut sealed = sealing.wrap_output(armored)?;
        sealed.write_all(bytes)?;
        let text = sealed.finish()?.finish()?;
        String::from_utf8(text).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_with_no_other() {
        let (identity, other) = (Identity::generate(), Identity::generate());
        let sealed =
            Recipient::parse(identity.recipient()).and_then(|it| it.seal(b"hush").map_err(|why| why.to_string()));
        let sealed = sealed.expect("it is a recipient");
        assert_eq!(identity.open(&sealed).as_deref(), Ok(&b"hush"[..]));
        assert_eq!(other.open(&sealed), Err("it is sealed to other keys"));
        assert_eq!(identity.open("hush"), Err("it is not in age's text form, or ends before its end"));
        assert!(identity.open(&sealed[..sealed.len() / 2]).is_err(), "it is cut off");
        assert_eq!(format!("{identity:?}"), format!("Identity({})", identity.recipient()), "the key is not shown");
    }

    #[test]
    fn a_key_file_has_comments_and_keys() {
        assert_eq!(Identity::read("# created: today\n\n").map(|all| all.len()), Ok(0), "comments are no keys");
        assert!(Identity::read("AGE-SECRET-KEY-1QQ").is_err() && Recipient::parse("age1qq").is_err());
    }
}
