//! In: names of clusters of the work. Out: a store as a process leaves it, with each of them synced to the first commit.
//! Guarantee: in the tables of the loop, by the forms that it reads.
use crate::work::Work;
use std::path::Path;
use stratify::client::store::Store;
use stratify::decide::report::{Condition, Remembered, Standing};
use stratify::decide::value::{Digest, Timestamp};
use stratify::name::{ClusterName, EnvironmentName};

/// Writes what a process leaves, in the tables of the loop.
pub(crate) fn remember(work: &Work, file: &Path, names: Vec<String>) {
    let store = Store::open(file).expect("the store can be made");
    let row = |cluster: String| {
        let digest = Digest([7; 32]);
        let standing = Standing {
            cluster: ClusterName::new(&cluster).expect("it is a label"),
            wanted: digest,
            condition: Condition::Synced { digest, commit: work.first },
            since: Timestamp(0),
            note: None,
        };
        let environment = EnvironmentName::new("dev").expect("it is a label");
        (cluster.into_bytes(), Some(Remembered { environment, standing, is_concerned: false }.encode()))
    };
    let rows: Vec<_> = names.into_iter().map(row).collect();
    store.put_all("standings", &rows).expect("there is room");
    store.put_all("head", &[(b"head".to_vec(), Some(work.first.0.to_vec()))]).expect("there is room");
}
