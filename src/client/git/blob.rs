//! In: ids of blobs. Out: their contents.
//! Guarantee: a blob beyond the limit is never handed out, and one beyond what fits into memory never unpacked.
use super::address::Limits;
use super::bases::Bases;
use super::error::{in_local, local};
use super::objects::Content;
use crate::decide::document::TooLarge;
use crate::decide::value::Fault;
use crate::name::BlobId;
use gix::ObjectId;
use gix::objs::FindExt;
use std::sync::Arc;

/// Reads many blobs one call after the other, on one thread; to be dropped when the work is done.
pub struct Reader {
    repository: gix::Repository,
    limits: Limits,
}

impl Reader {
    pub(super) fn new(mut repository: gix::Repository, limits: Limits) -> Self {
        repository.objects.set_pack_cache(|| Box::new(Bases::default()));
        Self { repository, limits }
    }

    /// Returns the contents of blobs, in the order of the ids.
    pub fn read(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault> {
        read(&self.repository, blobs, &self.limits)
    }
}

/// Returns the contents of blobs, in the order of the ids.
pub(crate) fn read(
    repository: &gix::Repository,
    blobs: &[BlobId],
    limits: &Limits,
) -> Result<Vec<(BlobId, Content)>, Fault> {
    let mut buffer = Vec::new();
    blobs.iter().map(|blob| Ok((*blob, read_one(repository, *blob, limits, &mut buffer)?))).collect()
}

fn read_one(
    repository: &gix::Repository,
    blob: BlobId,
    limits: &Limits,
    buffer: &mut Vec<u8>,
) -> Result<Content, Fault> {
    let id = ObjectId::from_bytes_or_panic(&blob.0);
    let bytes_max = limits.blob_bytes_max;
    let too_large = |bytes| Ok(Err(TooLarge { bytes, bytes_max }));
    match repository.objects.find_blob(&id, buffer) {
        Ok(found) => match u64::try_from(found.data.len()) {
            Ok(bytes) if bytes <= bytes_max => Ok(Ok(Arc::from(found.data))),
            bytes => too_large(bytes.unwrap_or(u64::MAX)),
        },
        Err(error) => {
            // What is beyond the limit of memory is not unpacked; its header still tells the size.
            let attempt = format!("could not read blob {blob}");
            let header = repository.try_find_header(id).map_err(in_local(&attempt))?;
            match header {
                Some(header) if header.size() > limits.object_bytes_max => too_large(header.size()),
                _ => Err(local(&attempt, &error)),
            }
        }
    }
}
