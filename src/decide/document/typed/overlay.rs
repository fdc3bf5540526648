//! In: the `spec` of an Environment, of one of its overlays, or of a Cluster. Out: what it lays over the profiles.
//! Guarantee: each part keeps its place; lists stay in the order of the file.
use super::folder_names::check_reserved;
use super::{check_name, checked, is_true, layer_name};
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::value::{Checked, Diagnostic};
use crate::name::{CommitId, EnvironmentName, LayerName, ProfileName, RepoName};
use std::sync::Arc;

/// What is laid over the profiles.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Under which condition.
    pub when: Option<Fragment>,
    /// Profiles that are added, conditioned or removed.
    pub profiles: Vec<ProfileReference>,
    /// Variables: the key and the value.
    pub variables: Vec<(Fragment, Fragment)>,
    /// Layers that are changed, added or removed.
    pub layers: Vec<LayerOverlay>,
    /// Patches of rendered objects: `{target, patches}`.
    pub object_patches: Vec<Fragment>,
}

/// A profile that a cluster is to have, or not.
#[derive(Clone, Debug)]
pub struct ProfileReference {
    /// The profile.
    pub name: ProfileName,
    /// Where it is named.
    pub part: Fragment,
    /// Under which condition.
    pub when: Option<Fragment>,
    /// Whether it is taken away.
    pub remove: bool,
    /// Where it is read, and its packs; none for where its environment reads profiles and packs.
    pub pin: Option<PinReference>,
}

/// A revision that a document names.
#[derive(Clone, Debug)]
pub struct PinReference {
    /// The repository of the settings; none for the fleet's own.
    pub repository: Option<RepoName>,
    /// The revision: a full commit id, or a tag, with or without `refs/tags/`.
    pub revision: Arc<str>,
    /// Where the repository is named.
    pub repository_part: Option<Fragment>,
    /// Where the revision is named.
    pub part: Fragment,
}

impl PinReference {
    /// Reads a revision of the fleet's own repository.
    fn own(part: Fragment) -> Self {
        Self { repository: None, revision: short(part.text()), repository_part: None, part }
    }

    /// Reads where an entry says that its profile is; one without a revision is a mistake that is told elsewhere.
    fn of(entry: &Fragment) -> Option<Self> {
        let repository_part = entry.get("repository");
        let repository = repository_part.as_ref().and_then(|part| RepoName::new(part.text()).ok());
        Some(Self { repository, repository_part, ..Self::own(entry.get("revision")?) })
    }

    /// Returns the commit, where the revision is no tag.
    pub fn commit(&self) -> Option<CommitId> {
        CommitId::parse(&self.revision)
    }
}

/// Returns a revision without `refs/tags/`, so that a tag has one name.
fn short(revision: &str) -> Arc<str> {
    revision.strip_prefix("refs/tags/").unwrap_or(revision).into()
}

/// What is laid over one layer.
#[derive(Clone, Debug)]
pub struct LayerOverlay {
    /// The layer.
    pub name: LayerName,
    /// All that is said.
    pub part: Fragment,
}

impl Overlay {
    /// Reads an overlay out of a checked `spec`.
    pub(super) fn of(spec: &Fragment) -> Self {
        let list = |key: &str| spec.get(key).map(|part| part.items().collect::<Vec<_>>()).unwrap_or_default();
        let profile = |part: Fragment| {
            let name = part.get("name").and_then(|name| ProfileName::new(name.text()).ok())?;
            let (when, remove, pin) = (part.get("when"), is_true(part.get("remove")), PinReference::of(&part));
            Some(ProfileReference { name, part, when, remove, pin })
        };
        let layer = |part: Fragment| Some(LayerOverlay { name: layer_name(&part)?, part });
        Self {
            when: spec.get("when"),
            profiles: list("profiles").into_iter().filter_map(profile).collect(),
            variables: spec.get("variables").map(|part| part.entries().collect()).unwrap_or_default(),
            layers: list("layers").into_iter().filter_map(layer).collect(),
            object_patches: list("objectPatches"),
        }
    }

    /// Returns what each field allows and all of them together do not.
    pub(super) fn mistakes(&self) -> impl Iterator<Item = Diagnostic> {
        self.without_revision().chain(self.removed_and_replaced())
    }

    /// Another repository's head moves by itself: a full profile that followed it would not be one commit's.
    fn without_revision(&self) -> impl Iterator<Item = Diagnostic> {
        let others = self.profiles.iter().filter(|reference| reference.pin.is_none() && !reference.remove);
        others.filter_map(|reference| {
            let repository = reference.part.get("repository")?;
            let message = format!("the profile `{}` of another repository has no `revision`", reference.name);
            let said = Diagnostic::error(codes::MISSING_FIELD, message).at(repository.span());
            let said = said.expected("`revision`, a full commit id or a tag of fleet.lock, beside `repository`");
            Some(said.hint("what is synced is the function of one head: name the revision, and move it by a commit"))
        })
    }

    /// Returns layers that are both removed and replaced: one of the two would be ignored.
    fn removed_and_replaced(&self) -> impl Iterator<Item = Diagnostic> {
        self.layers.iter().filter_map(|layer| {
            let (remove, with) = (layer.part.get("remove")?, layer.part.get("replaceWith")?);
            is_true(Some(remove.clone())).then(|| {
                let message = format!("the layer `{}` is both removed and replaced", layer.name);
                Diagnostic::error(codes::EXCLUSIVE, message)
                    .at(remove.span())
                    .also(with.span(), "the replacement")
                    .expected("either `remove` or `replaceWith`")
            })
        })
    }
}

/// An Environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: EnvironmentName,
    /// The revision at which profiles and packs are read; none for the head.
    pub revision: Option<PinReference>,
    /// What it lays over all its clusters.
    pub overlay: Arc<Overlay>,
    /// What it lays over some of them, in order.
    pub overlays: Vec<Arc<Overlay>>,
    /// Policies that tighten the fleet's.
    pub policies: Option<Fragment>,
}

impl Environment {
    /// Reads an Environment.
    pub fn read(file: Arc<File>, name: &EnvironmentName) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Environment)?;
        let mut errors: Vec<Diagnostic> = check_name(&file, name.as_str()).into_iter().collect();
        errors.extend(check_reserved(&file, name));
        let spec = file.root().get("spec").map(|spec| file.part(spec));
        let get = |key: &str| spec.as_ref().and_then(|spec| spec.get(key));
        let overlays: Option<Vec<Overlay>> =
            get("overlays").map(|part| part.items().map(|item| Overlay::of(&item)).collect());
        let overlay = spec.as_ref().map(Overlay::of).unwrap_or_default();
        errors.extend(overlays.iter().flatten().chain([&overlay]).flat_map(Overlay::mistakes));
        if !errors.is_empty() {
            return Err(errors);
        }
        let environment = Self {
            name: name.clone(),
            revision: get("revision").map(PinReference::own),
            overlay: Arc::new(overlay),
            overlays: overlays.into_iter().flatten().map(Arc::new).collect(),
            policies: get("policies"),
            file,
        };
        Ok((environment, warnings))
    }
}
