//! In: values and templates with placeholders. Out: the same without.
//! Guarantee: nothing becomes an empty text; what depends on something sensitive is so, too.
pub(super) mod fill_order;
pub(super) mod scope;
pub(super) mod template;
pub(super) mod template_files;
