//! In: the fleet and a cluster; then the texts of the files that its layers name. Out: its full profile.
//! Guarantee: all that is wrong is said at once, each with its place; equal documents give an equal digest.
use super::composition::overlays::Selection;
use super::composition::shape::Shaped;
use super::constraint::{self, PackLayer};
use super::full::{FullProfile, HealthRule, LayerOptions, Lifecycle, Management, ObjectPatch, ProfileLayer};
use super::layer::declared::Declarations;
use super::layer::health_expressions;
use super::layer::keys::{Known, Names, read_by_templates, reads_into, stub};
use super::layer::options::{about, generated, options};
use super::layer::source::Source;
use super::layer::values::Values;
use super::layer::values_schema::effective;
use super::order::{Ordered, Place, digested, order};
use super::palette::{Settled, check_components, seal_passwords, set_roots, settle_document, settled};
use super::part::{Packaged, What};
use super::placeholder::scope::{Roots, cluster_value};
use super::placeholder::template::named;
use super::policy::policy;
use super::suspect::{Suspect, suspect_with};
use super::trace::{Chain, Trace, Writer};
use super::variable::{Variables, writers};
use super::zarf::{Expanded, expanded, seal_variables};
use crate::decide::document::kind::duration;
use crate::decide::document::{LayerRole, Placeholders, Texts, is_sealed};
use crate::decide::fleet::{Capabilities, Fleet, Found};
use crate::decide::value::{
    Checked, Diagnostic, Digest, Digested, Domain, Hasher, Map, Pointer, Seal, Span, Value, digest_of,
};
use crate::name::{BlobId, ClusterName, LayerName};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The domain in which layer documents are digested.
const DOCUMENT: Domain = Domain("document/1");

/// A full profile of which only the values are missing: what must be read is known.
#[derive(Clone, Debug)]
pub struct Sketch {
    pub(super) selection: Selection,
    pub(super) layers: Vec<(Shaped, Source)>,
    pub(super) variables: Variables,
    pub(super) head: crate::decide::document::Revision,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Settles which layers a cluster has, and what each is made from.
pub fn sketch(fleet: &Fleet, cluster: &ClusterName, seal: &Seal) -> Result<Sketch, Vec<Diagnostic>> {
    sketch_with(&mut Declarations::default(), fleet, cluster, seal)
}

/// Does the same, with what was read of declarations for clusters before.
pub fn sketch_with(
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
    seal: &Seal,
) -> Result<Sketch, Vec<Diagnostic>> {
    let Suspect { sketch, errors, .. } = suspect_with(declarations, fleet, cluster, seal)?;
    if errors.is_empty() { Ok(sketch) } else { Err(errors) }
}

pub(super) fn pack_layers(layers: &[(Shaped, Source)]) -> Vec<PackLayer<'_>> {
    layers
        .iter()
        .filter_map(|(layer, source)| {
            Some(PackLayer { name: &layer.name, role: layer.role, pack: source.pack.as_ref()? })
        })
        .collect()
}

impl Sketch {
    /// Returns the blobs that resolving and rendering it read.
    pub fn needs(&self) -> BTreeSet<BlobId> {
        self.needs_but(&[])
    }

    /// Returns the blobs that resolving and rendering it read where some layers are known.
    pub fn needs_but(&self, known: &[Option<Known>]) -> BTreeSet<BlobId> {
        let of = |(_, source): &(Shaped, Source)| {
            let values = source.values_files.iter().chain(&source.secrets_files).flatten().map(|found| found.blob);
            let manifests = source.manifests.iter().map(|file| file.blob);
            let templates = source.parts.iter().filter(|part| matches!(part.what, What::Manifest { .. }));
            let manifests = manifests.chain(templates.flat_map(|part| part.what.blobs()));
            let schema = source.schema.iter().map(|(found, _)| found.blob);
            let defaults = source.defaults.iter().map(|found| found.blob);
            let packages = source.zarf.iter().flat_map(|package| package.blobs());
            values.chain(manifests).chain(packages).chain(schema).chain(defaults).collect::<Vec<_>>()
        };
        let is_needed = |at: usize| known.get(at).is_none_or(Option::is_none);
        let needed = self.layers.iter().enumerate().filter(|(at, _)| is_needed(*at));
        needed.flat_map(|(_, layer)| of(layer)).collect()
    }

