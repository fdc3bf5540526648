//! In: the first line of an object's file. Out: whose file it is, which manifest it holds, whether its body is as written.
//! Guarantee: a file without a line of exactly our form is nobody's; one that was edited is ours still, and not intact.
use super::path::{escape, unescape};
use crate::decide::value::{Digest, Domain, Hasher};
use crate::name::{ClusterName, LayerName};

/// How the line begins; another version of the form would begin otherwise.
const BEGIN: &str = "# stratify: ";

/// The most bytes of the line: the names' limits with every byte escaped stay below.
const LINE_BYTES_MAX: usize = 4096;

/// What the first line of an object's file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The fleet.
    pub fleet: String,
    /// The cluster.
    pub cluster: ClusterName,
    /// The layer.
    pub layer: LayerName,
    /// The digest of the manifest that was written.
    pub digest: Digest,
    /// The digest of the text below the line, as it was written.
    pub body: Digest,
}

/// Returns the line, with its end.
pub(super) fn line(fleet: &str, cluster: &str, layer: &str, digest: Digest, body: &str) -> String {
    let [fleet, cluster, layer] = [fleet, cluster, layer].map(|name| escape(name, "-._"));
    let body = body_digest(body.as_bytes());
    format!("{BEGIN}fleet={fleet} cluster={cluster} layer={layer} digest={digest} body={body}\n")
}

/// Returns whose file this is: the proof of ownership, taken from nothing but the first line.
pub fn owner_of(bytes: &[u8]) -> Option<Owner> {
    let end = bytes.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut fields = line.strip_prefix(BEGIN)?.split(' ');
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
    let owner = Owner {
        fleet: unescape(field("fleet")?)?,
        cluster: ClusterName::new(&unescape(field("cluster")?)?).ok()?,
        layer: LayerName::new(&unescape(field("layer")?)?).ok()?,
        digest: Digest::parse(field("digest")?)?,
        body: Digest::parse(field("body")?)?,
    };
    fields.next().is_none().then_some(owner)
}

/// Whether the text below the line is what was written.
pub fn intact(bytes: &[u8]) -> bool {
    let body = bytes.iter().position(|byte| *byte == b'\n').and_then(|end| bytes.get(end + 1..));
    owner_of(bytes).zip(body).is_some_and(|(owner, body)| owner.body == body_digest(body))
}

fn body_digest(body: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Domain("body/1"));
    hasher.bytes(body);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::{encode_object, manifest_digest};
    use super::*;
    use crate::decide::value::{Map, Value};

    fn file() -> (Value, Vec<u8>) {
        let manifest = Value::map(Map::from_iter([("kind", Value::string("Job"))]));
        let bytes = encode_object(&manifest, "Acme & Co", "eu-1", "web");
        (manifest, bytes)
    }

    #[test]
    fn a_file_proves_whose_it_is() {
        let (manifest, bytes) = file();
        let owner = owner_of(&bytes).expect("it was just written");
        assert_eq!((&*owner.fleet, owner.cluster.as_str(), owner.layer.as_str()), ("Acme & Co", "eu-1", "web"));
        assert_eq!(owner.digest, manifest_digest(&manifest), "it names the manifest");
        assert!(intact(&bytes), "nobody edited it");
    }

    #[test]
    fn an_edited_file_is_ours_and_not_intact() {
        let (_, mut bytes) = file();
        bytes.extend_from_slice(b"more: 1\n");
        assert!(owner_of(&bytes).is_some(), "its first line is as it was");
        assert!(!intact(&bytes), "its body is not");
    }

    #[test]
    fn a_file_without_our_exact_line_is_nobodys() {
        let (_, bytes) = file();
        let text = String::from_utf8(bytes).expect("it is a text");
        for other in [
            String::new(),
            "kind: Job\n".into(),
            format!("\n{text}"),
            text.replace(" layer=", " layers="),
            text.replace(" body=", " more=1 body="),
            text.replace("eu-1", "EU"),
            text.replacen('\n', " x\n", 1),
        ] {
            assert_eq!(owner_of(other.as_bytes()), None, "{other}");
            assert!(!intact(other.as_bytes()), "nor is it intact: {other}");
        }
    }
}
