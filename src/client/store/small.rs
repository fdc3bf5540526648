//! In: the path of a file on this machine. Out: its short text.
//! Guarantee: what was written is on the disk, all of it or none.
use super::{MODE, io};
use crate::decide::value::Fault;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The largest text: an id has a hundredth of it.
const BYTES_MAX: u64 = 4_096;

/// Reads a short text; none where there is no file.
pub fn read_small(file: &Path) -> Result<Option<String>, Fault> {
    let attempt = format!("could not read {}", file.display());
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&attempt, &error)),
        Ok(found) if found.len() > BYTES_MAX => {
            let error = std::io::Error::other(format!("expected at most {BYTES_MAX} bytes, found {}", found.len()));
            return Err(io(&attempt, &error));
        }
        Ok(_) => {}
    }
    fs::read_to_string(file).map(Some).map_err(|error| io(&attempt, &error))
}

/// Writes a short text; the folder is made where it is not there.
pub fn write_small(file: &Path, text: &str) -> Result<(), Fault> {
    let write = || {
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Two processes may write the same at once, each to a scratch file of its own.
        let scratch = file.with_extension(format!("new-{}", std::process::id()));
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&scratch)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&scratch, file)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| io(&format!("could not write {}", file.display()), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let file = scratch.path().join("servers/a");
        assert_eq!(read_small(&file).map_err(|fault| fault.to_string()), Ok(None), "nothing yet");
        for text in ["one\n", "two\n"] {
            write_small(&file, text).expect("it is our folder");
            assert_eq!(read_small(&file).map_err(|fault| fault.to_string()), Ok(Some(text.into())), "the newest");
        }
        fs::write(&file, vec![b'a'; 5000]).expect("it is our folder");
        assert!(read_small(&file).is_err(), "too large");
    }
}
