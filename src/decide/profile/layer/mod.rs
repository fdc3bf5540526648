//! In: a layer of a cluster, its pack, its files. Out: its document, options and files (the second pass).
//! Guarantee: each step is a later writer; what is wrong stands where it was written.
pub(super) mod source;
mod chart;
pub(super) mod chart_texts;
pub(super) mod kustomization;
pub(super) mod declared;
pub(super) mod options;
pub(super) mod keys;
pub(super) mod document;
pub(super) mod manifest_files;
pub(super) mod pack_lifecycle;
pub(super) mod pack_source;
pub(super) mod presets;
pub(super) mod patches;
pub(super) mod values;
pub(super) mod values_schema;
pub(super) mod health_expressions;
