//! In: nothing. Out: the numbers of this stage's diagnostics.
//! Guarantee: a number means one thing for ever; one that is no longer used is not given again.
use crate::decide::value::Code;

/// No `fleet.yaml`.
pub const NO_FLEET: Code = Code(201);
/// A path that no document may have.
pub const REFUSED_PATH: Code = Code(202);
/// A symbolic link or a submodule where a file is expected.
pub const NOT_A_FILE: Code = Code(203);
/// A document with another ending, or in a folder that is no name.
pub const MISPLACED: Code = Code(204);
/// A cluster that stands twice.
pub const TWO_CLUSTERS: Code = Code(205);
/// Two clusters with one target.
pub const ONE_TARGET: Code = Code(206);
/// A file that is not there.
pub const NO_FILE: Code = Code(207);
/// A path that leaves the repository.
pub const OUTSIDE: Code = Code(208);
/// A pattern that no file matches.
pub const NO_MATCH: Code = Code(209);
/// An environment that no document describes.
pub const NO_ENVIRONMENT: Code = Code(210);
/// A revision that is neither a full commit id nor a locked tag.
pub const REVISION: Code = Code(211);
/// A cluster that no document describes.
pub const NO_CLUSTER: Code = Code(212);
/// A tag in use that moved.
pub const TAG_MOVED: Code = Code(213);
/// The pinned revision could not be read.
pub const NO_PIN: Code = Code(214);
/// A repository that the settings do not have.
pub const NO_REPOSITORY: Code = Code(215);
/// A repository that could not be looked at.
pub const UNREACHABLE: Code = Code(216);
/// A pack that two formats describe.
pub const TWO_FORMATS: Code = Code(230);
/// A folder of documents without one.
pub const NO_DOCUMENT: Code = Code(217);
