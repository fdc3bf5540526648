//! In: a layer as its profile declares it. Out: all of it that no cluster changes by writing values: source, frame, options.
//! Guarantee: what is kept is what would be made anew; a layer of which there is anything to tell is not kept.
//!
//! Why: ten thousand clusters have the same few dozen layers, and nearly all overlays write nothing but values of them.
//! Whoever sketches many clusters keeps what he has read; each thread for itself, since threads that count the owners of
//! one thing wait for each other.
use super::super::composition::overlays::Selection;
use super::super::composition::shape::{Shaped, Step};
use super::super::full::LayerOptions;
use super::document::frame;
use super::keys::declared_digest;
use super::options::options;
use super::source::{Made, made, values_files};
use crate::decide::document::{File, Fragment, LayerRole, Site};
use crate::decide::fleet::{Found, Index};
use crate::decide::value::{Digest, Span, Text, Value};
use crate::name::{LayerName, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields of an overlay's entry that leave all that is declared as it is.
const VALUES: [&str; 4] = ["name", "values", "valuesFiles", "patches"];

/// More layers than the largest fleets declare; all is read anew beyond it.
const LAYERS_MAX: usize = 10_000;

/// A layer as its profile declares it.
#[derive(Debug)]
pub(in crate::decide::profile) struct Declared {
    pub(in crate::decide::profile) made: Arc<Made>,
    /// Where the pack is named, if there is one.
    pub(in crate::decide::profile) pack_part: Option<Fragment>,
    /// The values files of the declaration.
    pub(in crate::decide::profile) files: Vec<Found>,
    /// The declaration's values.
    pub(in crate::decide::profile) values: Option<Value>,
    /// The layer document without its values.
    pub(in crate::decide::profile) frame: Value,
    pub(in crate::decide::profile) options: LayerOptions,
    /// The options as text, by which they are digested.
    pub(in crate::decide::profile) options_text: Box<str>,
    pub(in crate::decide::profile) renamed_from: Option<LayerName>,
    pub(in crate::decide::profile) depends_on: Vec<(LayerName, Span)>,
    pub(in crate::decide::profile) priority_at: Option<Span>,
    pub(in crate::decide::profile) at: Span,
    /// The digest of all that is declared, whatever is read of it, and of what it is made from.
    pub(in crate::decide::profile) digest: Digest,
}

/// Where a declaration stands: the index, the file and the node; the first two by their place in memory.
type Key = (usize, usize, u32);

/// What was read, with what the places in memory are of, which therefore stay what they are.
type Known = (Arc<Index>, Arc<File>, Option<Arc<Declared>>);

/// Layers as profiles declare them, read for one cluster and good for the next.
#[derive(Debug, Default)]
pub struct Declarations {
    known: BTreeMap<Key, Known>,
}

impl Declarations {
    /// Returns what a layer's profile declares, where that is all of it but for values.
    pub(in crate::decide::profile) fn of(&mut self, selection: &Selection, layer: &Shaped) -> Option<Arc<Declared>> {
        let (declaration, others) = layer.steps.split_first()?;
        let home = selection.homes.get(declaration.profile?)?;
        // The server that makes the cluster has a namespace for it, which is the cluster's own.
        let is_own = layer.kept.is_empty() && layer.site == Site::Workload;
        if !is_own || others.iter().any(|step| !writes_only_values(step)) {
            return None;
        }
        let file = &declaration.part.file;
        let key = (Arc::as_ptr(&home.index).addr(), Arc::as_ptr(file).addr(), declaration.part.node().at());
        if let Some((.., known)) = self.known.get(&key) {
            return known.clone();
        }
        if self.known.len() >= LAYERS_MAX {
            self.known.clear();
        }
        let declared = Declared::read(selection, layer, declaration).map(Arc::new);
        self.known.insert(key, (home.index.clone(), file.clone(), declared.clone()));
        declared
    }
}

fn writes_only_values(step: &Step) -> bool {
    step.part.node().entries().all(|(key, _)| VALUES.contains(&key.text()))
}

impl Declared {
    fn read(selection: &Selection, layer: &Shaped, declaration: &Step) -> Option<Self> {
        let alone = Shaped { steps: vec![declaration.clone()], kept: Vec::new(), declared: None, ..layer.clone() };
        let mut errors = Vec::new();
        // What is told of a pack depends on the cluster, and is told for each.
        let made = Arc::new(made(selection, &alone, &mut errors, &mut Vec::new())?);
        let files = values_files(selection, declaration, "valuesFiles", &mut errors);
        let is_infrastructure = alone.role != LayerRole::AddOn;
        let is_told = !errors.is_empty()
            || alone.field("secretsFiles").is_some()
            || (is_infrastructure && alone.field("priority").is_some())
            || alone.health("expressions").is_some()
            || alone.field("deliverTo").is_some_and(|part| part.text() == "management");
        if is_told {
            return None;
        }
        let options = options(&alone);
        Some(Self {
            pack_part: alone.field("pack"),
            files,
            values: declaration.part.get("values").map(|part| part.value()),
            frame: frame(&selection.cluster, &alone, &made),
            options_text: format!("{options:?}").into(),
            options,
            renamed_from: alone.renamed_from(),
            depends_on: alone.depends_on(),
            priority_at: alone.field("priority").map(|part| part.span()),
            at: own(alone.at()),
            digest: declared_digest(&alone, &made),
            made,
        })
    }
}

/// Returns the same place, of a text and a path of its own.
fn own(at: Span) -> Span {
    let path = RepoPath::new(at.path.as_str()).unwrap_or_else(|_| at.path.clone());
    Span { path, source: Text((*at.source.0).into()), ..at }
}
