//! In: nothing. Out: the numbers of this stage's diagnostics.
//! Guarantee: a number means one thing for ever; one that is no longer used is not given again.
use crate::decide::value::Code;

/// A layer that renders to nothing.
pub const EMPTY: Code = Code(401);
/// A document that is no object of Kubernetes.
pub const NOT_AN_OBJECT: Code = Code(402);
/// An object whose name is chance.
pub const GENERATE_NAME: Code = Code(403);
/// An object that stands twice.
pub const TWO_OBJECTS: Code = Code(404);
/// An object patch that matches nothing.
pub const NO_TARGET: Code = Code(405);
/// An object patch that makes another object of one.
pub const IDENTITY: Code = Code(406);
/// A list whose items have one key twice.
pub const TWO_KEYS: Code = Code(407);
/// A namespace on an object of a kind that has none.
pub const NAMESPACE: Code = Code(408);
// 409 were custom resources before the layer that defines their kind: they are deferred, and plans say so.
/// A manifest file without an object.
pub const EMPTY_FILE: Code = Code(410);
/// A rule for objects that a layer does not have.
pub const UNMATCHED: Code = Code(411);
/// A text that looks like a placeholder and is none.
pub const UNMARKED: Code = Code(412);
/// Something that has to be rendered outside, and was not.
pub const NOT_EXPANDED: Code = Code(413);
/// A chart or a kustomization that cannot be rendered.
pub const REFUSED: Code = Code(414);
/// An image that comes from a sensitive value.
pub const HIDDEN_IMAGE: Code = Code(432);
/// Labels and annotations of a namespace that another one makes.
pub const NAMESPACE_MARKS: Code = Code(430);
