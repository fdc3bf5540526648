//! In: nothing. Out: the numbers of this stage's diagnostics.
//! Guarantee: a number means one thing for ever; one that is no longer used is not given again.
use crate::decide::value::Code;

/// A write that could not be tried.
pub const UNVERIFIED: Code = Code(501);
/// A write that would be refused.
pub const REFUSED: Code = Code(502);
/// An inventory that is too large.
pub const INVENTORY: Code = Code(503);
// 504 and 505 were approvals that do not count and changes that are never done: plans say both themselves.
/// An object of ours that no longer bears our mark.
pub const UNMARKED: Code = Code(506);
/// A version of a pack that does not go in the place of the one that is there.
pub const UPGRADE: Code = Code(507);
/// What the operator does not let the repository touch.
pub const OUTSIDE: Code = Code(510);
/// A definition that nobody wants and that is not deleted, since an object of its kind stays.
pub const HELD: Code = Code(511);
