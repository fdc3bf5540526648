//! In: the arguments of commands that read or write documents. Out: their options.
//! Guarantee: what an option says in its help is all that it does.
use super::names::cluster;
use crate::client::secret::age::Recipient;
use crate::name::ClusterName;
use clap::{Args as ClapArgs, Subcommand, ValueHint};
use std::path::PathBuf;

/// Options of `init`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// Where to write it; nothing that exists is overwritten
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

/// Options of `lint`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Lint {
    /// The fleet's folder, or one file or folder in it
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: Option<PathBuf>,
}

/// Options of `lock`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Lock {
    /// Write nothing and ask nobody; fail where fleet.lock is not up to date, and say which entry is not right
    #[arg(long)]
    pub(crate) check: bool,
    /// Resolve a chart, package or pack anew that fleet.lock has, or take the version of helm or kustomize here; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "check")]
    pub(crate) update: Vec<String>,
}

/// Options of `encrypt`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Encrypt {
    /// The file, of YAML
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Who can open it; may be repeated
    #[arg(long, value_name = "RECIPIENT", required = true, value_parser = recipient)]
    pub(crate) age: Vec<Recipient>,
    /// Only what stands below keys of this pattern, as `^(data|stringData)$`; default: all
    #[arg(long, value_name = "REGEX")]
    pub(crate) encrypted_regex: Option<String>,
    /// Write it over the file
    #[arg(long)]
    pub(crate) in_place: bool,
}

/// Reads a recipient.
fn recipient(text: &str) -> Result<Recipient, String> {
    Recipient::parse(text)
}

/// Options of `render`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Render {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: ClusterName,
    /// Only this layer
    #[arg(value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Read this revision, not the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Write a file for each object into DIR
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) to: Option<PathBuf>,
}

/// Options of `images`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Images {
    /// The clusters; all where none is given
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub(crate) cluster: Vec<ClusterName>,
    /// Read this revision, not the work tree
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
}

/// Options of `outdated`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Outdated {
    /// Only these packs, charts and packages
    #[arg(value_name = "PACK")]
    pub(crate) pack: Vec<String>,
    /// Commit the newest versions, where layers name older ones
    #[arg(long)]
    pub(crate) commit: bool,
}

/// What `import` reads.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// A cluster profile that Spectro Cloud Palette exported
    Palette(ImportPalette),
}

/// Options of `import palette`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ImportPalette {
    /// The exported profile
    #[arg(value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The address of a registry of charts or Zarf packages, which is not exported; may be given several times
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) registry: Vec<String>,
}

/// What `export` prints.
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// A cluster profile that Spectro Cloud Palette imports
    Palette(ExportPalette),
}

/// Options of `export palette`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExportPalette {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
}

/// Options of `schema`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Schema {
    /// The kind, as `Profile`; default: all
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
}
