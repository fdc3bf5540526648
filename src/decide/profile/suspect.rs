//! In: the fleet and a cluster. Out: which layers it has and what each is made from, as far as that can be told, with all
//! that is wrong so far. Guarantee: what is only missing because something else is wrong is not told.
use super::codes;
use super::composition::overlays::{Selected, select};
use super::composition::shape::shape;
use super::constraint;
use super::layer::declared::Declarations;
use super::layer::pack_source::{MissingPack, missing};
use super::layer::source::source;
use super::part::{Packaged, What};
use super::resolve::{Sketch, pack_layers};
use super::variable::variables;
use crate::decide::document::Texts;
use crate::decide::fleet::{Fleet, Found};
use crate::decide::value::{Diagnostic, Seal};
use crate::name::ClusterName;

/// A sketch of what can be told of a cluster, with all that is wrong so far.
#[derive(Clone, Debug)]
pub struct Suspect {
    pub(super) sketch: Sketch,
    pub(super) errors: Vec<Diagnostic>,
    /// Whether no layer is missing for what is wrong.
    pub(super) is_whole: bool,
    /// Whether each variable has its value.
    pub(super) has_variables: bool,
    /// The packs of registries that were not read yet.
    missing: Vec<MissingPack>,
}

/// Settles as much of a cluster as can be told; an error where nothing at all can.
pub fn suspect(fleet: &Fleet, cluster: &ClusterName, seal: &Seal) -> Result<Suspect, Vec<Diagnostic>> {
    suspect_with(&mut Declarations::default(), fleet, cluster, seal)
}

impl Suspect {
    /// Returns the archives of packages that have to be unpacked before it is looked at further.
    pub fn packages(&self, texts: &Texts) -> Vec<Packaged> {
        self.sketch.packages(texts)
    }

    /// Returns the packs of registries that have to be read before more can be told.
    pub fn missing_packs(&self) -> &[MissingPack] {
        &self.missing
    }

    /// Returns the charts in archives of which something is to be read before it is looked at further.
    pub fn charts(&self) -> Vec<&What> {
        self.sketch.charts()
    }

    /// Returns the files that have to be opened before it is looked at further, once its texts were read.
    pub fn sealed(&self, texts: &Texts) -> Vec<Found> {
        self.sketch.sealed(texts)
    }
}

/// Does the same, with what was read of declarations for clusters before.
pub(super) fn suspect_with(
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
    seal: &Seal,
) -> Result<Suspect, Vec<Diagnostic>> {
    let Selected { mut selection, mut errors, is_whole } = select(fleet, cluster, seal)?;
    let mut found = Vec::new();
    let shaped = shape(&mut selection, &mut found);
    let is_shaped = found.is_empty();
    let mut warnings = std::mem::take(&mut selection.warnings);
    let before = found.len();
    let variables = variables(&selection, seal, &mut found, &mut warnings);
    let has_variables = found.len() == before && is_whole;
    // What is missing with a profile or an overlay is no further mistake.
    let follows = [codes::NO_LAYER, codes::MISSING_LAYER, codes::NO_VARIABLE];
    errors.extend(found.into_iter().filter(|said| is_whole || !follows.contains(&said.code)));
    let missing = missing(&selection, &shaped);
    let (mut layers, count) = (Vec::new(), shaped.len());
    for mut layer in shaped {
        layer.declared = declarations.of(&selection, &layer);
        if let Some(source) = source(&selection, &layer, &mut errors, &mut warnings) {
            layers.push((layer, source));
        }
    }
    let is_whole = is_whole && is_shaped && layers.len() == count;
    if is_whole {
        constraint::check(&selection.cluster, &pack_layers(&layers), &mut errors, &mut warnings);
    }
    let sketch = Sketch { selection, layers, variables, head: fleet.head.clone(), warnings };
    Ok(Suspect { sketch, errors, is_whole, has_variables, missing })
}