    /// Returns the archives of packages that have to be unpacked before it can be resolved, once its texts were read.
    pub fn packages(&self, texts: &Texts) -> Vec<Packaged> {
        self.packages_but(&[], texts)
    }

    /// Returns the same where some layers are known.
    pub fn packages_but(&self, known: &[Option<Known>], texts: &Texts) -> Vec<Packaged> {
        let is_needed = |at: usize| known.get(at).is_none_or(Option::is_none);
        let needed = self.layers.iter().enumerate().filter(|(at, _)| is_needed(*at));
        let packaged = needed.filter_map(|(_, (_, source))| source.zarf.as_ref()?.packaged());
        packaged.filter(|it| it.remote.is_some() || texts.contains(it.blob)).collect()
    }

    /// Returns the files that have to be opened before it can be resolved and rendered, once its texts were read.
    pub fn sealed(&self, texts: &Texts) -> Vec<Found> {
        let is_sealed = |blob: BlobId| texts.get(blob).is_some_and(|blob| blob.values().iter().any(is_sealed));
        let mut found: Vec<Found> = Vec::new();
        for (_, source) in &self.layers {
            found.extend(source.secrets_files.iter().flatten().filter(|found| texts.contains(found.blob)).cloned());
            let manifests = source.manifests.iter().filter(|file| is_sealed(file.blob));
            found.extend(manifests.map(|file| Found {
                path: file.path.clone(),
                blob: file.blob,
                origin: file.origin.clone(),
            }));
        }
        found.sort();
        found.dedup();
        found
    }

    /// Returns what there was to tell of it, before anything is read.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the names of its layers, as they are written.
    pub fn layer_names(&self) -> impl Iterator<Item = &LayerName> {
        self.layers.iter().map(|(layer, _)| &layer.name)
    }

    /// Returns who wrote each value of a layer.
    pub fn explain(&self, layer: &LayerName, texts: &Texts) -> Option<Chain> {
        let (shaped, source) = self.layers.iter().find(|(shaped, _)| shaped.name == *layer)?;
        let mut chain = Chain::default();
        self.document(shaped, source, texts, &mut chain, &mut Vec::new(), &mut Vec::new());
        Some(chain)
    }

    /// Returns a layer's document with the values that its templates see: those of a chart over the chart's own.
    pub fn effective(&self, layer: &ProfileLayer, texts: &Texts) -> Value {
        let mut document = layer.document.value().clone();
        if let Some((_, source)) = self.layers.iter().find(|(shaped, _)| shaped.name == layer.name) {
            let values = effective(source, texts, &document);
            document.make_map().insert("values".into(), values);
        }
        document
    }

    /// Returns a variable of a layer's profile, with who wrote it.
    pub fn explain_variable(&self, layer: &LayerName, name: &str) -> Option<(Value, Vec<Writer>)> {
        let (shaped, _) = self.layers.iter().find(|(shaped, _)| shaped.name == *layer)?;
        let value = self.vars(shaped).get(name)?.clone();
        let profile = shaped.profile.as_ref().map(|(_, at)| *at);
        Some((value, profile.map(|at| writers(&self.selection, at, name)).unwrap_or_default()))
    }

