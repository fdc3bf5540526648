//! In: the values of a layer, the schema of its pack or chart. Out: what of them does not fit it.
//! Guarantee: each mistake stands where the value was written last; a message shows no value.
use super::super::codes;
use super::super::composition::shape::Shaped;
use super::super::full::ResolvedSource;
use super::super::palette::check_values;
use super::super::resolve::Sketch;
use super::source::Source;
use crate::decide::document::Texts;
use crate::decide::value::{Diagnostic, Map, Nulls, Pointer, Span, Value, canonical, merge};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

impl Sketch {
    pub(in crate::decide::profile) fn check_schemas(
        &self,
        texts: &Texts,
        documents: &[Value],
        errors: &mut Vec<Diagnostic>,
    ) {
        for ((layer, source), document) in self.layers.iter().zip(documents) {
            errors.extend(self.check_schema(layer, source, texts, document).err().into_iter().flatten());
        }
    }

    /// Checks the values of a layer by the schema of its pack.
    pub(in crate::decide::profile) fn check_schema(
        &self,
        layer: &Shaped,
        source: &Source,
        texts: &Texts,
        document: &Value,
    ) -> Result<(), Vec<Diagnostic>> {
        if source.pack.as_ref().is_some_and(|pack| pack.palette.is_some()) {
            return check_values(self, layer, source, texts, document);
        }
        let Some((found, named)) = source.schema_in(texts) else { return Ok(()) };
        let blob = texts.find(&found.path, found.blob)?;
        blob.document(&found.path, found.origin.as_ref())?;
        let validator = blob.schema().as_ref().map_err(|why| {
            let message = format!("`{}` is no JSON Schema: {why}", found.path);
            vec![Diagnostic::error(codes::BAD_SCHEMA, message).at(named.clone())]
        })?;
        let values = exposed(&effective(source, texts, document));
        let values: serde_json::Value = serde_json::from_str(&canonical(&values)).unwrap_or_default();
        let said = validator.iter_errors(&values).map(|error| {
            let pointer = error.instance_path().to_string();
            let inside = if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") };
            let why = error.masked();
            let whose = if source.pack.is_some() { "pack" } else { "chart" };
            let message = format!("the values of layer `{}`{inside} do not fit its {whose}: {why}", layer.name);
            let place = self.place_of_mistake(layer, source, texts, &error);
            Diagnostic::error(codes::SCHEMA, message).at(place).also(named.clone(), format!("the {whose}'s schema"))
        });
        let said: Vec<Diagnostic> = said.collect();
        if said.is_empty() { Ok(()) } else { Err(said) }
    }

    /// What is too much stands somewhere; what is missing at the top stands nowhere, so the layer is shown.
    fn place_of_mistake(&self, layer: &Shaped, source: &Source, texts: &Texts, error: &ValidationError<'_>) -> Span {
        let pointer = format!("/values{}", error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let at = Pointer::parse(&pointer).unwrap_or_default();
                let at = unexpected.first().map_or(at.clone(), |key| at.join(key));
                self.place_of(layer, source, texts, &at.to_string())
            }
            ValidationErrorKind::Required { .. } if error.instance_path().is_empty() => layer.at(),
            _ => self.place_of(layer, source, texts, &pointer),
        }
    }
}

/// Returns the values of a layer; those of a chart as Helm sees them: over the chart's own, without what null deletes.
pub(in crate::decide::profile) fn effective(source: &Source, texts: &Texts, document: &Value) -> Value {
    let values = document.get("values").cloned().unwrap_or_default();
    let (ResolvedSource::Chart { .. }, Some(found)) = (&source.resolved, source.defaults_in(texts)) else {
        return values;
    };
    let mut all = texts.get(found.blob).map(|blob| blob.value().clone()).unwrap_or_default();
    merge(&mut all, &values, Nulls::Drop);
    all
}

/// Returns a value with nothing sealed, for checks whose messages show no value.
fn exposed(value: &Value) -> Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        Value::List(items) => Value::list(items.iter().map(exposed).collect()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect::<Map>().into(),
        value => value.clone(),
    }
}
