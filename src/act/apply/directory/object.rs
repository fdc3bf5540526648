//! In: what is to be done with a file. Out: it is done, and the version it gave.
//! Guarantee: what replaces another file is on the disk before that one goes.
use super::Failure;
use super::check::Todo;
use crate::client::directory::{Directory, Reason};
use crate::decide::plan::directory_layout::version_of;
use crate::decide::plan::{Version, Why};

/// Does it; a removal gives the empty version.
pub(super) fn perform(directory: &Directory, uid: &str, todo: Todo) -> Result<Version, Failure> {
    let (version, then_remove) = match todo {
        Todo::Put { path, bytes, then_remove } => {
            let put = directory.replace(&path, &bytes);
            if let Err(error) = &put
                && error.reason == Reason::NotDurable
                && then_remove.is_some()
            {
                // Only half of it is done: whoever looks would see the new file and take the whole for done.
                return Err(Failure::Refused(Why::Unavailable(error.to_string())));
            }
            put?;
            (version_of(uid, &bytes), then_remove)
        }
        Todo::Done { bytes, then_remove } => (version_of(uid, &bytes), then_remove),
        Todo::Remove { path } => (Version("".into()), Some(path)),
        Todo::Nothing => (Version("".into()), None),
    };
    if let Some(path) = then_remove {
        directory.remove(&path)?;
    }
    Ok(version)
}
