//! In: a cluster, the record in its target. Out: an error where that is another cluster's.
//! Guarantee: a renamed cluster goes on with its record; one that is still described loses it to nobody.
use crate::decide::fleet::Fleet;
use crate::decide::profile::Record;
use crate::decide::value::Fault;
use crate::name::ClusterName;

/// A target with a record of another cluster is ours only if no document describes that one any longer: then it has
/// become this one.
pub(super) fn own(fleet: &Fleet, cluster: &ClusterName, record: &Record) -> Result<(), Fault> {
    let had = &record.cluster;
    if had == cluster || fleet.index.environment_of(had).is_none() {
        return Ok(());
    }
    Err(fleet.index.not_its_target(cluster, had).into())
}
