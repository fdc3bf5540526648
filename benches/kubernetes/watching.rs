//! In: servers, real and simulated. Out: when each of them took a record of the fleet.
//! Guarantee: told by the servers, not by the program; a watch of a real one is open before it is needed.
use crate::fleet::connect_to;
use crate::testenv::{Server, Simulated, User};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use stratify::client::kubernetes::{Change, ObjectPath};
use stratify::decide::value::Value;
use tokio::runtime::Runtime;

/// Records as they are written.
pub(crate) struct Ends {
    told: Receiver<(usize, Instant)>,
    // Its watches end with it.
    _runtime: Runtime,
}

impl Ends {
    /// Watches all clusters: the simulated ones come first.
    pub(crate) fn watch(servers: &[Server], simulated: &Simulated, clusters: usize, fleet: &str) -> Self {
        let (tell, told) = channel();
        for at in 0..clusters {
            let (tell, record) = (tell.clone(), format!("/secrets/record.{fleet}"));
            simulated.cluster(at).on_write(move |path, when| {
                if path.ends_with(&record) {
                    let _ = tell.send((at, when));
                }
            });
        }
        let runtime = Runtime::new().expect("threads start");
        for (at, server) in servers.iter().enumerate() {
            let kubeconfig = server.kubeconfig_file(User::ADMIN);
            runtime.spawn(follow(kubeconfig, format!("record.{fleet}"), clusters + at, tell.clone()));
        }
        Self { told, _runtime: runtime }
    }

    /// Forgets what was told up to now.
    pub(crate) fn forget(&self) {
        while self.told.try_recv().is_ok() {}
    }

    /// Waits until each of these clusters has taken so many records; returns when each had.
    pub(crate) fn wait_for_all(&self, clusters: &BTreeSet<usize>, records: usize, patience: Duration) -> Vec<Instant> {
        let begin = Instant::now();
        let (mut counts, mut ends): (BTreeMap<usize, usize>, Vec<Instant>) = (BTreeMap::new(), Vec::new());
        while ends.len() < clusters.len() {
            let left = patience.saturating_sub(begin.elapsed());
            let Ok((at, when)) = self.told.recv_timeout(left) else {
                let is_open = |at: &&usize| counts.get(at).is_none_or(|count| *count < records);
                let open: Vec<&usize> = clusters.iter().filter(is_open).collect();
                panic!("after {patience:?} there is no record of {} clusters: {open:?}", open.len());
            };
            let count = counts.entry(at).or_default();
            *count += 1;
            if *count == records && clusters.contains(&at) {
                ends.push(when);
            }
        }
        ends
    }
}

/// Tells of each version of a record of a real server.
async fn follow(kubeconfig: std::path::PathBuf, record: String, at: usize, tell: Sender<(usize, Instant)>) {
    let server = connect_to(&kubeconfig).await;
    let path = ObjectPath::secret("stratify-system", "");
    let mut from = server.list_metadata(&path, "", |_| {}).await.expect("the server answers");
    let mut is_made = false;
    loop {
        let mut watch = server.watch(&path, "", &from).await.expect("the server answers");
        while let Ok(Some(change)) = watch.next().await {
            let (Change::Put(object) | Change::Gone(object)) = change else { continue };
            let text = |key: &str| object.get("metadata").and_then(|it| it.get(key)).and_then(Value::as_str);
            text("resourceVersion").unwrap_or_default().clone_into(&mut from);
            if text("name") != Some(record.as_str()) {
                continue;
            }
            // As with the simulated ones, the first is not counted: it is made, not replaced.
            if std::mem::replace(&mut is_made, true) && tell.send((at, Instant::now())).is_err() {
                return;
            }
        }
    }
}
