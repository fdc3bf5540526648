//! In: the arguments of commands that commit what a person decides. Out: their options.
//! Guarantee: an id or a name that was read has passed its check.
use super::names::{change, cluster, commit, layer, repository};
use crate::name::{ClusterName, CommitId, LayerName, RepoName};
use clap::Args as ClapArgs;

/// Options of `approve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Approve {
    /// The change's id, as `plan` and the status print it; its first 12 digits do where they are of one change only
    #[arg(value_name = "ID", value_parser = change)]
    pub(crate) id: String,
    /// Why, for who reads the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Approve it though nothing here knows it
    #[arg(long)]
    pub(crate) unseen: bool,
}

/// Options of `pause` and `resume`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Pause {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// Only this layer
    #[arg(value_name = "LAYER", value_parser = layer)]
    pub(crate) layer: Option<LayerName>,
    /// Why, for who reads the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Options of `adopt`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Adopt {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// The layer
    #[arg(value_name = "LAYER", value_parser = layer)]
    pub(crate) layer: LayerName,
    /// From this field manager or tool (kubectl, helm, flux, argocd); may be given several times; default: from all who
    /// have what the layer states
    #[arg(long, value_name = "MANAGER")]
    pub(crate) from: Vec<String>,
    /// Only tell what changes hands
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Why, for who reads the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Options of `release`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Release {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// Only this layer
    #[arg(value_name = "LAYER", value_parser = layer)]
    pub(crate) layer: Option<LayerName>,
    /// Only tell what is let go of
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Why, for who reads the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Options of `accept`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Accept {
    /// The commit, with all its 40 digits
    #[arg(value_name = "COMMIT", value_parser = commit)]
    pub(crate) commit: CommitId,
    /// Hold this tag, which moved, at the commit that fleet.lock has of it
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Of this repository of the settings, not of the fleet's own
    #[arg(long, value_name = "NAME", value_parser = repository)]
    pub(crate) repository: Option<RepoName>,
}
