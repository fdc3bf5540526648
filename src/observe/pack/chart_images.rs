//! In: a chart that was just locked. Out: the images that it lists in its annotations, and names with its own values.
//! Guarantee: of one archive and one version of helm they are the same wherever it is asked; what cannot be known is told.
use super::{Packs, chart, helm};
use crate::decide::document::yaml::{Limits, read};
use crate::decide::document::{LockedChart, Texts};
use crate::decide::fleet::{CHART, Capabilities};
use crate::decide::lock::annotated_images;
use crate::decide::profile::{Content, Remote, What};
use crate::decide::render::{Expanded, Request, images_of};
use crate::decide::value::{Digest, Map, Text, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The version of Kubernetes that a chart is told of, whatever the clusters have: the lock is one for all of them.
const KUBERNETES: &str = "1.33.0";

impl Packs {
    /// Returns the images of a chart, and why there may be more.
    pub fn images_of_chart(&self, locked: &LockedChart) -> (Vec<Arc<str>>, Option<String>) {
        let LockedChart { name, version, url, digest, .. } = locked;
        let called = format!("{name}-{version}").into();
        let remote = Remote { name: called, entry: name.clone(), url: url.clone(), digest: *digest };
        let what = What::Chart(Content::Remote(remote));
        let chart = match chart::chart(self, &what, &Texts::default()) {
            Ok(Ok(chart)) => chart,
            Ok(Err(refusal)) => return (Vec::new(), Some(refusal.message)),
            Err(fault) => return (Vec::new(), Some(fault.to_string())),
        };
        let mut images = chart.file(CHART).map(|bytes| annotated_images(&value(bytes))).unwrap_or_default();
        let request = Request {
            what,
            values: Value::map(Map::default()),
            release: name.clone(),
            namespace: "default".into(),
            capabilities: Capabilities { kubernetes: KUBERNETES.into(), apis: BTreeSet::new() },
            renderer: None,
            whose: None,
            // It is kept nowhere.
            digest: Digest([0; 32]),
        };
        let why = match helm::render(self, &request, &chart) {
            Ok(Expanded::Objects(objects)) => {
                images.extend(objects.iter().flat_map(|object| images_of(&object.manifest)));
                None
            }
            Ok(Expanded::Refused(refusals)) => refusals.into_iter().next().map(|refusal| refusal.message),
            Err(fault) => Some(fault.to_string()),
        };
        (images.into_iter().collect(), why)
    }
}

pub(super) fn value(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).ok();
    let stream = text.and_then(|text| read(&Text(text.into()), &Limits::default()).ok());
    stream.and_then(|stream| Some(stream.documents.first()?.root().value())).unwrap_or_default()
}
