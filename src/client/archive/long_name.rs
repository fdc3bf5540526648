//! In: the entries that say something of the next one. Out: its name, where it is too long for a header.
//! Guarantee: bounded; what would make two readers see two archives (another size, a sparse file) is refused.
use super::Reason;
use std::io::Read;
use tar::EntryType;

/// A path of 4096 bytes with what stands around it, and some times as many attributes.
const BYTES_MAX: u64 = 64 * 1024;

/// Attributes of a PAX header that name nothing and change nothing of what is read here.
const HARMLESS: [&str; 9] = ["mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "charset"];

/// The name of the next entry.
#[derive(Debug, Default)]
pub(super) struct LongName {
    name: Option<Vec<u8>>,
}

impl LongName {
    /// Reads an entry that is about the next one; false where it stands for itself.
    pub(super) fn take(&mut self, kind: EntryType, entry: &mut impl Read) -> Result<bool, Reason> {
        match kind {
            EntryType::XGlobalHeader => {} // Git's archives name their commit so
            EntryType::GNULongName => {
                let mut name = content(entry)?;
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                name.truncate(end);
                self.name = Some(name);
            }
            EntryType::XHeader => {
                let found = path(&content(entry)?)?;
                self.name = found.or_else(|| self.name.take());
            }
            EntryType::GNULongLink => return Err(Reason::Link),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the name, once.
    pub(super) fn name(&mut self) -> Option<Vec<u8>> {
        self.name.take()
    }
}

fn content(entry: &mut impl Read) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    entry.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| Reason::of(&error))?;
    if bytes.len() as u64 > BYTES_MAX { Err(Reason::TooLarge(BYTES_MAX)) } else { Ok(bytes) }
}

/// Returns the path of a PAX header: records of `LENGTH KEY=VALUE` and a line break.
fn path(mut records: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
    let damaged = || Reason::Malformed("an extended header has no records".into());
    let mut found = None;
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let digits = records.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
        let length: usize = digits.and_then(|digits| digits.parse().ok()).ok_or_else(damaged)?;
        let record =
            records.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(damaged)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(damaged)?;
        let key = record.get(..equals).and_then(|key| std::str::from_utf8(key).ok()).ok_or_else(damaged)?;
        match key {
            "path" => found = record.get(equals + 1..).map(<[u8]>::to_vec),
            "linkpath" => return Err(Reason::Link),
            _ if HARMLESS.contains(&key) || key.starts_with("SCHILY.") || key.starts_with("LIBARCHIVE.") => {}
            _ => return Err(Reason::Malformed("an extended header changes more than a name".into())),
        }
        records = records.get(length..).ok_or_else(damaged)?;
    }
    Ok(found)
}
