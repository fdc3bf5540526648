//! In: layers, sites and objects. Out: paths inside a target's directory, with `/` between the parts.
//! Guarantee: any name gives plain parts of at most 255 bytes; two objects, sites or layers never share a path.
use crate::decide::document::Site;
use crate::decide::value::{Domain, Hasher};
use crate::name::{LayerName, ObjectId};
use std::fmt::Write as _;

/// The folder that holds what is not an object.
pub const OWN_FOLDER: &str = ".stratify-target";
/// The record.
pub const RECORD: &str = ".stratify-target/record.json";
/// The directory's identity.
pub const IDENTITY: &str = ".stratify-target/uid";
/// The file whose lock a writer of the record holds.
pub const LOCK: &str = ".stratify-target/lock";

/// The folder of objects that go to the management site; no layer has such a name.
const MANAGEMENT: &str = "_management";
/// The folder of objects without a namespace; no escaped namespace begins so.
const CLUSTER: &str = "_cluster";
/// The folder of an empty namespace, which only a faulty manifest has.
const EMPTY: &str = "_";

/// File systems take 255 bytes in a part; this leaves room for an extension and for the prefix of a temporary file.
const PART_BYTES_MAX: usize = 200;
/// How much of a longer part is kept, for people; with the digest it stays below the limit above.
const KEPT_BYTES: usize = 120;

/// Returns where a layer's inventory stands.
pub fn inventory_path(layer: &LayerName) -> String {
    format!("{OWN_FOLDER}/inventory/{layer}.json")
}

/// Returns the layer whose inventory a file in the inventories' folder is, if it is one.
pub fn inventory_layer(file: &str) -> Option<LayerName> {
    LayerName::new(file.strip_suffix(".json")?).ok()
}

/// Returns where an object stands: `<layer>/<namespace or _cluster>/<kind>[.<group>]_<name>.yaml`.
pub fn object_path(layer: &LayerName, site: Site, object: &ObjectId) -> String {
    let site = if site == Site::Management { format!("{MANAGEMENT}/") } else { String::new() };
    let folder = match object.namespace.as_deref() {
        None => CLUSTER.into(),
        Some("") => EMPTY.into(),
        Some(namespace) => cut(escape(namespace, "-."), namespace),
    };
    // Neither kind nor group keeps an `_`, and the kind no `.`, so each part ends where it seems to.
    let mut file = escape_kind(&object.kind);
    if !object.group.is_empty() {
        let _ = write!(file, ".{}", escape(&object.group, "-."));
    }
    let _ = write!(file, "_{}", escape(&object.name, "-._"));
    let whole = format!("{}\0{}\0{}", object.kind, object.group, object.name);
    format!("{site}{layer}/{folder}/{}.yaml", cut(file, &whole))
}

/// Keeps lower-case letters, digits and `plain`; all else becomes `%` and two digits a byte. Upper-case letters too,
/// since some file systems do not tell case; a leading `.` too, since such files are hidden.
pub(super) fn escape(text: &str, plain: &str) -> String {
    escape_where(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || plain.contains(c))
}

/// Keeps a kind's letters as they are: no API group has two kinds that differ in case only.
fn escape_kind(kind: &str) -> String {
    escape_where(kind, |c| c.is_ascii_alphanumeric())
}

fn escape_where(text: &str, is_plain: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if is_plain(c) && !(at == 0 && c == '.') {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02x}");
            }
        }
    }
    out
}

/// Reads what [`escape`] wrote.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Cuts a part that is too long, and adds a digest of `whole`; `~` is escaped everywhere else.
fn cut(mut part: String, whole: &str) -> String {
    if part.len() <= PART_BYTES_MAX {
        return part;
    }
    part.truncate(KEPT_BYTES); // it is ASCII
    let mut hasher = Hasher::new(Domain("path/1"));
    hasher.bytes(whole.as_bytes());
    let _ = write!(part, "~{}", hasher.finish());
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RepoPath;
    use proptest::prelude::*;

    fn id(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
        ObjectId { group: group.into(), kind: kind.into(), namespace: namespace.map(Into::into), name: name.into() }
    }

    fn path(site: Site, object: &ObjectId) -> String {
        object_path(&LayerName::new("web").expect("it is a label"), site, object)
    }

    #[test]
    fn people_find_an_object_by_its_names() {
        let deployment = id("apps", "Deployment", Some("shop"), "web");
        assert_eq!(path(Site::Workload, &deployment), "web/shop/Deployment.apps_web.yaml");
        let role = id("rbac.authorization.k8s.io", "ClusterRole", None, "system:Node");
        let expected = "_management/web/_cluster/ClusterRole.rbac.authorization.k8s.io_system%3a%4eode.yaml";
        assert_eq!(path(Site::Management, &role), expected, "the site and the cluster's scope are folders");
    }

    #[test]
    fn objects_that_look_alike_have_paths_of_their_own() {
        let alike = [
            id("", "A", None, "b"),
            id("", "A", Some(""), "b"),
            id("", "A", Some("_cluster"), "b"),
            id("x", "A", None, "b"),
            id("", "A.x", None, "b"),
            id("", "A", None, "x_b"),
            id("", "A_x", None, "b"),
            id("x_b", "A", None, ""),
            id("", "A", None, "B"),
            id("", "A", None, "%42"),
            id("", "A", None, &"l".repeat(300)),
            id("", "A", None, &format!("{}m", "l".repeat(299))),
        ];
        let paths: std::collections::BTreeSet<String> =
            alike.iter().map(|object| path(Site::Workload, object).to_ascii_lowercase()).collect();
        assert_eq!(paths.len(), alike.len(), "no two share a path, not even without case: {paths:#?}");
    }

    proptest! {
        #[test]
        fn any_name_gives_a_path_that_stays_inside(namespace in ".{1,300}", kind in ".{0,99}", name in ".{0,300}") {
            let path = path(Site::Workload, &id("", &kind, Some(&namespace), &name));
            prop_assert!(RepoPath::new(&path).is_ok(), "it is plain: {path}");
            prop_assert!(path.split('/').all(|part| part.len() <= 255), "file systems take it: {path}");
            prop_assert_eq!(path.split('/').count(), 3, "no name adds a folder");
        }

        #[test]
        fn what_was_escaped_is_read_back(text in ".*") {
            prop_assert_eq!(unescape(&escape(&text, "-._")), Some(text));
        }
    }
}
