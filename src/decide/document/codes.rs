//! In: nothing. Out: the numbers of this stage's diagnostics.
//! Guarantee: a number means one thing for ever; one that is no longer used is not given again.
use crate::decide::value::Code;

/// The file is not UTF-8.
pub const NOT_UTF8: Code = Code(101);
/// The file is no YAML.
pub const SYNTAX: Code = Code(102);
/// The file, or something in it, is too large.
pub const TOO_LARGE: Code = Code(103);
/// A field that the kind does not have.
pub const UNKNOWN_FIELD: Code = Code(104);
/// A value of another type.
pub const WRONG_TYPE: Code = Code(105);
/// A key that stands twice.
pub const DUPLICATE_KEY: Code = Code(106);
/// Too many maps and lists inside one another.
pub const TOO_DEEP: Code = Code(107);
/// Aliases that add too much.
pub const ALIASES: Code = Code(108);
/// A tag that is not supported.
pub const TAG: Code = Code(109);
/// A tab in the indentation.
pub const TAB: Code = Code(110);
/// More or fewer documents in a file than one.
pub const ONE_DOCUMENT: Code = Code(111);
/// A scalar without quotes that people read otherwise.
pub const SURPRISING: Code = Code(112);
/// Two fields of which only one may stand.
pub const EXCLUSIVE: Code = Code(113);
/// A number that JSON has no form for.
pub const NOT_FINITE: Code = Code(114);
/// A field that must stand and does not.
pub const MISSING_FIELD: Code = Code(115);
/// A value of the right type that is not allowed.
pub const INVALID_VALUE: Code = Code(116);
/// A field whose behaviour is not built yet.
pub const NOT_SUPPORTED: Code = Code(117);
/// Another kind or version than the file's place asks for.
pub const WRONG_KIND: Code = Code(118);
/// A name that stands twice in a list.
pub const DUPLICATE_NAME: Code = Code(119);
/// A file whose content was not read: a mistake of ours.
pub const NOT_READ: Code = Code(120);
/// A sealed file that cannot be opened.
pub const SEALED: Code = Code(140);
