//! In: an object, a registry. Out: the object with the images of its containers in that registry, as Zarf names them there.
//! Guarantee: an image that is there already keeps its name; one that is no reference is left as it is.
//!
//! The source of the rule: `ImageTransformHost` of Zarf (src/pkg/transform/image.go).
use crate::decide::value::{Map, Value};

/// The lists whose items have an image.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The polynomial of CRC-32 as IEEE has it, its bits reversed.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// Renames the images of all containers of an object.
pub(super) fn in_registry(value: &Value, registry: &str) -> Value {
    match value {
        Value::Map(map) => {
            let entry = |(key, value): (&std::sync::Arc<str>, &Value)| match value.as_list() {
                Some(items) if CONTAINERS.contains(&&**key) => {
                    (key.clone(), Value::list(items.iter().map(|item| container(item, registry)).collect()))
                }
                _ => (key.clone(), in_registry(value, registry)),
            };
            map.iter().map(entry).collect::<Map>().into()
        }
        Value::List(items) => Value::list(items.iter().map(|item| in_registry(item, registry)).collect()),
        value => value.clone(),
    }
}

fn container(item: &Value, registry: &str) -> Value {
    let mut item = item.clone();
    let renamed = item.get("image").and_then(Value::as_str).and_then(|image| renamed(image, registry));
    if let Some(renamed) = renamed {
        item.make_map().insert("image".into(), Value::string(&renamed));
    }
    item
}

/// Returns the name that an image has in a registry; none where it keeps its own.
fn renamed(image: &str, registry: &str) -> Option<String> {
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let colon = rest.get(slash..)?.find(':').map(|at| slash + at);
    let (name, tag) = colon.map_or((rest, None), |at| (rest.get(..at).unwrap_or(rest), rest.get(at + 1..)));
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
        _ if name.contains('/') => ("docker.io", name.to_owned()),
        _ => ("docker.io", format!("library/{name}")),
    };
    if path.is_empty() || registry.starts_with(host) {
        return None;
    }
    Some(match digest {
        Some(digest) => format!("{registry}/{path}@{digest}"),
        None => format!("{registry}/{path}:{}-zarf-{}", tag.unwrap_or("latest"), checksum(&format!("{host}/{path}"))),
    })
}

fn checksum(text: &str) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
    !text.bytes().fold(!0_u32, |sum, byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| step(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_renamed_as_zarf_does() {
        let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        for (image, expected) in [
            ("nginx", Some("registry.site:5000/library/nginx:latest-zarf-3793515731".to_owned())),
            ("nginx:1.23.3", Some("registry.site:5000/library/nginx:1.23.3-zarf-3793515731".to_owned())),
            (
                "defenseunicorns/zarf-agent:v0.22.1",
                Some("registry.site:5000/defenseunicorns/zarf-agent:v0.22.1-zarf-4283503412".to_owned()),
            ),
            (&format!("quay.io/a/b:1@{digest}"), Some(format!("registry.site:5000/a/b@{digest}"))),
            ("registry.site:5000/a:1", None),
        ] {
            assert_eq!(renamed(image, "registry.site:5000"), expected, "{image}");
        }
    }
}
