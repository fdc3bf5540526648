//! In: the components of a package, what the layer chooses. Out: those that are taken, and what of them is left out.
//! Guarantee: as Zarf chooses: required ones, those that are named, and, where none is named, the default ones; each only for
//! its architecture and flavour.
use super::super::codes;
use crate::decide::document::{Fragment, nearest};
use crate::decide::value::Diagnostic;

/// The architecture of clusters that do not say.
const ARCHITECTURE: &str = "amd64";

/// What a component has that is not delivered, each with what it would do.
const LEFT_OUT: [(&str, &str); 7] = [
    ("actions", "commands are never run"),
    ("dataInjections", "nothing is copied into containers"),
    ("files", "nothing is copied to the deployer's machine"),
    ("repos", "repositories are not pushed"),
    ("images", "images are not pushed"),
    ("imageArchives", "images are not pushed"),
    ("scripts", "commands are never run"),
];

/// Returns the components that are taken.
pub(super) fn chosen(
    root: &Fragment,
    layer: &Fragment,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Fragment> {
    let text = |part: &Fragment, key: &str| part.get(key).map(|part| part.text().to_owned());
    let is = |part: &Fragment, key: &str| part.get(key).is_some_and(|part| part.value().as_bool() == Some(true));
    let components: Vec<Fragment> = root.get("components").map(|part| part.items().collect()).unwrap_or_default();
    let named: Vec<Fragment> = layer.get("components").map(|part| part.items().collect()).unwrap_or_default();
    let names: Vec<String> = components.iter().filter_map(|part| text(part, "name")).collect();
    for part in named.iter().filter(|part| !names.iter().any(|name| name == part.text())) {
        let message = format!("the package has no component `{}`", part.text());
        let near = nearest(part.text(), names.iter().map(String::as_str));
        let said = Diagnostic::error(codes::PACKAGE, message).at(part.span()).nearest(near);
        errors.push(said.expected(format!("one of: {}", names.join(", "))));
    }
    let (architecture, flavor) = (text(layer, "architecture"), text(layer, "flavor"));
    let fits = |part: &Fragment| {
        let only = part.get("only");
        let of = |path: &[&str]| {
            path.iter().try_fold(only.clone()?, |part, key| part.get(key)).map(|part| part.text().to_owned())
        };
        let is_built_for = of(&["cluster", "architecture"]);
        let is_of_flavor = of(&["flavor"]);
        is_built_for.is_none_or(|it| it == architecture.as_deref().unwrap_or(ARCHITECTURE))
            && is_of_flavor.is_none_or(|it| Some(it) == flavor)
            && of(&["localOS"]).is_none_or(|it| it == "linux")
    };
    let is_named =
        |part: &Fragment| named.iter().any(|other| Some(other.text()) == part.get("name").as_ref().map(Fragment::text));
    let is_taken =
        |part: &Fragment| is(part, "required") || is_named(part) || (named.is_empty() && is(part, "default"));
    let taken: Vec<Fragment> = components.into_iter().filter(|part| fits(part) && is_taken(part)).collect();
    let allows = is(layer, "allowSkipActions");
    for component in &taken {
        let name = text(component, "name").unwrap_or_default();
        for (key, why) in LEFT_OUT {
            let Some(part) = component.get(key).filter(|part| !is_empty(part)) else { continue };
            let message = format!("the component `{name}` has `{key}`, which is left out: {why}");
            if allows {
                warnings.push(Diagnostic::warning(codes::PACKAGE, message).at(part.span()));
            } else {
                let said = Diagnostic::error(codes::PACKAGE, message)
                    .at(part.span())
                    .also(layer.span(), "the layer's package");
                errors
                    .push(said.hint("say `allowSkipActions: true` in the layer's `zarf` where it does not need them"));
            }
        }
        if let Some(part) = component.get("import") {
            let message = format!("the component `{name}` is imported from another package");
            let said = Diagnostic::error(codes::PACKAGE, message).at(part.span());
            errors.push(said.hint("make an archive of it by `zarf package create`, which takes it in"));
        }
    }
    taken
}

/// Whether there is nothing in it: no item, and no map with one.
fn is_empty(part: &Fragment) -> bool {
    let items = part.items().next().is_some();
    let entries = part.entries().any(|(_, value)| value.items().next().is_some() || !is_empty(&value));
    !items && !entries
}
