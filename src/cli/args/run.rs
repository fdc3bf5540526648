//! In: the arguments of commands that sync, install or show. Out: their options.
//! Guarantee: what an option says in its help is all that it does.
use super::names::{cluster, environment};
use crate::name::{ClusterName, EnvironmentName};
use clap::{Args as ClapArgs, Subcommand, ValueHint};
use std::path::PathBuf;

/// Options of `sync`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Sync {
    /// Only this cluster; the others are planned, and wait; may be given several times
    #[arg(long, value_name = "NAME", value_parser = cluster, conflicts_with = "environment")]
    pub(crate) cluster: Vec<ClusterName>,
    /// Only the clusters of this environment
    #[arg(long, value_name = "NAME", value_parser = environment)]
    pub(crate) environment: Option<EnvironmentName>,
    /// Where `stratify serve` runs, do not wait until it has done it
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Options of `serve`: all of them are settings.
#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {}

/// Options of `install`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Install {
    /// The namespace it runs in
    #[arg(long, value_name = "NAMESPACE", default_value = "stratify")]
    pub(crate) namespace: String,
    /// Only print the objects, as YAML
    #[arg(long)]
    pub(crate) print: bool,
    /// The fleet's repository
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) repository: Option<String>,
    /// The branch that is watched
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    pub(crate) branch: String,
    /// The Secret with the repository's `token`; without one, the repository is read by anybody
    #[arg(long, value_name = "SECRET")]
    pub(crate) credentials: Option<String>,
    /// The image, as deploy/Containerfile makes it
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// A target; `hub` is the cluster itself, another one has a kubeconfig under its name in the Secret stratify-targets;
    /// may be given several times
    #[arg(long, value_name = "NAME", default_value = "hub")]
    pub(crate) target: Vec<String>,
    /// The kubeconfig; default: the one of kubectl
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context; default: the current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A command that the kubeconfig may run for credentials, such as aws; may be given several times
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exec: Vec<String>,
}

/// What becomes of the webhook.
#[derive(Debug, ClapArgs)]
pub(crate) struct Webhook {
    /// The task
    #[command(subcommand)]
    pub(crate) task: WebhookTask,
}

/// Tasks with a webhook.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookTask {
    /// Make it on the forge, or make the one that is there as it has to be (GitHub, GitLab, Gitea, Forgejo)
    Install {
        /// Where the forge reaches `stratify serve`, as `https://stratify.example.org`
        #[arg(value_name = "URL", value_hint = ValueHint::Url)]
        url: String,
    },
}

/// Options of `demo`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Work in DIR and leave it there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,
    /// Sync to the API server of this kubeconfig, in namespaces of the demo's own
    #[arg(long, value_name = "KUBECONFIG", value_hint = ValueHint::FilePath)]
    pub(crate) kubernetes: Option<PathBuf>,
    /// Make a cluster by Cluster API on this management server, with machines that live in memory
    #[arg(long, value_name = "KUBECONFIG", value_hint = ValueHint::FilePath, conflicts_with = "kubernetes")]
    pub(crate) cluster_api: Option<PathBuf>,
    /// Follow a pull request on a Gitea that is started for it: its program, default the one on PATH
    #[arg(long, value_name = "GITEA", value_hint = ValueHint::FilePath, num_args = 0..=1, default_missing_value = "gitea",
          conflicts_with_all = ["kubernetes", "cluster_api"])]
    pub(crate) forge: Option<PathBuf>,
    /// Do not wait between the steps
    #[arg(long)]
    pub(crate) fast: bool,
}

/// Options of `completions`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
