//! In: the components of a package, what the layer chooses. Out: those that are taken, and what of them is left out.
//! Guarantee: as Zarf chooses: required ones, those that are named, and, where none is named, the default ones; each only for
//! its architecture and flavour.
use super::super::codes;
use crate::decide::document::{Fragment, nearest};
use crate::decide::value::Diagnostic;

/// The architecture of clusters that do not say.
const ARCHITECTURE: &str = "amd64";

/// What a component has that is not delivered, each with what it would do.
const LEFT_OUT: [(&str, &str); 8] = [
    ("actions", "commands are never run"),
    ("dataInjections", "nothing is copied into containers"),
    ("files", "nothing is copied to the deployer's machine"),
    ("repos", "repositories are not pushed"),
    ("images", "images are not pushed"),
    ("imageArchives", "images are not pushed"),
    ("imageTars", "images are not pushed"),
    ("scripts", "commands are never run"),
];

/// What Zarf fills by Go templates, and is not filled here: in which list of a component, under which field.
const TEMPLATES: [(&str, &str); 2] = [("manifests", "template"), ("charts", "templatedValuesFiles")];

/// The version of packages that is read. In the next one, fields of the same names mean something else.
const VERSION: &str = "zarf.dev/v1alpha1";

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
    let site = ClusterSite::of(layer);
    errors.extend(site.wrong_package(root, layer, &components));
    let fits = |part: &Fragment| site.misfit(part).is_none();
    for part in &named {
        let bears = |component: &&Fragment| text(component, "name").as_deref() == Some(part.text());
        let of_name: Vec<&Fragment> = components.iter().filter(bears).collect();
        if of_name.iter().any(|component| fits(component)) {
            continue;
        }
        errors.extend(of_name.iter().find_map(|component| site.misfit(component)).map(|(only, why)| {
            let message = format!("the component `{}` is not for this layer: {why}", part.text());
            Diagnostic::error(codes::PACKAGE, message).at(part.span()).also(only.span(), "the component says so")
        }));
    }
    let is_named =
        |part: &Fragment| named.iter().any(|other| Some(other.text()) == part.get("name").as_ref().map(Fragment::text));
    let is_taken =
        |part: &Fragment| is(part, "required") || is_named(part) || (named.is_empty() && is(part, "default"));
    let taken: Vec<Fragment> = components.into_iter().filter(|part| fits(part) && is_taken(part)).collect();
    let allows = is(layer, "allowSkipActions");
    // Where its registry is named, they are there already.
    let are_pushed = layer.get("registry").is_some();
    let is_pushed = |key: &str| are_pushed && matches!(key, "images" | "imageArchives");
    for component in &taken {
        let name = text(component, "name").unwrap_or_default();
        for (key, why) in LEFT_OUT {
            let Some(part) = component.get(key).filter(|part| !is_empty(part) && !is_pushed(key)) else { continue };
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
        errors.extend(templates(component));
        if let Some(part) = component.get("import") {
            let message = format!("the component `{name}` is imported from another package");
            let said = Diagnostic::error(codes::PACKAGE, message).at(part.span());
            errors.push(said.hint("make an archive of it by `zarf package create`, which takes it in"));
        }
    }
    taken
}

/// Returns what of a component Zarf would fill by Go templates: taken as it stands it would be something else.
fn templates(component: &Fragment) -> Vec<Diagnostic> {
    let name = component.get("name").map(|part| part.text().to_owned()).unwrap_or_default();
    let is_on = |part: &Fragment| part.value().as_bool() == Some(true) || part.items().next().is_some();
    let found = TEMPLATES.iter().flat_map(|(list, field)| {
        let items: Vec<Fragment> = component.get(list).map(|part| part.items().collect()).unwrap_or_default();
        items.into_iter().filter_map(|item| item.get(field)).filter(is_on).map(move |part| (*list, *field, part))
    });
    let said = |(list, field, part): (&str, &str, Fragment)| {
        let message = format!(
            "`{field}` of `{list}` of the component `{name}` is not supported yet: its Go templates would stay"
        );
        let said = Diagnostic::error(codes::PACKAGE, message).at(part.span());
        said.hint("fill them when the package is made, or use `###ZARF_VAR_…###`")
    };
    found.map(said).collect()
}

