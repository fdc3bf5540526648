//! In: charts in archives, that layers name. Out: what they say of their values, among the texts that are read.
//! Guarantee: each is read once a process; where an archive cannot be had, nothing is said here: whoever renders it does.
use super::registry_packs;
use super::world::Sources;
use crate::decide::document::{Blob, ChartTexts, Texts};
use crate::decide::profile::{SCHEMA, VALUES, What};
use crate::decide::value::{Digest, Domain, Fault, Hasher};
use crate::name::BlobId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many bytes are kept: values and schemas of some hundred charts.
const BYTES_MAX: usize = 32 << 20;

/// How long an archive that could not be had is not asked for again: a registry that is away answers each of many clusters
/// as late.
const AWAY: Duration = Duration::from_mins(1);

/// What was read of charts.
#[derive(Default)]
pub(super) struct Charts(Mutex<BTreeMap<Digest, Read>>);

/// What was read of one chart.
enum Read {
    Texts([Option<Arc<Blob>>; 2]),
    /// It could not be had then.
    Away(Instant),
}

impl Charts {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<Digest, Read>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was read of a chart; nothing where it is to be read now.
    fn known(&self, digest: Digest) -> Option<[Option<Arc<Blob>>; 2]> {
        match self.kept().get(&digest)? {
            Read::Texts(texts) => Some(texts.clone()),
            Read::Away(since) => (since.elapsed() < AWAY).then(Default::default),
        }
    }

    fn keep(&self, digest: Digest, read: Read) {
        let mut kept = self.kept();
        let bytes = |read: &Read| match read {
            Read::Texts(texts) => texts.iter().flatten().filter_map(|blob| blob.bytes()).map(|it| it.len()).sum(),
            Read::Away(_) => 0_usize,
        };
        if kept.values().map(bytes).sum::<usize>() > BYTES_MAX {
            kept.clear();
        }
        kept.insert(digest, read);
    }
}

/// Reads what charts say of their values.
pub(super) async fn read_charts<W: Sources>(world: &W, charts: Vec<&What>, texts: &mut Texts) -> Result<(), Fault> {
    let held = world.expansions().charts();
    for what in charts {
        let digest = what.digest();
        let found = match held.known(digest) {
            Some(found) => found,
            None => read(world, what, digest).await?,
        };
        let [values, schema] = &found;
        let id = |blob: &Option<Arc<Blob>>| blob.as_ref().map(|blob| blob.id());
        texts.take_chart(digest, ChartTexts { values: id(values), schema: id(schema) });
        found.into_iter().flatten().for_each(|blob| texts.share(blob));
    }
    Ok(())
}

async fn read<W: Sources>(world: &W, what: &What, digest: Digest) -> Result<[Option<Arc<Blob>>; 2], Fault> {
    let held = world.expansions().charts();
    let archive = registry_packs::texts(world, what.blobs()).await?;
    let Ok(files) = world.expansions().files_of_chart(what.clone(), archive, &[VALUES, SCHEMA]).await else {
        held.keep(digest, Read::Away(Instant::now()));
        return Ok(Default::default());
    };
    let mut blobs = files.into_iter().map(|file| file.map(|bytes| Arc::new(Blob::new(id(&bytes), Ok(bytes)))));
    let found = [blobs.next().flatten(), blobs.next().flatten()];
    held.keep(digest, Read::Texts(found.clone()));
    Ok(found)
}

/// Content of an archive needs an id that no blob of Git has.
fn id(bytes: &[u8]) -> BlobId {
    let mut hasher = Hasher::new(Domain("chart-file/1"));
    hasher.bytes(bytes);
    let mut id = [0; 20];
    id.iter_mut().zip(hasher.finish().0).for_each(|(to, from)| *to = from);
    BlobId(id)
}
