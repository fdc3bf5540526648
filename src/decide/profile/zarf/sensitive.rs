//! In: a package, the document of its layer. Out: the document, the values of its sensitive variables sealed.
//! Guarantee: what a package calls sensitive is shown nowhere, also where the layer sets it in plain text.
use super::files::Files;
use super::source::Package;
use crate::decide::document::Texts;
use crate::decide::value::{Seal, Value};

/// Seals the values of variables that the package calls sensitive.
pub(in crate::decide::profile) fn seal_variables(package: &Package, texts: &Texts, document: &mut Value, seal: &Seal) {
    // What is wrong with the package is told where it is expanded.
    let Ok(file) = Files::new(package, texts).about() else { return };
    let root = file.part(file.root());
    let variables = root.get("variables").map(|part| part.items().collect::<Vec<_>>()).unwrap_or_default();
    for variable in variables {
        let is_sensitive = variable.get("sensitive").is_some_and(|part| part.value().as_bool() == Some(true));
        let name = variable.get("name").map(|part| part.text().to_owned()).unwrap_or_default();
        let value = document.get("values").and_then(|values| values.get(&name)).cloned();
        let Some(value) = value.filter(|value| is_sensitive && !value.is_null() && !value.is_tainted()) else {
            continue;
        };
        if let Some(values) = document.make_map().get_mut("values") {
            values.make_map().insert(name.as_str().into(), seal.seal(value));
        }
    }
}
