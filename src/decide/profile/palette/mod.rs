//! In: a layer with a pack in Palette's own format. Out: what its charts and manifests are given, and what its values say of
//! the layer itself: namespace, priority, namespaces beside it, health.
//! Guarantee: what the layer says by itself stands over what the pack's values say.
mod components;
mod macros;
mod pack_section;
mod parts;
mod schema;

pub(super) use components::check_components;
pub(super) use macros::{fleet_macros, set_roots};
pub(super) use pack_section::{Settled, settle_document, settled};
pub(super) use parts::{PaletteSource, palette_source, presets_of};
pub(super) use schema::{check_values, seal_passwords};
