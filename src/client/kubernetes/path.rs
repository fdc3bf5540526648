//! In: a kind as the server serves it, a namespace, a name. Out: the path of a request.
//! Guarantee: a name stays one part of the path, whatever it holds.
use super::kinds::Kind;
use std::fmt::Write as _;

/// Where an object is, or objects of a kind are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPath {
    /// The path, without a query.
    pub(super) path: String,
    /// The object's name; empty for all of a kind.
    pub(super) name: String,
}

impl ObjectPath {
    /// Returns the path of an object at a version of its kind.
    pub fn object(kind: &Kind, version: &str, namespace: Option<&str>, name: &str) -> Self {
        let mut path = root(kind, version, namespace);
        path.push('/');
        encode(name, &mut path);
        Self { path, name: name.into() }
    }

    /// Returns the path of all objects of a kind; without a namespace, of all namespaces.
    pub fn all(kind: &Kind, namespace: Option<&str>) -> Self {
        Self { path: root(kind, &kind.version, namespace), name: String::new() }
    }

    /// Returns the path of a Secret, which every server has.
    pub fn secret(namespace: &str, name: &str) -> Self {
        let mut path = format!("/api/v1/namespaces/{namespace}/secrets");
        if !name.is_empty() {
            path.push('/');
            encode(name, &mut path);
        }
        Self { path, name: name.into() }
    }

    /// Returns the path of a namespace, which every server has; without a name, of all.
    pub fn namespace(name: &str) -> Self {
        let path = if name.is_empty() { "/api/v1/namespaces".into() } else { format!("/api/v1/namespaces/{name}") };
        Self { path, name: name.into() }
    }
}

fn root(kind: &Kind, version: &str, namespace: Option<&str>) -> String {
    let mut path = if kind.group.is_empty() { "/api".into() } else { format!("/apis/{}", kind.group) };
    let _ = write!(path, "/{version}");
    if let Some(namespace) = namespace.filter(|_| kind.is_namespaced) {
        path.push_str("/namespaces/");
        encode(namespace, &mut path);
    }
    let _ = write!(path, "/{}", kind.resource);
    path
}

/// Encodes all but the characters that RFC 3986 leaves bare, and `:`, which names of roles hold.
pub(super) fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part() {
        let kind = Kind {
            group: "rbac.authorization.k8s.io".into(),
            kind: "ClusterRole".into(),
            resource: "clusterroles".into(),
            version: "v1".into(),
            versions: vec!["v1".into()],
            is_namespaced: false,
        };
        let path = ObjectPath::object(&kind, "v1", Some("ignored"), "system:a b?c/d");
        assert_eq!(path.path, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b%3Fc%2Fd");
    }
}
