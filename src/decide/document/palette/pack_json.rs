//! In: a `pack.json`. Out: a Pack, with its charts and manifests.
//! Guarantee: name and version are those of its folders; what asks for something that is never run is told where it stands.
use crate::decide::document::LayerRole;
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::nearest::nearest;
use crate::decide::document::typed::{
    Component, Constraint, ConstraintKind, Nodes, OTHER_VERSION, Pack, PackLifecycle, Resource, check_name_of,
};
use crate::decide::value::{Checked, Diagnostic};
use std::borrow::Cow;
use std::sync::Arc;

/// What a pack of Palette has beside what all packs have.
#[derive(Clone, Debug)]
pub struct Palette {
    /// Its charts: archives, relative to its folder.
    pub charts: Vec<Fragment>,
    /// Its manifests, templates over `manifests` of its values, relative to its folder.
    pub manifests: Vec<Fragment>,
    /// Ansible roles, which are never run.
    pub roles: Option<Fragment>,
}

/// Fields that packs have; the last ones only describe.
const FIELDS: [&str; 17] = [
    "name",
    "displayName",
    "version",
    "layer",
    "group",
    "cloudTypes",
    "eol",
    "addonType",
    "addonSubType",
    "ansibleRoles",
    "charts",
    "kubeManifests",
    "annotations",
    "constraints",
    "kubeVersion",
    "readme",
    "commit_msg",
];

/// JSON may be indented by tabs, which YAML refuses; in texts of JSON none stands. Each is as long as a space.
pub fn without_tabs(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\t') {
        Cow::Owned(bytes.iter().map(|byte| if *byte == b'\t' { b' ' } else { *byte }).collect())
    } else {
        Cow::Borrowed(bytes)
    }
}

/// Reads a `pack.json`.
pub(in crate::decide::document) fn read_pack(file: Arc<File>, name: &str, version: &str) -> Checked<Pack> {
    let root = file.part(file.root());
    let mut reader = Reader { errors: Vec::new(), warnings: file.duplicate_warnings() };
    for (key, _) in root.entries().filter(|(key, _)| !FIELDS.contains(&key.text())) {
        let message = format!("`{}` of a pack of Palette is unknown", key.text());
        let near = nearest(key.text(), FIELDS);
        reader.warnings.push(Diagnostic::warning(codes::UNKNOWN_FIELD, message).at(key.span()).nearest(near));
    }
    let stated = reader.text(&root, "name");
    reader.errors.extend(stated.and_then(|part| check_name_of(&part, name)));
    if let Some(part) = reader.text(&root, "version") {
        reader.version(&part, version);
    }
    reader.text(&root, "displayName");
    let role = reader.text(&root, "layer").and_then(|part| reader.role(&part));
    let constraints = root.get("constraints");
    let of = |key: &str| list(constraints.as_ref().and_then(|part| part.get(key)));
    let pack = Pack {
        name: name.into(),
        version: version.into(),
        role,
        clouds: clouds(&root),
        constraints: of("dependencies").into_iter().filter_map(|part| reader.constraint(part)).collect(),
        resources: of("resources").into_iter().filter_map(|part| reader.resource(part)).collect(),
        presets: Vec::new(),
        values_schema: None,
        manifests: Vec::new(),
        lifecycle: lifecycle(&root),
        palette: Some(Arc::new(Palette {
            charts: list(root.get("charts")),
            manifests: list(root.get("kubeManifests")),
            roles: root.get("ansibleRoles").filter(|part| part.items().next().is_some()),
        })),
        file,
    };
    if reader.errors.is_empty() { Ok((pack, reader.warnings)) } else { Err(reader.errors) }
}

fn list(part: Option<Fragment>) -> Vec<Fragment> {
    part.map(|part| part.items().collect()).unwrap_or_default()
}

/// Returns a text that says something; packs leave fields empty where they say nothing.
fn said(part: &Fragment, key: &str) -> Option<Arc<str>> {
    part.get(key).filter(|part| part.as_str().is_some_and(|text| !text.is_empty())).map(|part| part.text().into())
}

fn clouds(root: &Fragment) -> Vec<Arc<str>> {
    let clouds: Vec<Arc<str>> = list(root.get("cloudTypes")).iter().map(|part| part.text().into()).collect();
    if clouds.iter().any(|cloud| &**cloud == "all") { Vec::new() } else { clouds }
}

fn lifecycle(root: &Fragment) -> PackLifecycle {
    let annotation = |key: &str| root.get("annotations").and_then(|part| said(&part, key));
    let state = annotation("system_state");
    let end = said(root, "eol").map(|day| Arc::from(format!("its end of life is {day}")));
    let is_disabled = annotation("disabled").is_some_and(|text| &*text == "true");
    match state.as_deref() {
        Some("deprecated") => PackLifecycle::Deprecated(end),
        Some("deleted" | "disabled") => PackLifecycle::Ended(state.unwrap_or_default(), end),
        _ if is_disabled => PackLifecycle::Ended("disabled".into(), end),
        _ => PackLifecycle::Active,
    }
}

