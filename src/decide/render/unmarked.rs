//! In: the rendered objects of a cluster. Out: a warning for each text in them that looks like a placeholder and is none.
//! Guarantee: templates of others (`{{ .Values.x }}`, `{{ $labels.x }}`) are not taken for ours.
use super::codes;
use super::model::{Layer, Layers, Object};
use crate::decide::value::{Diagnostic, Pointer, Value};

/// What our placeholders begin with, after `${{` and spaces.
const ROOTS: [&str; 7] = ["vars", "cluster", "environment", "fleet", "layers", "values", "layer"];

/// Returns what was most likely meant as a placeholder: `{{ vars.x }}` without its `$`.
pub fn unmarked(layers: &Layers) -> Vec<Diagnostic> {
    let objects = layers.layers.iter().flat_map(|layer| layer.objects.iter().map(move |object| (layer, object)));
    objects.flat_map(|(layer, object)| of_object(layer, object)).collect()
}

fn of_object(layer: &Layer, object: &Object) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    collect(&object.manifest, &mut Pointer::default(), &mut found);
    let told = |(at, text): (Pointer, String)| {
        let id = &object.id;
        let message =
            format!("`{text}` at {at} of {} {} in layer `{}` is no placeholder", id.kind, id.name, layer.name);
        let marked = if text.starts_with('$') { text } else { format!("${text}") };
        Diagnostic::warning(codes::UNMARKED, message)
            .at(object.at.clone())
            .expected(format!("`{marked}`, in values or in a file named `*.tpl.yaml`"))
    };
    found.into_iter().map(told).collect()
}

fn collect(value: &Value, at: &mut Pointer, found: &mut Vec<(Pointer, String)>) {
    match value {
        Value::Map(map) => {
            for (key, value) in map.iter() {
                at.push(key.clone());
                collect(value, at, found);
                at.pop();
            }
        }
        Value::List(list) => {
            for (index, value) in list.iter().enumerate() {
                at.push(index.to_string().into());
                collect(value, at, found);
                at.pop();
            }
        }
        _ => found.extend(value.as_str().and_then(in_text).map(|text| (at.clone(), text))),
    }
}

/// Returns the first of a text, with its mark where it has one: in a file that is no template it is filled no more.
fn in_text(text: &str) -> Option<String> {
    text.match_indices("{{").find_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find("}}")?.saturating_add(2);
        let whole = rest.get(..end)?;
        let inside = whole.trim_start_matches('{').trim_start();
        let is_ours = |root: &&str| inside.strip_prefix(*root).is_some_and(|rest| rest.starts_with(['.', '[']));
        let mark = if text.get(..at).is_some_and(|head| head.ends_with('$')) { "$" } else { "" };
        ROOTS.iter().any(is_ours).then(|| format!("{mark}{whole}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_as_ours_is_told() {
        assert_eq!(in_text("a {{ vars.x }} b").as_deref(), Some("{{ vars.x }}"), "without its mark");
        assert_eq!(in_text("{{vars.x}}").as_deref(), Some("{{vars.x}}"), "without spaces");
        assert_eq!(in_text("${{ vars.x }}").as_deref(), Some("${{ vars.x }}"), "of a file that is no template");
        let fine = ["{{ .Values.x }}", "{{ $labels.cluster }}", "{{ variable }}", "{{ vars.x", "{{ vars }}"];
        for text in fine {
            assert_eq!(in_text(text), None, "{text} is somebody else's, or nothing");
        }
    }
}
