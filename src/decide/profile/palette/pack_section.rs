//! In: the values of a layer of a pack of Palette. Out: what their sections `pack`, `charts`, `manifests` and
//! `readinessCheck` mean: the layer's namespace and priority, what each part is given, further namespaces, rules of health.
//! Guarantee: a release is named `PACK-CHART` unless the pack says otherwise; a value of the wrong form is told where it is.
use super::super::codes;
use super::super::composition::shape::Shaped;
use super::super::full::{HealthRule, Inline, NamespaceWish};
use super::super::layer::source::Source;
use super::super::part::{Archive, Content, Part, What};
use super::super::placeholder::scope::Roots;
use super::super::resolve::Sketch;
use crate::decide::document::kind::is_label;
use crate::decide::document::{LayerRole, Texts};
use crate::decide::expression::{Predicate, Template, has_macro};
use crate::decide::lock::listed_images;
use crate::decide::value::{Diagnostic, Digest, Map, Seal, Span, Value};
use crate::name::RepoPath;
use std::sync::Arc;

/// The key of `pack` that orders add-ons.
const PRIORITY: &str = "spectrocloud.com/install-priority";

/// The priorities that layers may have.
const PRIORITIES: std::ops::RangeInclusive<i64> = -1_000_000..=1_000_000;

/// What the values of a layer settle beside its document.
#[derive(Clone, Debug, Default)]
pub(in crate::decide::profile) struct Settled {
    pub(in crate::decide::profile) parts: Arc<[Part]>,
    pub(in crate::decide::profile) namespaces: Vec<NamespaceWish>,
    pub(in crate::decide::profile) health: Vec<HealthRule>,
    pub(in crate::decide::profile) inline: Arc<[Inline]>,
    /// The images that a package names.
    pub(in crate::decide::profile) images: Vec<Arc<str>>,
    pub(in crate::decide::profile) warnings: Vec<Diagnostic>,
    /// The digest of all that its source comes to, where the document and the parts do not say it.
    pub(in crate::decide::profile) digest: Option<Digest>,
}

/// What is wrong with a value, and where it stands below `/values`.
type Wrong = (String, &'static str, &'static str);

/// Puts the namespace and the priority of the values into a layer's document, where the layer says none.
pub(in crate::decide::profile) fn settle_document(layer: &Shaped, document: &mut Value) -> Result<(), Wrong> {
    let pack = document.get("values").and_then(|values| values.get("pack")).cloned().unwrap_or_default();
    let is_open = document.get("namespace").is_none_or(Value::is_null);
    if let Some(namespace) = pack.get("namespace").filter(|value| is_open && !value.is_null()) {
        let text = namespace.as_str().filter(|text| is_label(text));
        let text = text.ok_or_else(|| wrong("/pack/namespace", "the namespace of the pack is none", LABEL))?;
        document.make_map().insert("namespace".into(), Value::string(text));
    }
    let is_said = layer.priority_at().is_some() || document.get("priority").and_then(Value::as_i64) != Some(0);
    if let Some(value) =
        pack.get(PRIORITY).filter(|value| layer.role == LayerRole::AddOn && !is_said && !value.is_null())
    {
        let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        let number = number.filter(|number| PRIORITIES.contains(number)).ok_or_else(|| {
            let at = "/pack/spectrocloud.com~1install-priority";
            wrong(at, "the install priority of the pack is none", "an integer from -1000000 to 1000000")
        })?;
        document.make_map().insert("priority".into(), Value::Integer(number));
    }
    Ok(())
}

const LABEL: &str = "lower-case letters, digits and inner hyphens, at most 63 characters";

fn wrong(at: &str, what: &'static str, expected: &'static str) -> Wrong {
    (at.to_owned(), what, expected)
}

impl Sketch {
    /// Says what is wrong with a value where it was written last.
    pub(in crate::decide::profile) fn wrong_value(
        &self,
        layer: &Shaped,
        source: &Source,
        texts: &Texts,
        (at, what, expected): Wrong,
    ) -> Diagnostic {
        let place = self.place_of(layer, source, texts, &format!("/values{at}"));
        Diagnostic::error(codes::FIELD, format!("{what}, of layer `{}`", layer.name)).at(place).expected(expected)
    }
}

