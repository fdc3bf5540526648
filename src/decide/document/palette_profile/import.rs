//! In: the JSON of an exported profile, the addresses of its registries. Out: the files of a Profile, and what is to be done.
//! Guarantee: nothing where anything is wrong: each mistake with its line; values stand as Palette has them, byte for byte.
use super::not_kept::not_kept;
use super::scalars::{file_name, free, label, scalar, unique};
use super::variables::Variables;
use super::words::{LAYERS, TYPES, known, ours};
use crate::decide::document::codes;
use crate::decide::document::kind::is_semver;
use crate::decide::document::{File, Fragment};
use crate::decide::value::Diagnostic;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The addresses of registries, by the names that Palette has of them.
pub type Registries = BTreeMap<String, String>;

/// A profile of Palette's, as a Profile of ours.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its name, which is that of its folder.
    pub name: String,
    /// Its files: paths in that folder, and texts.
    pub files: Vec<(String, String)>,
    /// The packs that it names: each as `name@version`, with the registry that Palette has it from.
    pub packs: Vec<(String, Option<String>)>,
    /// The variables whose values are sensitive, and were not exported.
    pub asked: Vec<String>,
    /// What Palette knows and we do not.
    pub lost: Vec<Diagnostic>,
}

/// Reads an exported profile.
pub fn import(file: &Arc<File>, registries: &Registries) -> Result<Imported, Vec<Diagnostic>> {
    let mut import =
        Import { registries, said: Vec::new(), done: Imported::empty(), layers: String::new(), taken: Vec::new() };
    import.profile(&file.part(file.root()));
    if import.said.is_empty() { Ok(import.done) } else { Err(import.said) }
}

impl Imported {
    fn empty() -> Self {
        Self { name: String::new(), files: Vec::new(), packs: Vec::new(), asked: Vec::new(), lost: Vec::new() }
    }
}

struct Import<'a> {
    registries: &'a Registries,
    said: Vec<Diagnostic>,
    done: Imported,
    /// Items of `layers`.
    layers: String,
    /// Names that layers have.
    taken: Vec<String>,
}

