//! In: the part of the operator's file that names programs, and `PATH`. Out: which program renders charts and kustomizations.
//! Guarantee: no repository chooses a program; what is not named is looked for on `PATH` when it is needed first.
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The programs that render.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// The file of `helm`, where it is named.
    pub helm: Option<PathBuf>,
    /// The file of `kustomize` or `kubectl`, where it is named.
    pub kustomize: Option<PathBuf>,
    /// Whether they are started where the kernel cannot confine them.
    pub unconfined: bool,
    /// The folders in which programs are looked for.
    pub folders: Vec<PathBuf>,
}

pub(super) const FIELDS: &[Field] = &[
    optional("helm", Shape::Text, "The program that renders charts, version 3 or 4; default: `helm` on PATH."),
    optional(
        "kustomize",
        Shape::Text,
        "The program that builds kustomizations; default: `kustomize`, else `kubectl`, on PATH.",
    ),
    optional(
        "unconfined",
        Shape::Word(&["refused", "accepted"]),
        "Whether they are started where the kernel cannot confine them; default: refused.",
    ),
];

impl Programs {
    /// Returns those that are found on `PATH`.
    pub(super) fn around() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        Self { folders, ..Self::default() }
    }

    /// Reads a checked part.
    pub(super) fn read(part: &Fragment, folder: &Path) -> Self {
        let file = |key: &str| part.get(key).map(|part| folder.join(part.text()));
        let unconfined = part.get("unconfined").is_some_and(|part| part.text() == "accepted");
        Self { helm: file("helm"), kustomize: file("kustomize"), unconfined, ..Self::around() }
    }

    /// Returns the file of `helm`.
    pub fn find_helm(&self) -> Option<PathBuf> {
        self.helm.clone().or_else(|| self.on_path("helm"))
    }

    /// Returns the file of `kustomize`, else that of `kubectl`, which has it inside.
    pub fn find_kustomize(&self) -> Option<PathBuf> {
        self.kustomize.clone().or_else(|| self.on_path("kustomize")).or_else(|| self.on_path("kubectl"))
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        let is_program = |file: &PathBuf| {
            file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
        };
        self.folders.iter().map(|folder| folder.join(name)).find(is_program)
    }
}