/// Settles what a layer of a pack of Palette is rendered with; of any other one, its parts stay as they are.
pub(in crate::decide::profile) fn settled(
    sketch: &Sketch,
    layer: &Shaped,
    source: &Source,
    document: &Value,
    roots: &Roots,
    texts: &Texts,
    seal: &Seal,
) -> Result<Settled, Vec<Diagnostic>> {
    let Some(pack) = source.pack.as_ref().filter(|pack| pack.palette.is_some()) else {
        return Ok(Settled { parts: source.parts.clone(), ..Settled::default() });
    };
    let values = document.get("values").cloned().unwrap_or_default();
    let namespace = document.get("namespace").and_then(Value::as_str);
    let told = |wrong| vec![sketch.wrong_value(layer, source, texts, wrong)];
    let charts = source.parts.iter().filter(|part| matches!(part.what, What::Chart(_))).count();
    let mut parts = Vec::new();
    for part in source.parts.iter() {
        let mut part = part.clone();
        let name = match &mut part.what {
            What::Manifest { filled, file, .. } => {
                *filled = filled_manifest(sketch, source, &part.at, file, roots, texts, seal)?;
                let stem = stem(&file.path);
                part.values = Some(["manifests", stem].into_iter().map(Arc::from).collect());
                stem.to_owned()
            }
            What::Chart(Content::Archive(archive)) => {
                let name = chart_name(&archive.path, &values, charts == 1);
                part.values = Some(["charts", &*name].into_iter().map(Arc::from).collect());
                name
            }
            // A pack of Palette has no other parts.
            What::Chart(_) | What::Kustomization(_) => continue,
        };
        let own = release(&pack.name, &name, &values);
        part.release = Some(match &part.what {
            // Nothing of a manifest is named by its release, unless it asks for it.
            What::Manifest { .. } => as_release(&own),
            _ => checked_release(&own, &name, part.at.clone()).map_err(|said| vec![said])?,
        });
        parts.push(part);
    }
    let namespaces = namespaces(&values, namespace).map_err(told)?;
    let health = readiness(&values).map_err(told)?;
    let images = listed_images(&values).into_iter().collect();
    Ok(Settled { parts: parts.into(), namespaces, health, images, ..Settled::default() })
}

/// Returns the text of a manifest with its macros filled, where it has some.
fn filled_manifest(
    sketch: &Sketch,
    source: &Source,
    at: &Span,
    file: &Archive,
    roots: &Roots,
    texts: &Texts,
    seal: &Seal,
) -> Result<Option<Arc<str>>, Vec<Diagnostic>> {
    let bytes = texts.find(&file.path, file.blob)?.bytes().cloned().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(None) };
    if !has_macro(text) {
        return Ok(None);
    }
    let packs = |pack: &str| sketch.layer_of_pack(pack, source);
    let whole = Template { parts: vec![crate::decide::expression::Part::Text(text.into())] };
    let filled = whole.with_macros(&packs).and_then(|template| template.evaluate(&roots.scope(seal)));
    match filled {
        Ok(Value::String(text)) => Ok(Some(text)),
        // What is sensitive would be in a text that is kept; a value is the way for it.
        Ok(_) => {
            let message = format!("a macro of the manifest `{}` names something sensitive", file.path);
            let said = Diagnostic::error(codes::EXPRESSION, message).at(at.clone());
            Err(vec![said.hint("give it to the manifest by a value, under `manifests`")])
        }
        Err((bytes, error)) => {
            let before = text.get(..bytes.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message = format!("a macro of the manifest `{}`, line {line}, cannot be filled: {error}", file.path);
            Err(vec![super::super::placeholder::template::advised(
                Diagnostic::error(codes::EXPRESSION, message).at(at.clone()),
                &error,
            )])
        }
    }
}

