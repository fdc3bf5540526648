//! In: nothing. Out: the numbers of this stage's diagnostics.
//! Guarantee: a number means one thing for ever; one that is no longer used is not given again.
use crate::decide::value::Code;

/// A profile that no document describes.
pub const NO_PROFILE: Code = Code(301);
/// Not exactly one infrastructure or full profile.
pub const INFRASTRUCTURE: Code = Code(302);
/// A layer that a profile of this type cannot have.
pub const ROLE: Code = Code(303);
/// An infrastructure layer that is missing.
pub const MISSING_LAYER: Code = Code(304);
/// A layer that stands twice.
pub const TWO_LAYERS: Code = Code(305);
/// A layer that is not there.
pub const NO_LAYER: Code = Code(306);
/// Not exactly one source.
pub const SOURCE: Code = Code(307);
/// A pack that is not there.
pub const NO_PACK: Code = Code(308);
/// A pack that must not be used here.
pub const PACK_REFUSED: Code = Code(309);
/// A cloud that a profile or pack is not for.
pub const CLOUD: Code = Code(310);
/// A preset that is not there, or excludes another.
pub const PRESET: Code = Code(311);
/// A variable that no profile declares.
pub const NO_VARIABLE: Code = Code(312);
/// A value that a variable cannot have.
pub const VARIABLE_VALUE: Code = Code(313);
/// A variable that has to be set.
pub const VARIABLE_REQUIRED: Code = Code(314);
/// A variable that overlays must leave.
pub const VARIABLE_READ_ONLY: Code = Code(315);
/// An expression that cannot be evaluated.
pub const EXPRESSION: Code = Code(316);
/// Layers that wait for each other.
pub const CYCLE: Code = Code(317);
/// A patch that cannot be done.
pub const PATCH: Code = Code(318);
/// A part of the layer document that patches must leave.
pub const PATCH_PATH: Code = Code(319);
/// Values that the pack's schema does not take.
pub const SCHEMA: Code = Code(320);
/// A constraint that is not met.
pub const CONSTRAINT: Code = Code(321);
/// A constraint that was not checked.
pub const NOT_CHECKED: Code = Code(322);
/// An overlay's entry that the pinned revision does not know.
pub const INACTIVE: Code = Code(323);
/// A schema that is none.
pub const BAD_SCHEMA: Code = Code(324);
/// Placeholders that refer to each other in a circle.
pub const VALUE_CYCLE: Code = Code(325);
/// A pack that is deprecated.
pub const DEPRECATED: Code = Code(326);
/// A field that this layer cannot have.
pub const FIELD: Code = Code(327);
/// A label that no cluster has.
pub const NO_LABEL: Code = Code(328);
/// A kustomization that is none, or that reads what it must not.
pub const KUSTOMIZATION: Code = Code(329);
/// What another server has, and the lock does not.
pub const NOT_LOCKED: Code = Code(330);
/// A chart that is none, or that cannot be rendered.
pub const CHART: Code = Code(331);
/// A name that a variable had before.
pub const RENAMED: Code = Code(340);
/// A Zarf package that cannot be used.
pub const PACKAGE: Code = Code(360);