/// What a layer says of where its package goes.
struct ClusterSite {
    architecture: String,
    flavor: Option<String>,
}

impl ClusterSite {
    fn of(layer: &Fragment) -> Self {
        let text = |key: &str| layer.get(key).map(|part| part.text().to_owned());
        Self { architecture: text("architecture").unwrap_or_else(|| ARCHITECTURE.into()), flavor: text("flavor") }
    }

    /// Returns why a component is not for it, and where that is said.
    fn misfit(&self, component: &Fragment) -> Option<(Fragment, String)> {
        let only = component.get("only")?;
        let of = |path: &[&str]| path.iter().try_fold(only.clone(), |part, key| part.get(key));
        let is_other = |part: &Fragment, wanted: Option<&str>| Some(part.text()) != wanted;
        if let Some(part) = of(&["cluster", "architecture"]).filter(|part| is_other(part, Some(&self.architecture))) {
            let why = format!("it is built for {}, and the layer is of {}", part.text(), self.architecture);
            return Some((part, why));
        }
        if let Some(part) = of(&["flavor"]).filter(|part| is_other(part, self.flavor.as_deref())) {
            let chosen = self.flavor.as_ref().map_or("none".into(), |flavor| format!("`{flavor}`"));
            let why = format!("it is of the flavor `{}`, and the layer chooses {chosen}", part.text());
            return Some((part, why));
        }
        // What runs on the deployer's machine is left out anyway; this one is Linux.
        of(&["localOS"]).filter(|part| is_other(part, Some("linux"))).map(|part| {
            let why = format!("it is deployed from {} only", part.text());
            (part, why)
        })
    }

    /// Returns what the layer says that fits nothing of the package.
    fn wrong_package(&self, root: &Fragment, layer: &Fragment, components: &[Fragment]) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        if let Some(part) = root.get("apiVersion").filter(|part| part.text() != VERSION) {
            let message = format!("the package is of the format `{}`, which is not supported yet", part.text());
            errors.push(
                Diagnostic::error(codes::PACKAGE, message).at(part.span()).expected(format!("`{VERSION}`, or none")),
            );
        }
        let built = root.get("metadata").and_then(|part| part.get("architecture"));
        if let Some(built) = built.filter(|built| !["", "multi", &*self.architecture].contains(&built.text())) {
            let message =
                format!("the package is built for {}, and the layer is of {}", built.text(), self.architecture);
            let at = layer.get("architecture").unwrap_or_else(|| layer.clone());
            let said =
                Diagnostic::error(codes::PACKAGE, message).at(at.span()).also(built.span(), "the package says so");
            errors
                .push(said.hint("take the package of that architecture, or say `architecture` of the layer's `zarf`"));
        }
        let flavors: Vec<String> =
            components.iter().filter_map(|part| Some(part.get("only")?.get("flavor")?.text().to_owned())).collect();
        let built = root.get("build").and_then(|part| part.get("flavor")).map(|part| part.text().to_owned());
        if let Some(part) = layer
            .get("flavor")
            .filter(|part| Some(part.text()) != built.as_deref() && !flavors.iter().any(|flavor| flavor == part.text()))
        {
            let message = format!("the package has no flavor `{}`", part.text());
            let near = nearest(part.text(), flavors.iter().map(String::as_str));
            let said = Diagnostic::error(codes::PACKAGE, message).at(part.span()).nearest(near);
            errors.push(if flavors.is_empty() {
                said.hint("leave it out: no component of the package is of a flavor")
            } else {
                said.expected(format!("one of: {}", flavors.join(", ")))
            });
        }
        errors
    }
}

/// Whether there is nothing in it: no item, and no map with one.
fn is_empty(part: &Fragment) -> bool {
    let items = part.items().next().is_some();
    let entries = part.entries().any(|(_, value)| value.items().next().is_some() || !is_empty(&value));
    !items && !entries
}