/// Returns a file's name without its endings.
fn stem(path: &RepoPath) -> &str {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    [".tar.gz", ".tgz", ".yaml", ".yml"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// Returns the key of a chart's values: its name, which its file tells as a rule; where a pack has one chart and values
/// for one, those.
fn chart_name(path: &RepoPath, values: &Value, is_only: bool) -> String {
    let stem = stem(path);
    let is_version = |at: &usize| {
        let rest = stem.get(at + 1..).unwrap_or_default();
        rest.strip_prefix('v').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit())
    };
    let known = values.get("charts").and_then(Value::as_map);
    let has = |name: &str| known.is_some_and(|known| known.get(name).is_some());
    let cut = stem.match_indices('-').map(|(at, _)| at).filter(is_version);
    let names: Vec<&str> = cut.filter_map(|at| stem.get(..at)).chain([stem]).collect();
    let keys: Vec<&Arc<str>> = known.into_iter().flat_map(Map::iter).map(|(key, _)| key).collect();
    // Of a file that is named by hand, the name's begin may be that of the chart.
    let is_begin = |key: &&&Arc<str>| stem.strip_prefix(&****key).is_some_and(|rest| rest.starts_with('-'));
    let begin = keys.iter().filter(is_begin).max_by_key(|key| key.len()).map(|key| &***key);
    match names.iter().rev().find(|name| has(name)).copied().or(begin) {
        Some(name) => name.to_owned(),
        None => match keys.as_slice() {
            [key] if is_only => key.to_string(),
            _ => names.first().copied().unwrap_or(stem).to_owned(),
        },
    }
}

fn release(pack: &str, name: &str, values: &Value) -> Arc<str> {
    let names = values.get("pack").and_then(|pack| pack.get("releaseNameOverride"));
    let own = names.and_then(|names| names.get(name)).and_then(Value::as_str);
    own.map_or_else(|| format!("{pack}-{name}").into(), Arc::from)
}

/// Helm names a release's own objects with it, and keeps ten characters of a name for itself.
const RELEASE_CHARS_MAX: usize = 53;

fn is_release(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn checked_release(release: &Arc<str>, chart: &str, at: Span) -> Result<Arc<str>, Diagnostic> {
    if release.len() <= RELEASE_CHARS_MAX && release.chars().all(is_release) {
        return Ok(release.clone());
    }
    let message = format!("the release of the chart `{chart}` would be named `{release}`, which none can be");
    let expected = format!("lower-case letters, digits and inner hyphens, at most {RELEASE_CHARS_MAX} characters");
    let said = Diagnostic::error(codes::FIELD, message).at(at).expected(expected);
    Err(said.hint(format!("set `pack.releaseNameOverride.{chart}` in the values of the layer")))
}

/// Returns the nearest name that a release can have.
fn as_release(name: &str) -> Arc<str> {
    let text: String = name.to_lowercase().chars().map(|c| if is_release(c) { c } else { '-' }).collect();
    text.get(..RELEASE_CHARS_MAX.min(text.len())).unwrap_or_default().trim_matches('-').into()
}

/// Returns the namespaces that the section `pack` asks for, each with its labels and annotations.
fn namespaces(values: &Value, own: Option<&str>) -> Result<Vec<NamespaceWish>, Wrong> {
    let Some(pack) = values.get("pack") else { return Ok(Vec::new()) };
    let mut wishes: Vec<NamespaceWish> = Vec::new();
    for name in names(pack.get("additionalNamespaces"))? {
        wish(&mut wishes, &name);
    }
    for (key, is_label) in [("namespaceLabels", true), ("namespaceAnnotations", false)] {
        for (name, pairs) in pack.get(key).and_then(Value::as_map).into_iter().flat_map(Map::iter) {
            let pairs = self::pairs(pairs).ok_or_else(|| {
                wrong(
                    &format!("/pack/{key}/{name}"),
                    "what a namespace is to bear cannot be read",
                    "`key=value,key=value`",
                )
            })?;
            let wish = wish(&mut wishes, name);
            if is_label { wish.labels.extend(pairs) } else { wish.annotations.extend(pairs) }
        }
    }
    for wish in &mut wishes {
        wish.is_own = own == Some(&*wish.name);
    }
    Ok(wishes)
}

fn wish<'a>(wishes: &'a mut Vec<NamespaceWish>, name: &str) -> &'a mut NamespaceWish {
    let at = wishes.iter().position(|wish| *wish.name == *name).unwrap_or_else(|| {
        wishes.push(NamespaceWish { name: name.into(), ..NamespaceWish::default() });
        wishes.len() - 1
    });
    wishes.get_mut(at).expect("it was found or put there")
}

/// Reads `a, b` or a list.
fn names(value: Option<&Value>) -> Result<Vec<String>, Wrong> {
    let names: Vec<String> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }
        Some(Value::List(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Some(_) => return Err(wrong("/pack/additionalNamespaces", "the further namespaces cannot be read", "`a,b`")),
    };
    match names.iter().find(|name| !is_label(name)) {
        Some(_) => Err(wrong("/pack/additionalNamespaces", "a further namespace is none", LABEL)),
        None => Ok(names),
    }
}

