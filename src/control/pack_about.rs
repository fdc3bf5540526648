//! In: the folder of one pack. Out: what it is, in lines for people.
//! Guarantee: from its own files, by the readers of a sync.
use super::pack_trial::Files;
use crate::decide::document::{
    Constraint, ConstraintKind, File, Fragment, Pack, PackLifecycle, Preset, Resource, ValuesSchema, read_presets,
};
use crate::decide::profile::role_word;
use crate::decide::value::Fault;
use crate::name::RepoPath;
use std::sync::Arc;

/// What a pack is.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its name and version.
    pub name: String,
    /// In whose format it is.
    pub format: &'static str,
    /// Whether it may be used.
    pub lifecycle: String,
    /// The role and the clouds that it is for.
    pub for_what: Vec<String>,
    /// What it says of others.
    pub constraints: Vec<String>,
    /// Its presets, by group.
    pub presets: Vec<String>,
    /// The rules of its values.
    pub rules: Vec<String>,
    /// Its charts.
    pub charts: Vec<String>,
    /// Its manifests.
    pub manifests: Vec<String>,
    /// Whatever it notes.
    pub annotations: Vec<String>,
}

/// Reads what a pack is.
pub fn about(files: &Files) -> Result<About, Fault> {
    let pack = files.pack()?;
    let inside = |name: &str| files.document(name, &pack);
    let presets: Vec<Preset> = match inside("presets.yaml").filter(|_| pack.palette.is_some()) {
        Some(file) => read_presets(&file?)?.0,
        None => pack.presets.clone(),
    };
    let rules = match inside("schema.yaml").filter(|_| pack.palette.is_some()) {
        Some(file) => ValuesSchema::read(&file?)?.0.rules.iter().map(rule).collect(),
        None => Vec::new(),
    };
    let (charts, manifests) = match &pack.palette {
        Some(palette) => (texts(&palette.charts), texts(&palette.manifests)),
        None => (Vec::new(), texts(&pack.manifests)),
    };
    let role = pack.role.map(|role| format!("layers of role {}", role_word(role)));
    let clouds =
        if pack.clouds.is_empty() { "all clouds".into() } else { format!("the clouds {}", pack.clouds.join(", ")) };
    Ok(About {
        name: format!("{}@{}", pack.name, pack.version),
        format: if pack.palette.is_some() { "of Palette" } else { "of ours" },
        lifecycle: lifecycle(&pack.lifecycle),
        for_what: role.into_iter().chain([clouds]).collect(),
        constraints: pack.constraints.iter().map(constraint).chain(pack.resources.iter().map(resource)).collect(),
        presets: presets.iter().map(preset).collect(),
        rules,
        charts,
        manifests,
        annotations: annotations(&pack),
    })
}

/// Returns the text of a file of a pack.
pub fn text_of(files: &Files, name: &str) -> Option<String> {
    files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

impl Files {
    /// Returns a YAML file of a pack, if it has it.
    fn document(&self, name: &str, pack: &Pack) -> Option<Result<Arc<File>, Fault>> {
        let bytes = self.get(name)?;
        let path = RepoPath::new(&format!("packs/{}/{}/{name}", pack.name, pack.version)).ok()?;
        Some(File::read_one(&path, crate::name::BlobId([0; 20]), bytes).map_err(Fault::from))
    }
}

fn texts(parts: &[Fragment]) -> Vec<String> {
    parts.iter().map(|part| part.text().to_owned()).collect()
}

fn annotations(pack: &Pack) -> Vec<String> {
    let root = pack.file.part(pack.file.root());
    let part = root.get("annotations").or_else(|| root.get("spec")?.get("annotations"));
    let line = |(key, value): (Fragment, Fragment)| format!("{}: {}", key.text(), value.text());
    part.map(|part| part.entries().map(line).collect()).unwrap_or_default()
}

fn lifecycle(lifecycle: &PackLifecycle) -> String {
    let more = |message: &Option<Arc<str>>| message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    match lifecycle {
        PackLifecycle::Active => "active".into(),
        PackLifecycle::Deprecated(message) => format!("deprecated{}", more(message)),
        PackLifecycle::Ended(state, message) => format!("{state}{}", more(message)),
    }
}

fn constraint(constraint: &Constraint) -> String {
    let word = match constraint.kind {
        ConstraintKind::Required => "needs",
        ConstraintKind::Optional => "works with",
        ConstraintKind::NotSupported => "does not work beside",
        ConstraintKind::Upgrade => "goes in the place of",
    };
    let range = match (&constraint.min, &constraint.max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" up to {max}"),
        (None, None) => String::new(),
    };
    format!("{word} {}{range}", constraint.pack)
}

fn resource(resource: &Resource) -> String {
    let unit = match (&*resource.kind, resource.units) {
        ("cpu", 1) => "cores",
        ("cpu", _) => "thousandths of a core",
        (_, 1024) => "MiB",
        _ => "GiB",
    };
    if resource.components.is_empty() {
        format!("needs {} {unit} of {}", resource.minimum, resource.kind)
    } else {
        format!("needs {} by its values", resource.kind)
    }
}

fn preset(preset: &Preset) -> String {
    match &preset.group {
        Some(group) => format!("{} (one of group {group})", preset.name),
        None => preset.name.to_string(),
    }
}

fn rule(rule: &crate::decide::document::Rule) -> String {
    let mut words = Vec::new();
    words.extend(rule.required.then(|| "has to be set".to_owned()));
    words.extend(rule.readonly.then(|| "is the pack's own".to_owned()));
    words.extend(rule.format.as_ref().map(crate::decide::document::Form::words));
    words.extend(rule.hints.first().map(|hint| format!("“{hint}”")));
    format!("{}: {}", rule.path.join("."), words.join(", "))
}
