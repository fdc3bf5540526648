//! In: a value and what it is. Out: the value with its digest, by which it is compared.
//! Guarantee: the digest is of the value, and is computed once; a value that is forgotten reads as null.
use super::{Digest, Domain, Value, digest_of};
use std::fmt;
use std::ops::Deref;

/// A value with its digest.
///
/// **Invariant:** two of them are compared only where both were digested in one domain.
#[derive(Clone)]
pub struct Digested {
    digest: Digest,
    value: Value,
}

impl Digested {
    /// Digests a value.
    pub fn new(domain: Domain, value: Value) -> Self {
        Self { digest: digest_of(domain, &value), value }
    }

    /// Returns what is left of a value of which only the digest was remembered.
    pub fn remembered(digest: Digest) -> Self {
        Self { digest, value: Value::Null }
    }

    /// Returns the digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the value; null where only the digest was remembered.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl Deref for Digested {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl PartialEq for Digested {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
