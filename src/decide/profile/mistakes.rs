//! In: a cluster that cannot be resolved. Out: all that is wrong with it, and what of it is sound, for later stages to look at.
//! Guarantee: each mistake is found as far as it does not follow from another one; what may follow is not told.
use super::codes;
use super::full::{FullProfile, ProfileLayer};
use super::layer::keys::Names;
use super::order::Place;
use super::placeholder::fill_order::{circle, named, names_layers, place, with_layers};
use super::placeholder::scope::Roots;
use super::placeholder::template::Templates;
use super::resolve::{Reads, layer_of};
use super::suspect::Suspect;
use crate::decide::document::{Placeholders, Texts};
use crate::decide::value::{Diagnostic, Seal, Value};
use crate::name::BlobId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far the values of a layer are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// They are written down, placeholders and all.
    Open,
    /// They are as they shall be.
    Sound,
    /// Something is wrong with them, or with what they name.
    Wrong,
}

/// What is wrong with a cluster.
#[derive(Clone, Debug)]
pub struct Mistakes {
    /// All that was found.
    pub errors: Vec<Diagnostic>,
    /// The layers that are sound, in no order, for who looks at them further.
    pub sound: FullProfile,
    /// Whether expressions name only what is known.
    pub knows_names: bool,
}

impl Suspect {
    /// Returns the blobs that looking at it further reads.
    pub fn needs(&self) -> BTreeSet<BlobId> {
        self.sketch.needs()
    }

    /// Looks at the values of all layers.
    pub fn mistakes(&self, texts: &Texts, seal: &Seal) -> Mistakes {
        let sketch = &self.sketch;
        let mut errors = self.errors.clone();
        let (mut documents, mut states) = (Vec::new(), Vec::new());
        for (layer, source) in &sketch.layers {
            let before = errors.len();
            documents.push(sketch.document(layer, source, texts, &mut (), &mut errors, &mut Vec::new()));
            states.push(if errors.len() == before { State::Open } else { State::Wrong });
        }
        Filling { suspect: self, texts, seal }.fill(&mut documents, &mut states, &mut errors);
        for (((layer, source), document), state) in sketch.layers.iter().zip(&mut documents).zip(&mut states) {
            let before = errors.len();
            if *state == State::Sound {
                sketch.settle(layer, source, document, texts, seal, (&mut errors, &mut Vec::new()));
            }
            if errors.len() > before {
                *state = State::Wrong;
            }
        }
        if self.is_whole {
            sketch.places(&documents, &mut errors);
        }
        let patches = sketch.object_patches(&mut errors);
        let sound = self.sound(texts, seal, &documents, &states, &mut errors);
        let sound = sketch.profile(sound, patches);
        Mistakes { errors, sound, knows_names: self.is_whole && self.has_variables }
    }

    /// Returns the layers whose values are as they shall be, after their schemas have looked at them.
    fn sound(
        &self,
        texts: &Texts,
        seal: &Seal,
        documents: &[Value],
        states: &[State],
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<ProfileLayer> {
        let sketch = &self.sketch;
        let roots = with_layers(&sketch.base_roots(), documents);
        let mut sound = Vec::new();
        let layers = sketch.layers.iter().zip(documents).zip(states).enumerate();
        for (at, (((shaped, source), document), _)) in layers.filter(|(_, (_, state))| **state == State::Sound) {
            if let Err(said) = sketch.check_schema(shaped, source, texts, document) {
                errors.extend(said);
                continue;
            }
            let place = Place { layer: at, wave: 0, after: Vec::new() };
            let settled = match sketch.settled(shaped, source, document, &roots, texts, seal) {
                Ok(settled) => settled,
                Err(said) => {
                    errors.extend(said);
                    continue;
                }
            };
            let roots = sketch.roots_of(shaped, source, document, &roots);
            let capabilities = sketch.capabilities();
            let reads = Reads { roots, names: Names::All, flows: Vec::new(), capabilities, settled };
            sound.push(layer_of(shaped, source, texts, document.clone(), place, reads));
        }
        sound
    }

    /// Whether what a placeholder names can be there.
    fn knows(&self, path: &[Arc<str>], states: &[State]) -> bool {
        match path.first().map(|root| &**root) {
            Some("vars") => self.has_variables,
            Some("layers") => self.is_whole && path.get(1).is_none_or(|name| self.is_sound(name, states)),
            Some(_) => true,
            None => self.is_whole && self.has_variables,
        }
    }

    fn is_sound(&self, layer: &str, states: &[State]) -> bool {
        let mut named = self.sketch.layers.iter().zip(states).filter(|((shaped, _), _)| shaped.name.as_str() == layer);
        named.all(|(_, state)| *state == State::Sound)
    }
}

/// What filling reads.
struct Filling<'a> {
    suspect: &'a Suspect,
    texts: &'a Texts,
    seal: &'a Seal,
}

impl Filling<'_> {
    /// Fills the placeholders of each layer whose names are known, after those that it names.
    fn fill(&self, documents: &mut [Value], states: &mut [State], errors: &mut Vec<Diagnostic>) {
        let sketch = &self.suspect.sketch;
        let found = |((_, source), document): (&(_, _), &Value)| sketch.placeholders(source, document);
        let found: Vec<Placeholders> = sketch.layers.iter().zip(&*documents).map(found).collect();
        let before: Vec<Vec<usize>> = found.iter().enumerate().map(|(at, found)| named(sketch, found, at)).collect();
        let base = sketch.base_roots();
        loop {
            let open: Vec<usize> =
                (0..).zip(&*states).filter(|(_, state)| **state == State::Open).map(|(at, _)| at).collect();
            let waits =
                |at: &usize| before.get(*at).is_some_and(|before| before.iter().any(|other| open.contains(other)));
            let Some(at) = open.iter().copied().find(|at| !waits(at)) else {
                if !open.is_empty() {
                    errors.push(circle(sketch, self.texts, &open, &before));
                }
                return;
            };
            let Some(all) = found.get(at) else { return };
            let told = all.naming(&|path| self.suspect.knows(path, states));
            let filled = self.fill_one(at, &told, &base, documents);
            let is_sound = filled.is_ok() && told.templates.len() == all.templates.len();
            if let Some(state) = states.get_mut(at) {
                *state = if is_sound { State::Sound } else { State::Wrong };
            }
            errors.extend(filled.err().into_iter().flatten());
        }
    }

    fn fill_one(
        &self,
        at: usize,
        found: &Placeholders,
        base: &Roots,
        documents: &mut [Value],
    ) -> Result<(), Vec<Diagnostic>> {
        let sketch = &self.suspect.sketch;
        let place = |pointer: &_| place(sketch, self.texts, at, pointer);
        let templates = Templates::of(found, &place)?;
        let mut roots = if names_layers(found) { with_layers(base, documents) } else { base.clone() };
        if let Some((layer, source)) = sketch.layers.get(at) {
            roots.set("vars", sketch.vars(layer).clone());
            let own = documents.get(at).and_then(|document| document.get("values")).cloned().unwrap_or_default();
            sketch.set_macros(layer, source, &own, &mut roots, self.seal)?;
        }
        let Some(document) = documents.get_mut(at) else { return Ok(()) };
        let mut values = document.make_map().remove("values").unwrap_or_default();
        let filled = templates.fill(&mut values, &roots.scope(self.seal), &place);
        document.make_map().insert("values".into(), values);
        filled
    }
}

/// Whether a mistake can follow from another one, where not all names are known.
pub fn may_follow(said: &Diagnostic) -> bool {
    said.code == codes::EXPRESSION
}
