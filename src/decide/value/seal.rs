//! In: values that nobody may see, and the installation's key. Out: leaves that compare and digest by their HMAC.
//! Guarantee: no `Debug`, `Display` or digest shows them; only [`Sensitive::expose`] does, for what is given to a cluster.
use super::{Value, canonical};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;

/// How many bytes of the HMAC a mark shows: enough to tell two values apart, useless for guessing them.
const MARK_BYTES: usize = 6;

/// What stands for any value that was made up by chance; no JSON, so that it stands for nothing else.
const GENERATED: &[u8] = b"generated";

/// The installation's key, under which sensitive values enter ids.
#[derive(Clone)]
pub struct Seal(Arc<[u8]>);

impl Seal {
    /// Takes the installation's key.
    pub fn new(key: &[u8]) -> Self {
        Self(key.into())
    }

    /// Makes `value` sensitive; what is so already stays as it is.
    pub fn seal(&self, value: Value) -> Value {
        if let Value::Sensitive(_) = value {
            return value;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(canonical(&value).as_bytes());
        Value::Sensitive(Sensitive(Arc::new((mac.finalize().into_bytes().into(), value))))
    }

    /// Makes sensitive what was made up by chance: one such value compares, digests and prints as any other.
    pub fn generated(&self, value: Value) -> Value {
        let value = match value {
            Value::Sensitive(sensitive) => sensitive.expose().clone(),
            value => value,
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(GENERATED);
        Value::Sensitive(Sensitive(Arc::new((mac.finalize().into_bytes().into(), value))))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(<key>)")
    }
}

/// A value that no output shows, with its HMAC.
///
/// Both stand apart: next to no value is one, and each would be as large as this is.
#[derive(Clone)]
pub struct Sensitive(Arc<([u8; 32], Value)>);

impl Sensitive {
    /// Returns the value itself; for expressions, templates and the cluster, never for an output.
    pub fn expose(&self) -> &Value {
        &self.0.1
    }

    /// Returns another value that nobody may see either, for which the same stands.
    #[must_use]
    pub fn holding(&self, value: Value) -> Self {
        Self(Arc::new((self.0.0, value)))
    }

    /// Returns what stands for it in every output and digest.
    pub fn mark(&self) -> String {
        use fmt::Write as _;
        let shown = self.0.0.iter().take(MARK_BYTES);
        let hex = shown.fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        format!("<sensitive:{hex}>")
    }

    /// Returns its HMAC, which stands for it in digests.
    pub fn mac(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl PartialEq for Sensitive {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mark())
    }
}