    pub(super) fn document<T: Trace>(
        &self,
        layer: &Shaped,
        source: &Source,
        texts: &Texts,
        trace: &mut T,
        errors: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Value {
        Values { selection: &self.selection, texts, errors, warnings }.document(layer, source, trace)
    }

    /// Resolves the values of all layers, and puts the layers in order.
    pub fn resolve(&self, texts: &Texts, seal: &Seal) -> Checked<FullProfile> {
        let resolved = self.resolve_but(&[], texts, seal)?;
        Ok(resolved.expect("a layer that nothing is known of needs no other one to be forgotten"))
    }

    /// Resolves all layers but those that are known, which are given in the order of [`Self::layer_names`]; nothing
    /// where that cannot be done without them, or where anything has to be told.
    pub fn outline(&self, known: &[Option<Known>], texts: &Texts, seal: &Seal) -> Option<FullProfile> {
        let (profile, warnings) = self.resolve_but(known, texts, seal).ok().flatten()?;
        (warnings.len() == self.warnings.len()).then_some(profile)
    }

    fn resolve_but(
        &self,
        known: &[Option<Known>],
        texts: &Texts,
        seal: &Seal,
    ) -> Result<Option<(FullProfile, Vec<Diagnostic>)>, Vec<Diagnostic>> {
        let is_whole = known.iter().all(Option::is_none);
        let known = |at: usize| known.get(at).and_then(Option::as_ref);
        let (mut errors, mut warnings) = (Vec::new(), self.warnings.clone());
        let mut documents: Vec<Value> = Vec::new();
        for (at, (layer, source)) in self.layers.iter().enumerate() {
            documents.push(match known(at) {
                Some(known) => stub(layer, known),
                None => self.document(layer, source, texts, &mut (), &mut errors, &mut warnings),
            });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let base = self.base_roots();
        let found: Vec<Placeholders> = self
            .layers
            .iter()
            .zip(&documents)
            .map(|((_, source), document)| self.placeholders(source, document))
            .collect();
        let names = self.names(texts, &found);
        let is_known = |name: &LayerName| {
            let at = self.layers.iter().position(|(layer, _)| layer.name == *name);
            at.is_some_and(|at| known(at).is_some())
        };
        // Of a known layer there are no values that another one could name.
        if !is_whole && (0..).zip(&names).any(|(at, names)| known(at).is_none() && names.any(is_known)) {
            return Ok(None);
        }
        let flows = super::placeholder::fill_order::fill(self, texts, &mut documents, &found, &base, seal)?;
        let is_open = |at: usize| known(at).is_none();
        self.settle_all(&is_open, &mut documents, texts, seal, (&mut errors, &mut warnings));
        self.check_schemas(texts, &documents, &mut errors);
        let places = self.places(&documents, &mut errors);
        let object_patches = self.object_patches(&mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        // It is much, and next to no layer names others.
        let with_layers = if names.iter().all(Names::is_empty) {
            Roots::default()
        } else {
            super::placeholder::fill_order::with_layers(&base, &documents)
        };
        let mut without = base;
        without.set("layers", Value::map(Map::default()));
        let mut layers = Vec::new();
        for place in places {
            let at = place.layer;
            let (Some((shaped, source)), Some(document)) = (self.layers.get(at), documents.get(at)) else { continue };
            let names = names.get(at).cloned().unwrap_or(Names::All);
            if let Some(known) = known(at) {
                layers.push(known_layer(shaped, source, known, place));
                continue;
            }
            let roots = if names.is_empty() { &without } else { &with_layers };
            let flows = flows.get(at).cloned().unwrap_or_default();
            let capabilities = self.capabilities();
            let settled = self.settled(shaped, source, document, roots, texts, seal);
            let Ok(mut settled) = settled.map_err(|said| errors.extend(said)) else { continue };
            warnings.append(&mut settled.warnings);
            let roots = self.roots_of(shaped, source, document, roots);
            let reads = Reads { roots, names, flows, capabilities, settled };
            layers.push(layer_of(shaped, source, texts, document.clone(), place, reads));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Some((self.profile(layers, object_patches), warnings)))
    }

    /// Returns the layer whose values a macro of a layer means by the name of a pack; an empty name for its own.
    pub(super) fn layer_of_pack(&self, pack: &str, own: &Source) -> Option<Arc<str>> {
        let is_of = |source: &Source| source.pack.as_ref().is_some_and(|found| *found.name == *pack);
        if is_of(own) {
            return Some(Arc::default());
        }
        self.layers.iter().find(|(_, source)| is_of(source)).map(|(layer, _)| layer.name.as_str().into())
    }

    /// Returns the placeholders of a layer's values; of a pack of Palette with its macros.
    pub(super) fn placeholders(&self, source: &Source, document: &Value) -> Placeholders {
        let Some(values) = document.get("values") else { return Placeholders::default() };
        if source.is_palette() {
            Placeholders::with_macros(values, &|pack| self.layer_of_pack(pack, source))
        } else {
            Placeholders::of(values)
        }
    }

    /// Sets what macros may name, for a layer that has some.
    pub(super) fn set_macros(
        &self,
        layer: &Shaped,
        source: &Source,
        values: &Value,
        roots: &mut Roots,
        seal: &Seal,
    ) -> Result<(), Vec<Diagnostic>> {
        let profile = layer.profile.as_ref().map(|(name, _)| name.as_str());
        if !source.is_palette() {
            return Ok(());
        }
        set_roots(self, profile, roots, seal)?;
        roots.set("values", values.clone());
        Ok(())
    }

    /// Takes over what values say of the layers themselves, of those that are not known.
    fn settle_all(
        &self,
        is_open: &dyn Fn(usize) -> bool,
        documents: &mut [Value],
        texts: &Texts,
        seal: &Seal,
        (errors, warnings): (&mut Vec<Diagnostic>, &mut Vec<Diagnostic>),
    ) {
        for (at, ((layer, source), document)) in self.layers.iter().zip(documents).enumerate() {
            if is_open(at) {
                self.settle(layer, source, document, texts, seal, (errors, warnings));
            }
        }
    }

    /// Takes over what the values of a pack of Palette say of the layer itself.
    pub(super) fn settle(
        &self,
        layer: &Shaped,
        source: &Source,
        document: &mut Value,
        texts: &Texts,
        seal: &Seal,
        (errors, warnings): (&mut Vec<Diagnostic>, &mut Vec<Diagnostic>),
    ) {
        if let Some(package) = &source.zarf {
            seal_variables(package, texts, document, seal);
        }
        if !source.is_palette() {
            return;
        }
        if let Err(wrong) = settle_document(layer, document) {
            errors.push(self.wrong_value(layer, source, texts, wrong));
        }
        check_components(&self.selection.cluster, layer, source, document, errors, warnings);
        seal_passwords(source, texts, document, seal);
    }

    /// Returns what a layer is rendered with beside its document.
    pub(super) fn settled(
        &self,
        layer: &Shaped,
        source: &Source,
        document: &Value,
        others: &Roots,
        texts: &Texts,
        seal: &Seal,
    ) -> Result<Settled, Vec<Diagnostic>> {
        if let Some(package) = &source.zarf {
            let values = document.get("values").cloned().unwrap_or_default();
            let place = |name: &str| self.place_of(layer, source, texts, &format!("/values/{name}"));
            let expanded = expanded(package, &values, texts, seal, &place)?;
            let digest = Some(expanded.digest(seal));
            let Expanded { parts, inline, namespaces, warnings, images } = expanded;
            let health = Vec::new();
            let (parts, inline) = (parts.into(), inline.into());
            return Ok(Settled { parts, namespaces, health, inline, images, warnings, digest });
        }
        let mut roots = Roots::default();
        if source.is_palette() {
            roots = others.clone();
            roots.set("vars", self.vars(layer).clone());
            let values = document.get("values").cloned().unwrap_or_default();
            self.set_macros(layer, source, &values, &mut roots, seal)?;
        }
        settled(self, layer, source, document, &roots, texts, seal)
    }

    /// Returns the layers that each layer's values and templates name.
    fn names(&self, texts: &Texts, found: &[Placeholders]) -> Vec<Names> {
        let of = |((_, source), found): (&(Shaped, Source), &Placeholders)| {
            Names::of(&found.paths).and(Names::of(read_by_templates(source, texts)))
        };
        self.layers.iter().zip(found).map(of).collect()
    }

    /// What all expressions of the cluster may name.
    pub(super) fn base_roots(&self) -> Roots {
        let kubernetes = self.kubernetes_version();
        let mut roots = Roots::default();
        roots.set("cluster", cluster_value(&self.selection.cluster, kubernetes.as_deref()));
        roots.set("environment", named(self.selection.environment.name.as_str()));
        roots.set("fleet", named(&self.selection.fleet_name));
        roots
    }

    pub(super) fn kubernetes_version(&self) -> Option<Arc<str>> {
        let layer = self.layers.iter().find(|(layer, _)| layer.role == LayerRole::Kubernetes);
        let pack = layer.and_then(|(_, source)| source.resolved.pack());
        pack.map(|(_, version)| version).or(self.selection.cluster.kubernetes_version.as_ref()).cloned()
    }

    /// Returns what charts may ask about the API server, but for the kinds that layers define.
    pub(super) fn capabilities(&self) -> Capabilities {
        let apis = self.selection.cluster.api_versions.iter().cloned().collect();
        Capabilities { kubernetes: self.kubernetes_version().unwrap_or_default(), apis }
    }

    /// Returns the variables that a layer's placeholders may name.
    pub(super) fn vars(&self, layer: &Shaped) -> &Value {
        let of_profile = layer.profile.as_ref().and_then(|(_, at)| self.variables.by_profile.get(*at));
        of_profile.unwrap_or(&self.variables.shared)
    }

    /// Returns who wrote last what a pointer of a layer's document points to.
    pub(super) fn place_of(&self, layer: &Shaped, source: &Source, texts: &Texts, pointer: &str) -> Span {
        let mut chain = Chain::default();
        self.document(layer, source, texts, &mut chain, &mut Vec::new(), &mut Vec::new());
        let pointer = Pointer::parse(pointer).unwrap_or_default();
        chain.last(&pointer).map_or_else(|| layer.at(), |writer| writer.at.clone())
    }

    pub(super) fn places(&self, documents: &[Value], errors: &mut Vec<Diagnostic>) -> Vec<Place> {
        let packs = pack_layers(&self.layers);
        let ordered = |((layer, source), document): (&(Shaped, Source), &Value)| {
            let requires = source.pack.as_ref().map(|pack| {
                constraint::required(pack, &packs).map(|(name, constraint)| (name, constraint.part.span())).collect()
            });
            Ordered {
                name: layer.name.clone(),
                role: layer.role,
                priority: document.get("priority").and_then(Value::as_i64).unwrap_or_default(),
                priority_at: layer.priority_at(),
                depends_on: layer.depends_on(),
                requires: requires.unwrap_or_default(),
                at: layer.at(),
            }
        };
        // Of a layer as it is declared there is nothing to tell.
        let written = || self.layers.iter().map(|(layer, _)| layer).filter(|layer| layer.declared.is_none());
        written().for_each(|layer| self.check_fields(layer, errors));
        let ordered: Vec<Ordered> = self.layers.iter().zip(documents).map(ordered).collect();
        order(&ordered).unwrap_or_else(|said| {
            errors.extend(said);
            Vec::new()
        })
    }

    pub(super) fn profile(&self, layers: Vec<ProfileLayer>, object_patches: Vec<ObjectPatch>) -> FullProfile {
        let Selection { cluster, environment, fleet_name, head, pins, .. } = &self.selection;
        let mut hasher = Hasher::new(Domain("profile/1"));
        hasher.bytes(fleet_name.as_bytes()).bytes(cluster.name.as_str().as_bytes()).bytes(cluster.lifecycle.as_bytes());
        for layer in &layers {
            hasher.bytes(&layer.digest.0).bytes(digested(&layer.after).as_bytes());
        }
        for patch in &object_patches {
            hasher.bytes(format!("{:?}", patch.target).as_bytes());
            for (operation, _) in &patch.patch {
                hasher.bytes(&digest_of(Domain("operation/1"), &operation.to_value()).0);
            }
        }
        let management = cluster.management.as_ref();
        if let Some(management) = management {
            hasher.bytes(management.target.as_bytes()).bytes(management.namespace.as_bytes());
        }
        let document = head.fleet().ok().and_then(|fleet| fleet.policies.clone());
        FullProfile {
            cluster: cluster.name.clone(),
            environment: environment.name.clone(),
            fleet: fleet_name.clone(),
            head: self.head.clone(),
            pins: pins.clone(),
            cloud: cluster.cloud.clone(),
            target: cluster.target.clone(),
            management: management.map(|it| Management { target: it.target.clone(), namespace: it.namespace.clone() }),
            capabilities: self.capabilities(),
            lifecycle: match &*cluster.lifecycle {
                "paused" => Lifecycle::Paused,
                "delete" => Lifecycle::Delete,
                _ => Lifecycle::Active,
            },
            policy: policy(document.as_ref(), environment.policies.as_ref()),
            layers,
            object_patches,
            digest: hasher.finish(),
        }
    }
}

/// What a layer reads of others.
pub(super) struct Reads {
    pub(super) roots: Roots,
    pub(super) names: Names,
    pub(super) flows: Vec<(Pointer, Arc<str>)>,
    /// What its charts may ask about the API server.
    pub(super) capabilities: Capabilities,
    pub(super) settled: Settled,
}

/// Returns a layer that is resolved.
pub(super) fn layer_of(
    shaped: &Shaped,
    source: &Source,
    texts: &Texts,
    document: Value,
    place: Place,
    reads: Reads,
) -> ProfileLayer {
    let document = Digested::new(DOCUMENT, document);
    let text = |key: &str| document.get(key).and_then(Value::as_str).map(Arc::<str>::from);
    let timeout = document.get("health").and_then(|health| health.get("timeout")).and_then(Value::as_str);
    let unresolved = unresolved(shaped, source, place);
    let mut hasher = Hasher::new(Domain("layer/2"));
    hasher.bytes(&document.digest().0);
    match &shaped.declared {
        Some(declared) => hasher.bytes(declared.options_text.as_bytes()),
        None => hasher.bytes(format!("{:?}", unresolved.options).as_bytes()),
    };
    reads_into(&reads.roots, read_by_templates(source, texts), &mut hasher);
    if reads.settled.parts.iter().any(|part| part.what.is_chart()) {
        let Capabilities { kubernetes, apis } = &reads.capabilities;
        hasher.bytes(kubernetes.as_bytes());
        for api in apis {
            hasher.bytes(api.as_bytes());
        }
    }
    for part in reads.settled.parts.iter().filter(|_| source.is_palette()) {
        hasher.bytes(&part.what.digest().0);
    }
    if let Some(digest) = &reads.settled.digest {
        hasher.bytes(&digest.0);
    }
    // Of these the document says all, which is digested.
    let mut health = health_expressions::read(&document).unwrap_or_default();
    health.extend(reads.settled.health.iter().filter(|rule| !has_rule(&document, rule)).cloned());
    ProfileLayer {
        namespace: text("namespace"),
        release_name: text("releaseName").unwrap_or_default(),
        values: document.get("values").cloned().unwrap_or_default(),
        roots: reads.roots,
        parts: reads.settled.parts,
        namespaces: reads.settled.namespaces,
        inline: reads.settled.inline,
        images: reads.settled.images,
        names: reads.names,
        flows: reads.flows,
        timeout: timeout.and_then(duration).unwrap_or(Duration::from_mins(10)),
        digest: hasher.finish(),
        document,
        options: LayerOptions { health, ..unresolved.options },
        ..unresolved
    }
}

/// Returns a layer of which only the digests are known.
fn known_layer(shaped: &Shaped, source: &Source, known: &Known, place: Place) -> ProfileLayer {
    let unresolved = unresolved(shaped, source, place);
    ProfileLayer {
        namespace: known.namespace.clone(),
        timeout: known.timeout,
        digest: known.digest,
        document: Digested::remembered(known.document),
        options: LayerOptions { health: known.health.clone(), ..unresolved.options },
        ..unresolved
    }
}

/// Returns a layer with all that its values do not decide.
fn unresolved(shaped: &Shaped, source: &Source, place: Place) -> ProfileLayer {
    ProfileLayer {
        name: shaped.name.clone(),
        renamed_from: shaped.renamed_from(),
        profile: shaped.profile.as_ref().map(|(name, _)| name.clone()),
        role: shaped.role,
        site: shaped.site,
        namespace: None,
        release_name: Arc::default(),
        wave: place.wave,
        after: place.after,
        values: Value::Null,
        source: source.resolved.clone(),
        roots: Roots::default(),
        names: Names::These(BTreeSet::new()),
        manifests: source.manifests.clone(),
        parts: source.parts.clone(),
        namespaces: Vec::new(),
        inline: Arc::default(),
        images: Vec::new(),
        timeout: Duration::ZERO,
        options: match &shaped.declared {
            Some(declared) => declared.options.clone(),
            None => options(shaped),
        },
        upgrades: source.pack.as_ref().map(|pack| constraint::upgrades(pack, shaped.role)).unwrap_or_default(),
        flows: Vec::new(),
        about: about(shaped),
        generated: generated(shaped),
        digest: Digest([0; 32]),
        at: shaped.at(),
        document: Digested::remembered(Digest([0; 32])),
    }
}

/// Whether a layer says of a kind itself what its pack says.
fn has_rule(document: &Value, rule: &HealthRule) -> bool {
    let own = health_expressions::read(document).unwrap_or_default();
    own.iter().any(|own| own.kind == rule.kind && own.group == rule.group)
}
