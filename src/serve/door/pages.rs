//! In: the name of a page, as a comment links it. Out: the page.
//! Guarantee: a name is 64 hexadecimal digits, so that no path is made of it; what is not there is not told from what never was.
use crate::client::directory::Directory;
use std::path::Path;

/// The most bytes that are read: none that we keep has more.
const BYTES_MAX: usize = 16 << 20;

/// Reads a page.
pub(super) fn page(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let folder = Directory::open(folder).ok().flatten().filter(|_| is_name)?;
    folder.read(name, BYTES_MAX).ok().flatten()
}
