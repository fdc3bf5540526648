//! In: the files of a pack in Palette's own format. Out: a Pack as all others, its presets, the schema of its values.
//! Guarantee: a pack is taken as it is published; what it says and nobody here does is told, never dropped.
mod pack_json;
mod preset_file;
mod quantity;
mod values_schema;

pub(super) use pack_json::read_pack;
pub use pack_json::{Palette, without_tabs};
pub use preset_file::read_presets;
pub use quantity::{Measure, amount};
pub use values_schema::{Form, Rule, ValuesSchema};
