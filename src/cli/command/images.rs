//! In: clusters, and a revision. Out: the container images that their objects name and their packages and packs list, to be
//! mirrored where there is no network. Guarantee: one line an image, sorted, each once; nothing is read of a target; of one
//! that comes from a sensitive value it is told that it is not there.
use super::current_fleet::{Here, find_cluster, on_large_stack};
use super::{Answer, Failure, Found, once};
use crate::cli::args;
use crate::cli::print::Text;
use crate::decide::render::{Images, images};
use crate::decide::value::Warnings;
use crate::name::{ClusterName, LayerName};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// Lists the images of clusters.
pub(super) fn run(options: &args::Images, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (found, warnings) = on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        options.cluster.iter().try_for_each(|cluster| find_cluster(&fleet, cluster))?;
        let all = || fleet.index.cluster_names().cloned().collect();
        let clusters: Vec<ClusterName> = if options.cluster.is_empty() { all() } else { options.cluster.clone() };
        let (mut found, mut said) = (Images::new(), Vec::new());
        for cluster in &clusters {
            let mut warnings = Warnings::default();
            let wanted = preview.wanted(&fleet, cluster, &mut warnings).await?;
            warnings.0.extend(images(&wanted.layers, &mut found));
            for layer in &wanted.profile.layers {
                for image in &layer.images {
                    found.entry(image.clone()).or_default().insert(layer.name.clone());
                }
            }
            said.extend(Found::of(cluster, clusters.len(), warnings.0));
        }
        Ok((found, once(said)))
    })?;
    let mut text = Text::default();
    text.lines(found.keys().map(ToString::to_string));
    let layers = |layers: &BTreeSet<LayerName>| layers.iter().map(ToString::to_string).collect::<Vec<String>>();
    let data = found.iter().map(|(image, of)| json!({ "image": &**image, "layers": layers(of) }));
    let mut answer = Answer::new(text, data.collect::<Vec<_>>().into());
    answer.warnings = warnings;
    Ok(answer)
}
