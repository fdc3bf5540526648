//! In: the arguments of commands about packs and registries. Out: their options.
//! Guarantee: none of these commands asks a cluster.
use clap::{Args as ClapArgs, Subcommand, ValueHint};
use std::path::PathBuf;

/// Options of `push`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Push {
    /// The profile, or the folder of a pack
    #[arg(value_name = "PROFILE|PACK")]
    pub(crate) profile: String,
    /// Where to: `oci://HOST/REPOSITORY:TAG`, which a prefix under `sources` of the settings has to cover
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Put it there although the tag is other content already: whoever locked that keeps it, as long as the registry does
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Options of `pull`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Pull {
    /// Where from: `oci://HOST/REPOSITORY:TAG`, or `@sha256:DIGEST`, which a prefix under `sources` of the settings has to cover
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
}

/// Options of `pack`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Pack {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: PackCommand,
}

/// The commands of `pack`.
#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// Say everything that is wrong with a pack
    Lint(PackLint),
    /// Try each pack below a folder, and say how far it comes
    Walk(PackWalk),
    /// Show what a pack is
    Show(PackShow),
    /// Show how two packs differ: values, rules, constraints, objects
    Diff(PackDiff),
}

/// Options of `pack lint`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PackLint {
    /// Its folder, NAME@VERSION of the fleet, or its address in a registry
    #[arg(value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub(crate) pack: String,
    /// Choose a preset; may be given several times
    #[arg(long = "preset", value_name = "PRESET")]
    pub(crate) presets: Vec<String>,
    /// Render for this version of Kubernetes
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes: Option<String>,
}

/// Options of `pack walk`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PackWalk {
    /// Where the packs are
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// Render for this version of Kubernetes
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes: Option<String>,
}

/// Options of `pack show`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PackShow {
    /// Its folder, NAME@VERSION of the fleet, or its address in a registry
    #[arg(value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub(crate) pack: String,
}

/// Options of `pack diff`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PackDiff {
    /// The one before: its folder, or NAME@VERSION of the fleet
    #[arg(value_name = "BEFORE", value_hint = ValueHint::DirPath)]
    pub(crate) left: String,
    /// The one after
    #[arg(value_name = "AFTER", value_hint = ValueHint::DirPath)]
    pub(crate) right: String,
    /// Choose a preset of both; may be given several times
    #[arg(long = "preset", value_name = "PRESET")]
    pub(crate) presets: Vec<String>,
    /// Render for this version of Kubernetes
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes: Option<String>,
}
