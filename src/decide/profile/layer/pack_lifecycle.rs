//! In: the pack of a layer. Out: why it may not be used there: its lifecycle, its role, its clouds.
//! Guarantee: a deprecated pack is a warning, a disabled or deleted one an error; both with the pack's own words.
use super::super::codes;
use super::super::composition::overlays::Selection;
use super::super::composition::shape::Shaped;
use super::source::word;
use crate::decide::document::{Fragment, Pack, PackLifecycle};
use crate::decide::value::Diagnostic;

pub(in crate::decide::profile) fn check_pack(
    selection: &Selection,
    layer: &Shaped,
    pack: &Pack,
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    if let Some(role) = pack.role.filter(|role| *role != layer.role) {
        errors.push(
            Diagnostic::error(
                codes::PACK_REFUSED,
                format!("the pack `{}` is not for layers of role {}", pack.name, word(layer.role)),
            )
            .at(part.span())
            .expected(format!("a layer of role {}", word(role))),
        );
    }
    let cloud = &selection.cluster.cloud;
    if !pack.clouds.is_empty() && !pack.clouds.contains(cloud) {
        errors.push(
            Diagnostic::error(codes::CLOUD, format!("the pack `{}` is not for the cloud `{cloud}`", pack.name))
                .at(part.span())
                .expected(format!("one of: {}", pack.clouds.join(", "))),
        );
    }
    match &pack.lifecycle {
        PackLifecycle::Active => {}
        PackLifecycle::Deprecated(message) => {
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            let said = format!("the pack `{}@{}` is deprecated{message}", pack.name, pack.version);
            warnings.push(Diagnostic::warning(codes::DEPRECATED, said).at(part.span()));
        }
        PackLifecycle::Ended(state, message) => {
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            let said = format!("the pack `{}@{}` is {state}{message}", pack.name, pack.version);
            errors.push(Diagnostic::error(codes::PACK_REFUSED, said).at(part.span()).hint("use another version"));
        }
    }
}
