//! In: a cluster that cannot be resolved or rendered. Out: all that is wrong with it, each mistake once.
//! Guarantee: what may only follow from another mistake is not told beside it.
use super::codes;
use super::expanded::ExpandedPacks;
use super::layers::layers;
use crate::decide::document::Texts;
use crate::decide::profile::{Mistakes, Suspect, may_follow};
use crate::decide::value::{Code, Diagnostic, Seal};

/// What asks for objects of other layers, which may be those that are wrong.
const OF_OTHERS: [Code; 3] = [codes::NO_TARGET, codes::NAMESPACE, codes::NOT_EXPANDED];

/// Returns all that is wrong with a cluster, of which `known` was found already.
///
/// What is rendered outside is left out: it asks for the layers before it, which may be those that are wrong.
pub fn mistakes(known: Vec<Diagnostic>, suspect: &Suspect, texts: &Texts, seal: &Seal) -> Vec<Diagnostic> {
    let Mistakes { errors, sound, knows_names } = suspect.mistakes(texts, seal);
    let rendered = layers(&sound, texts, &ExpandedPacks::new(), seal).err().unwrap_or_default();
    let own = rendered.into_iter().filter(|said| !OF_OTHERS.contains(&said.code) && (knows_names || !may_follow(said)));
    let mut all: Vec<Diagnostic> = Vec::new();
    for said in known.into_iter().chain(errors).chain(own) {
        if !all.contains(&said) {
            all.push(said);
        }
    }
    all
}