/// Reads `a=b,c=d` or a map.
fn pairs(value: &Value) -> Option<Vec<(Arc<str>, Arc<str>)>> {
    match value {
        Value::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').map(|(key, value)| (Arc::from(key.trim()), Arc::from(value.trim()))))
            .collect(),
        Value::Map(map) => map.iter().map(|(key, value)| Some((key.clone(), Arc::from(value.as_str()?)))).collect(),
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

/// Returns the rules of health that `readinessCheck` says.
fn readiness(values: &Value) -> Result<Vec<HealthRule>, Wrong> {
    let wrong = |at: String| {
        (
            at,
            "a readiness check cannot be read",
            "`name`, `kind`, `group`, and `keysToCheck` with `keyToCheck` and `expectedValue`",
        )
    };
    let Some(versions) = values.get("readinessCheck").and_then(Value::as_map) else { return Ok(Vec::new()) };
    let mut rules = Vec::new();
    for (version, checks) in versions.iter() {
        for (at, check) in checks.as_list().unwrap_or_default().iter().enumerate() {
            let at = || format!("/readinessCheck/{version}/{at}");
            let text = |key: &str| check.get(key).and_then(Value::as_str);
            let kind = text("kind").ok_or_else(|| wrong(at()))?;
            let keys = check.get("keysToCheck").and_then(Value::as_list).unwrap_or_default();
            let conditions: Option<Vec<String>> = keys.iter().map(condition).collect();
            let conditions = conditions.filter(|all| !all.is_empty()).ok_or_else(|| wrong(at()))?;
            let current = Predicate::compile(&conditions.join(" && ")).map_err(|_| wrong(at()))?;
            rules.push(HealthRule {
                group: text("group").map(Into::into),
                kind: kind.into(),
                in_progress: None,
                failed: None,
                current,
            });
        }
    }
    Ok(rules)
}

fn condition(check: &Value) -> Option<String> {
    let key = check.get("keyToCheck")?.as_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._[]".contains(c);
    if !key.chars().all(is_plain) || key.is_empty() {
        return None;
    }
    Some(match check.get("expectedValue")? {
        // Whatever its type, it is compared as it is written.
        Value::String(text) => format!("string({key}) == {}", serde_json::Value::from(&**text)),
        value => format!("{key} == {}", crate::decide::value::canonical(value)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::document::File;
    use crate::name::BlobId;

    fn values(text: &str) -> Value {
        let path = RepoPath::new("values.yaml").expect("it is inside");
        File::read_one(&path, BlobId([0; 20]), text.as_bytes()).expect("it is YAML").root().value()
    }

    #[test]
    fn a_release_is_named_by_the_pack_unless_it_says_otherwise() {
        let given = values("pack: { releaseNameOverride: { collectors: collector } }");
        assert_eq!(&*release("appd", "collectors", &given), "collector");
        assert_eq!(&*release("appd", "agent", &given), "appd-agent");
    }

    #[test]
    fn namespaces_bear_what_the_pack_says() {
        let given = values(
            "pack: { additionalNamespaces: \"b, c\", namespaceLabels: { a: \"x=1,y=2\", b: \"z=3\" }, namespaceAnnotations: { a: { k: v } } }",
        );
        let wishes = namespaces(&given, Some("a")).expect("they can be read");
        let shown: Vec<String> = wishes
            .iter()
            .map(|wish| format!("{} {} {:?} {:?}", wish.name, wish.is_own, wish.labels, wish.annotations))
            .collect();
        assert_eq!(shown, [r#"b false {"z": "3"} {}"#, "c false {} {}", r#"a true {"x": "1", "y": "2"} {"k": "v"}"#]);
        let wrong =
            namespaces(&values("pack: { namespaceLabels: { a: nothing } }"), None).expect_err("it has no value");
        assert_eq!(wrong.0, "/pack/namespaceLabels/a");
    }

    #[test]
    fn a_readiness_check_is_a_rule_of_health() {
        let given = values(
            "readinessCheck: { v1beta1: [ { name: a, kind: LinstorCluster, group: piraeus.io, version: v1, keysToCheck: [ { keyToCheck: \"status.conditions[0].status\", expectedValue: \"True\" } ] } ] }",
        );
        let rules = readiness(&given).expect("it can be read");
        let object = values("status: { conditions: [ { status: \"True\" } ] }");
        assert_eq!(rules.first().map(|rule| rule.current.holds(&object)), Some(Ok(Some(true))));
        let wrong = readiness(&values(
            "readinessCheck: { v1beta1: [ { kind: A, keysToCheck: [ { keyToCheck: \"a || true\", expectedValue: \"\" } ] } ] }",
        ));
        assert!(wrong.is_err(), "a key is a path, and no expression");
    }
}
