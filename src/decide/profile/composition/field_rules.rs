//! In: a layer with all that was written of it. Out: what is said of fields that it cannot have.
//! Guarantee: only add-ons have a priority; only what a management cluster makes is delivered to one.
use super::super::codes;
use super::super::layer::health_expressions;
use super::super::resolve::Sketch;
use super::shape::Shaped;
use crate::decide::document::LayerRole;
use crate::decide::value::Diagnostic;

impl Sketch {
    pub(in crate::decide::profile) fn check_fields(&self, layer: &Shaped, errors: &mut Vec<Diagnostic>) {
        let priority = layer.field("priority").filter(|part| part.value().as_i64() != Some(0));
        if let Some(priority) = priority.filter(|_| layer.role != LayerRole::AddOn) {
            let message = format!("the layer `{}` has a priority, which only add-ons have", layer.name);
            errors.push(Diagnostic::error(codes::FIELD, message).at(priority.span()));
        }
        layer.health("expressions").inspect(|rules| health_expressions::check(rules, errors));
        let is_managed = self.selection.cluster.management.is_some();
        let deliver = layer.field("deliverTo").filter(|part| !is_managed && part.text() == "management");
        if let Some(deliver) = deliver {
            let message =
                format!("the layer `{}` goes to a management cluster, which this cluster does not have", layer.name);
            errors.push(
                Diagnostic::error(codes::FIELD, message)
                    .at(deliver.span())
                    .expected("`management` of the cluster, or deliverTo: workload"),
            );
        }
    }
}
