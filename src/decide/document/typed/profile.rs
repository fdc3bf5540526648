//! In: a `profile.yaml`. Out: a Profile: its layers in order, and the variables that overlays may set.
//! Guarantee: names of layers and variables are unique in it.
use super::{check_name, checked, is_true, layer_name, texts};
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::value::{Checked, Diagnostic, Value};
use crate::name::{LayerName, ProfileName};
use std::sync::Arc;

/// A Profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: ProfileName,
    /// Its version.
    pub version: Arc<str>,
    /// What it may hold.
    pub kind: ProfileType,
    /// The clouds it is for; empty for all.
    pub clouds: Vec<Arc<str>>,
    /// What overlays may set.
    pub variables: Vec<Variable>,
    /// Its layers, in order.
    pub layers: Vec<(LayerName, Fragment)>,
}

/// What a profile may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileType {
    /// The four infrastructure layers.
    Infrastructure,
    /// Add-on layers only.
    AddOn,
    /// Both.
    Full,
}

/// What overlays may set.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: Arc<str>,
    /// The name it had before.
    pub renamed_from: Option<Fragment>,
    /// Its type.
    pub kind: VariableType,
    /// Where it is declared.
    pub part: Fragment,
    /// What it is where nothing sets it.
    pub default: Option<Fragment>,
    /// Whether it has to be set.
    pub required: bool,
    /// Whether overlays must leave it.
    pub read_only: bool,
    /// Whether no output shows it.
    pub sensitive: bool,
    /// The values it may have; empty for any.
    pub options: Vec<Value>,
    /// The regular expression it keeps.
    pub pattern: Option<Fragment>,
    /// The least number.
    pub minimum: Option<Fragment>,
    /// The largest number.
    pub maximum: Option<Fragment>,
}

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A semantic version.
    Version,
    /// An IPv4 address.
    Ipv4,
    /// An IPv4 range.
    Ipv4Cidr,
    /// An IPv6 address.
    Ipv6,
    /// Bytes in base64.
    Base64,
}

impl VariableType {
    /// Returns the type that a word of the format names.
    pub fn of(word: &str) -> Self {
        match word {
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "version" => Self::Version,
            "ipv4" => Self::Ipv4,
            "ipv4cidr" => Self::Ipv4Cidr,
            "ipv6" => Self::Ipv6,
            "base64" => Self::Base64,
            _ => Self::String,
        }
    }

    /// Returns what people expect of a value of this type.
    pub fn expected(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Version => "a semantic version such as 1.4.0",
            Self::Ipv4 => "an IPv4 address such as 10.0.0.1",
            Self::Ipv4Cidr => "an IPv4 range such as 10.0.0.0/16",
            Self::Ipv6 => "an IPv6 address",
            Self::Base64 => "base64",
        }
    }
}

impl Variable {
    /// Whether a name is the one that it had before.
    pub fn was(&self, name: &str) -> bool {
        self.renamed_from.as_ref().is_some_and(|old| old.text() == name)
    }
}

impl Profile {
    /// Reads a Profile.
    pub fn read(file: Arc<File>, name: &ProfileName) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Profile)?;
        if let Some(wrong) = check_name(&file, name.as_str()) {
            return Err(vec![wrong]);
        }
        let spec = file.root().get("spec").map_or_else(|| file.part(file.root()), |spec| file.part(spec));
        let kind = match spec.get("type").as_ref().map(Fragment::text) {
            Some("infrastructure") => ProfileType::Infrastructure,
            Some("full") => ProfileType::Full,
            _ => ProfileType::AddOn,
        };
        let variables: Vec<Variable> =
            spec.get("variables").map(|part| part.items().map(variable).collect()).unwrap_or_default();
        let wrong = renames(&variables);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let layers = spec.get("layers").map(|part| part.items().collect::<Vec<_>>()).unwrap_or_default();
        let profile = Self {
            name: name.clone(),
            version: spec.get("version").map(|part| Arc::from(part.text())).unwrap_or_default(),
            kind,
            clouds: texts(spec.get("clouds")),
            variables,
            layers: layers.into_iter().filter_map(|part| Some((layer_name(&part)?, part))).collect(),
            file,
        };
        Ok((profile, warnings))
    }
}

/// Returns renames that leave open which variable an old name means.
fn renames(variables: &[Variable]) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (at, variable) in variables.iter().enumerate() {
        let Some(old) = &variable.renamed_from else { continue };
        let has_it = |other: &&Variable| &*other.name == old.text();
        let had_it = |other: &&Variable| other.was(old.text());
        let other = variables.iter().find(has_it).or_else(|| variables.iter().take(at).find(had_it));
        if let Some(other) = other {
            let message = format!("`{}` cannot be the former name of the variable `{}`", old.text(), variable.name);
            wrong.push(
                Diagnostic::error(codes::DUPLICATE_NAME, message)
                    .at(old.span())
                    .also(other.part.span(), "this variable has or had it")
                    .expected("a name that no variable of the profile has, or had"),
            );
        }
    }
    wrong
}

fn variable(part: Fragment) -> Variable {
    let text = |key: &str| part.get(key).map(|part| Arc::<str>::from(part.text())).unwrap_or_default();
    Variable {
        name: text("name"),
        renamed_from: part.get("renamedFrom"),
        kind: VariableType::of(&text("type")),
        default: part.get("default"),
        required: is_true(part.get("required")),
        read_only: is_true(part.get("readOnly")),
        sensitive: is_true(part.get("sensitive")),
        options: part.get("options").map(|part| part.items().map(|item| item.value()).collect()).unwrap_or_default(),
        pattern: part.get("pattern"),
        minimum: part.get("minimum"),
        maximum: part.get("maximum"),
        part,
    }
}