impl Import<'_> {
    fn profile(&mut self, root: &Fragment) {
        let Some(metadata) = self.part(root, "metadata") else { return };
        let Some(spec) = self.part(root, "spec") else { return };
        let Some(template) = self.part(&spec, "template") else { return };
        let (Some(name), Some(kind)) = (self.text(&metadata, "name"), self.text(&template, "type")) else { return };
        let version = spec.get("version").map_or_else(|| "1.0.0".to_owned(), |part| part.text().to_owned());
        if !is_semver(&version) {
            self.wrong(
                &spec.get("version").unwrap_or_else(|| spec.clone()),
                "the version is none",
                "a strict semantic version such as 1.4.0",
            );
        }
        let Some(kind) = ours(TYPES, &kind) else {
            let at = template.get("type").unwrap_or_else(|| template.clone());
            return self.wrong(&at, "profiles of this type have no counterpart", &format!("one of: {}", known(TYPES)));
        };
        self.done.name = label(&name);
        for (key, part) in metadata.entries().filter(|(key, part)| key.text() != "name" && !is_empty(part)) {
            self.done.lost.push(not_kept(&format!("`metadata.{}`", key.text()), &part));
        }
        for pack in template.get("packs").iter().flat_map(Fragment::items) {
            self.layer(&pack);
        }
        let mut variables = Variables::default();
        spec.get("variables").iter().flat_map(Fragment::items).for_each(|variable| variables.take(&variable));
        let cloud = template
            .get("cloudType")
            .map(|part| part.text().to_owned())
            .filter(|cloud| !cloud.is_empty() && cloud != "all");
        let mut text = String::from("apiVersion: stratify.dev/v1alpha1\nkind: Profile\n");
        let _ = writeln!(text, "metadata:\n  name: {}\nspec:\n  version: {version}\n  type: {kind}", self.done.name);
        if let Some(cloud) = cloud {
            let _ = writeln!(text, "  clouds: [{}]", scalar(&label(&cloud)));
        }
        if !variables.text.is_empty() {
            let _ = write!(text, "  variables:\n{}", variables.text);
        }
        let _ = write!(text, "  layers:\n{}", self.layers);
        self.done.files.insert(0, ("profile.yaml".to_owned(), text));
        self.done.asked = variables.asked;
        self.done.lost.extend(variables.lost);
    }

    fn layer(&mut self, pack: &Fragment) {
        let (Some(name), Some(layer)) = (self.text(pack, "name"), self.text(pack, "layer")) else { return };
        let Some(role) = ours(LAYERS, &layer) else {
            let at = pack.get("layer").unwrap_or_else(|| pack.clone());
            return self.wrong(&at, "this layer has no counterpart", &format!("one of: {}", known(LAYERS)));
        };
        let own = unique(&name, &mut self.taken);
        let mut lines = vec![format!("name: {own}"), format!("role: {role}")];
        let manifests = self.manifests(&own, pack);
        let kind = pack.get("type").map_or_else(|| "spectro".to_owned(), |part| part.text().to_owned());
        match &*kind {
            "manifest" => lines.push(format!("manifests: [{}]", manifests.join(", "))),
            "spectro" | "oci" if provider(pack).as_deref() != Some("zarf") => {
                let version = self.version(pack);
                self.done.packs.push((format!("{name}@{version}"), registry(pack)));
                lines.push(format!("pack: {}", scalar(&format!("{name}@{version}"))));
            }
            "helm" => {
                let version = self.version(pack);
                let Some(address) = self.address(pack) else { return };
                let (repo, name, version) = (scalar(&address), scalar(&name), scalar(&version));
                lines.push(format!("chart: {{ repo: {repo}, name: {name}, version: {version} }}"));
            }
            "oci" | "spectro" => {
                let version = self.version(pack);
                let Some(address) = self.address(pack) else { return };
                lines.push(format!("zarf: {{ oci: {} }}", scalar(&format!("{address}/{name}:{version}"))));
            }
            _ => {
                let at = pack.get("type").unwrap_or_else(|| pack.clone());
                return self.wrong(
                    &at,
                    "packs of this type have no counterpart",
                    "one of: spectro, helm, manifest, oci",
                );
            }
        }
        if kind != "manifest" && !manifests.is_empty() {
            lines.push(format!("attached: [{}]", manifests.join(", ")));
        }
        self.values(&own, pack, &mut lines);
        for (at, line) in lines.iter().enumerate() {
            let mark = if at == 0 { "    - " } else { "      " };
            let _ = writeln!(self.layers, "{mark}{line}");
        }
    }

    /// Takes the values in as a file of their own, and the presets that their first lines name.
    fn values(&mut self, layer: &str, pack: &Fragment, lines: &mut Vec<String>) {
        let Some(values) = pack.get("values").filter(|values| !values.text().trim().is_empty()) else { return };
        let presets: Vec<String> = enabled_presets(values.text()).map(|preset| scalar(&preset)).collect();
        if !presets.is_empty() {
            lines.push(format!("presets: [{}]", presets.join(", ")));
        }
        let path = format!("values/{layer}.yaml");
        lines.push(format!("valuesFiles: [{path}]"));
        self.done.files.push((path, values.text().to_owned()));
    }

    /// Takes manifests in as files, in their order.
    fn manifests(&mut self, layer: &str, pack: &Fragment) -> Vec<String> {
        let (mut paths, mut taken) = (Vec::new(), Vec::new());
        for manifest in pack.get("manifests").iter().flat_map(Fragment::items) {
            let Some(name) = self.text(&manifest, "name") else { continue };
            let content = manifest.get("content").map(|part| part.text().to_owned()).unwrap_or_default();
            let path = format!("manifests/{layer}/{}.yaml", free(file_name(&name), &mut taken));
            paths.push(path.clone());
            self.done.files.push((path, content));
        }
        paths
    }

    /// Returns the exact version, else the train.
    fn version(&mut self, pack: &Fragment) -> String {
        let text = |key: &str| pack.get(key).map(|part| part.text().to_owned()).filter(|text| !text.is_empty());
        text("version").or_else(|| text("tag")).unwrap_or_else(|| {
            self.wrong(pack, "the pack has no version", "`version` or `tag`");
            String::new()
        })
    }

    fn address(&mut self, pack: &Fragment) -> Option<String> {
        let Some(name) = registry(pack) else {
            self.wrong(pack, "it is not said from which registry this comes", "`registry.metadata.name`");
            return None;
        };
        let address = self.registries.get(&name).cloned();
        if address.is_none() {
            let said = Diagnostic::error(
                codes::MISSING_FIELD,
                format!("the address of the registry `{name}` is not exported"),
            );
            self.said.push(said.at(pack.span()).hint(format!("give it by `--registry '{name}=https://…'`")));
        }
        address.map(|address| address.trim_end_matches('/').to_owned())
    }

    fn part(&mut self, of: &Fragment, key: &str) -> Option<Fragment> {
        let part = of.get(key);
        if part.is_none() {
            let said = Diagnostic::error(codes::MISSING_FIELD, format!("the field `{key}` is missing"));
            self.said.push(said.at(of.span()).expected("a cluster profile as Palette exports it"));
        }
        part
    }

    fn text(&mut self, of: &Fragment, key: &str) -> Option<String> {
        self.part(of, key).map(|part| part.text().to_owned())
    }

    fn wrong(&mut self, at: &Fragment, message: &str, expected: &str) {
        self.said.push(Diagnostic::error(codes::INVALID_VALUE, message).at(at.span()).expected(expected));
    }
}

fn is_empty(part: &Fragment) -> bool {
    part.text().is_empty() && part.entries().next().is_none() && part.items().next().is_none()
}

fn registry(pack: &Fragment) -> Option<String> {
    let name = pack.get("registry")?.get("metadata")?.get("name")?;
    Some(name.text().to_owned()).filter(|name| !name.is_empty())
}

fn provider(pack: &Fragment) -> Option<String> {
    Some(pack.get("registry")?.get("metadata")?.get("providerType")?.text().to_owned())
}

/// What begins the line on which Palette notes the chosen presets.
const PRESETS: &str = "spectrocloud.com/enabled-presets:";

/// Returns the presets that a comment at the top of values names, each without its group.
fn enabled_presets(values: &str) -> impl Iterator<Item = String> {
    let comments = values.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with('#'));
    let named = comments.filter_map(|line| line.trim_start_matches('#').trim().strip_prefix(PRESETS));
    let presets = named.flat_map(|named| named.split(','));
    let name = |preset: &str| preset.rsplit(':').next().unwrap_or_default().trim().to_owned();
    presets.map(name).filter(|preset| !preset.is_empty()).collect::<Vec<_>>().into_iter()
}