struct Reader {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Reader {
    /// Returns a text that has to stand.
    fn text(&mut self, part: &Fragment, key: &str) -> Option<Fragment> {
        let found = part.get(key).filter(|part| part.as_str().is_some_and(|text| !text.is_empty()));
        if found.is_none() {
            let at = part.get(key).unwrap_or_else(|| part.clone());
            let message = format!("a pack of Palette has to have `{key}`");
            self.errors.push(Diagnostic::error(codes::MISSING_FIELD, message).at(at.span()).expected("a text"));
        }
        found
    }

    fn version(&mut self, part: &Fragment, folder: &str) {
        let text = part.text();
        if text.starts_with('v') {
            let said = Diagnostic::error(codes::INVALID_VALUE, "the version of a pack begins with `v`").at(part.span());
            let bare = text.trim_start_matches('v');
            self.errors.push(said.expected(format!("`{bare}`")).hint("name its folder without the `v`, too"));
        } else if text != folder {
            let said = Diagnostic::error(codes::INVALID_VALUE, OTHER_VERSION).at(part.span());
            self.errors.push(said.expected(format!("`{folder}`")).hint("rename the folder or change the version"));
        }
    }

    fn role(&mut self, part: &Fragment) -> Option<LayerRole> {
        let role = role(part.text());
        if role.is_none() {
            let said = Diagnostic::error(codes::INVALID_VALUE, format!("`{}` is no layer here", part.text()));
            self.errors.push(said.at(part.span()).expected("one of: os, k8s, cni, csi, addon"));
        }
        role
    }

    fn constraint(&mut self, part: Fragment) -> Option<Constraint> {
        let pack = self.text(&part, "packName")?.text().into();
        let role = match said(&part, "layer") {
            Some(layer) => Some(self.role(&part.get("layer")?).filter(|_| !layer.is_empty())?),
            None => None,
        };
        let (min, max) = (self.bound(&part, "minVersion"), self.bound(&part, "maxVersion"));
        let kind = match said(&part, "type").as_deref() {
            Some("required") => ConstraintKind::Required,
            Some("optional") => ConstraintKind::Optional,
            Some("notSupported") => ConstraintKind::NotSupported,
            Some("upgrade") => ConstraintKind::Upgrade,
            Some(other) => {
                let said = Diagnostic::error(codes::INVALID_VALUE, format!("`{other}` is no type of a constraint"));
                let expected = "one of: required, optional, notSupported, upgrade";
                self.errors.push(said.at(part.span()).expected(expected));
                return None;
            }
            None => {
                let said = Diagnostic::warning(codes::MISSING_FIELD, "the constraint has no `type`, and says nothing");
                self.warnings.push(said.at(part.span()).expected("one of: required, optional, notSupported, upgrade"));
                return None;
            }
        };
        // Palette skips what names no version; that a required pack is there is asked all the same.
        let is_open = min.is_none() && max.is_none() && kind != ConstraintKind::Required;
        (!is_open).then_some(Constraint { part, pack, role, min, max, kind })
    }

    fn bound(&mut self, part: &Fragment, key: &str) -> Option<Arc<str>> {
        let text = said(part, key)?;
        if crate::decide::document::typed::version(&text).is_none() {
            let at = part.get(key)?.span();
            let said = Diagnostic::error(codes::INVALID_VALUE, format!("`{text}` is no version")).at(at);
            self.errors.push(said.expected("a version such as 1.27 or 1.27.5, without `v`"));
        }
        Some(text)
    }

    fn resource(&mut self, part: Fragment) -> Option<Resource> {
        let kind = self.text(&part, "type")?;
        let (word, units) = match kind.text() {
            "cpu" => ("cpu", 1000),
            "memory" => ("memory", 1024),
            "diskSize" => ("disk", 1),
            other => {
                let said = Diagnostic::error(codes::INVALID_VALUE, format!("`{other}` is no resource of nodes"));
                self.errors.push(said.at(kind.span()).expected("one of: cpu, memory, diskSize"));
                return None;
            }
        };
        let minimum = part.get("minLimit").and_then(|part| part.value().as_i64()).unwrap_or_default();
        let components = list(part.get("components")).into_iter().map(component).collect();
        Some(Resource { kind: word.into(), minimum, each_node: false, units, components, part })
    }
}

fn component(part: Fragment) -> Component {
    Component {
        nodes: match said(&part, "scheduleType").as_deref() {
            Some("master" | "control-plane") => Nodes::ControlPlane,
            Some("worker") => Nodes::Workers,
            _ => Nodes::All,
        },
        request: said(&part, "resourceRequestParamRef"),
        replicas: said(&part, "replicaCountParamRef"),
        part,
    }
}

fn role(layer: &str) -> Option<LayerRole> {
    Some(match layer {
        "os" => LayerRole::Os,
        "k8s" => LayerRole::Kubernetes,
        "cni" => LayerRole::Network,
        "csi" => LayerRole::Storage,
        "addon" => LayerRole::AddOn,
        _ => return None,
    })
}
