//! In: the fleet before and after a commit, and what is remembered. Out: plans of the clusters that it concerns.
//! Guarantee: as a sync does it: both sides, with what they have in common from memory; a sample is planned as a whole, too.
use crate::engine::{Engine, Parts, Read, THREADS, lines, on_threads};
use std::collections::BTreeSet;
use stratify::decide::document::Texts;
use stratify::decide::fleet::Fleet;
use stratify::decide::plan::change;
use stratify::decide::profile::{Declarations, Sketch, sketch_with};
use stratify::decide::render::{self, ExpandedPacks, Recalled, recall, remember};
use stratify::decide::value::Digest;
use stratify::name::{BlobId, ChangeId, ClusterName, LayerName};

/// One cluster before and after a commit.
struct Pair<'a> {
    name: &'a ClusterName,
    old: Sketch,
    new: Sketch,
    keys: Vec<(LayerName, Digest)>,
    recalled: Recalled,
}

impl Engine {
    /// Plans clusters on all cores, from what they were to what they are now.
    pub(crate) fn replan(&self, before: &Fleet, names: &[ClusterName]) -> Vec<(ClusterName, ChangeId)> {
        let parts = Parts::of(names);
        let work = |(): &()| {
            let (mut plans, reader) = (Vec::new(), self.mirror.objects().reader());
            let mut declarations = Declarations::default();
            for batch in parts.batches() {
                let pairs: Vec<Pair<'_>> =
                    batch.iter().map(|name| self.pair(&mut declarations, before, name)).collect();
                let texts = self.texts_of(&pairs, |ids| reader.read(ids));
                plans.extend(pairs.iter().map(|pair| (pair.name.clone(), self.outlined(pair, &texts))));
            }
            plans
        };
        on_threads(&[(); THREADS], work).into_iter().flatten().collect()
    }

    /// Plans clusters as a whole, and compares.
    pub(crate) fn check(&self, before: &Fleet, plans: &[(ClusterName, ChangeId)], step: usize) {
        for (name, id) in plans.iter().step_by(step) {
            let whole = change(Some(&self.render(before, name)), &self.render(&self.fleet, name));
            assert_eq!(whole.id, *id, "{name} is planned from memory as it is planned without");
        }
    }

    fn pair<'a>(&self, declarations: &mut Declarations, before: &Fleet, name: &'a ClusterName) -> Pair<'a> {
        let mut one = |fleet: &Fleet| {
            let sketch = sketch_with(declarations, fleet, name, &self.seal);
            sketch.unwrap_or_else(|said| panic!("{}", lines(&said)))
        };
        let [old, new] = [one(before), one(&self.fleet)];
        let keys = new.keys();
        let memory = self.memory().of(name).expect("all clusters were planned");
        let recalled = recall(&memory, &[&old.keys(), &keys]);
        Pair { name, old, new, keys, recalled }
    }

    fn texts_of(&self, pairs: &[Pair<'_>], read: impl FnOnce(&[BlobId]) -> Read) -> Texts {
        let needs = |pair: &Pair<'_>| {
            let known = render::known(&pair.new, &pair.recalled);
            let needs = [&pair.old, &pair.new].map(|sketch| sketch.needs_but(&known));
            needs.into_iter().flatten()
        };
        let needs: BTreeSet<BlobId> = pairs.iter().flat_map(needs).collect();
        self.read(&needs, read)
    }

    fn outlined(&self, pair: &Pair<'_>, texts: &Texts) -> ChangeId {
        let outline = |sketch| {
            let profile = render::resolve_outline(sketch, &pair.recalled, texts, &self.seal).expect("memory fits");
            let layers = render::outline(&profile, &pair.recalled, texts, &ExpandedPacks::new(), &self.seal);
            (profile, layers.expect("memory fits"))
        };
        let ((_, old), (profile, new)) = (outline(&pair.old), outline(&pair.new));
        let change = change(Some(&old), &new);
        let learned = remember(&pair.keys, &profile, &new, &pair.recalled, &[]).expect("there is nothing to tell");
        self.memory().learn(pair.name, learned);
        change.id
    }
}
