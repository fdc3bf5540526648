//! In: the arguments of commands that only look. Out: their options.
//! Guarantee: what an option says in its help is all that it does.
use super::names::{cluster, environment};
use crate::name::{ClusterName, EnvironmentName};
use clap::{Args as ClapArgs, Subcommand};

/// Options of `plan`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Plan {
    /// Plan this revision, not the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Compare with this revision, not with what was applied
    #[arg(long, value_name = "REV")]
    pub(crate) from: Option<String>,
    /// Do not try the writes on API servers, without effect, as a sync does before its first one
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Only this cluster; may be given several times
    #[arg(long, value_name = "NAME", value_parser = cluster, conflicts_with = "environment")]
    pub(crate) cluster: Vec<ClusterName>,
    /// Only the clusters of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    pub(crate) environment: Option<EnvironmentName>,
}

/// Options of `diff`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Diff {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// Only this layer
    #[arg(value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Compare with this revision, not with the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
}

/// Options of `explain`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// A layer, or a value of it: `cni/values/ipam/mode`
    #[arg(value_name = "LAYER[/PATH]")]
    pub(crate) place: Option<String>,
    /// Read this revision, not the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
}

/// Options of `values`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Values {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// The layer
    #[arg(value_name = "LAYER")]
    pub(crate) layer: String,
    /// Read this revision, not the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
}

/// Options of `why`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Why {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
}

/// Options of `status`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Status {
    /// The commit; default: the checked-out one, without a work tree the head of the watched branch
    #[arg(value_name = "REV", conflicts_with_all = ["cluster", "environment"])]
    pub(crate) rev: Option<String>,
    /// Ask only this cluster's target; may be given several times
    #[arg(long, value_name = "NAME", value_parser = cluster, conflicts_with = "environment")]
    pub(crate) cluster: Vec<ClusterName>,
    /// Ask only the targets of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    pub(crate) environment: Option<EnvironmentName>,
}

/// Options of `statuses`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Statuses {
    /// The commit; default: the head of the watched branch
    #[arg(value_name = "REV")]
    pub(crate) rev: Option<String>,
}

/// Options of `outbox`: all of them are settings.
#[derive(Debug, ClapArgs)]
pub(crate) struct Outbox {}

/// What the forge is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct Forge {
    /// The question
    #[command(subcommand)]
    pub(crate) question: Question,
}

/// Questions to a forge.
#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// Whether the token, the repository and the webhook are as they have to be
    Check,
}

/// Options of `doctor`: all of them are settings.
#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {}
