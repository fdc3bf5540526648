//! In: a target in which a sync was cut off. Out: a panic that says which law it breaks.
//! Guarantee: read from the files alone.
use super::fleet::{LAYERS, Objects, Start, is_book, names, objects};
use crate::commands::fixture::{Checkout, tree};
use std::collections::BTreeSet;

/// Checks what must hold wherever a sync is cut off.
#[track_caller]
pub(super) fn hold(start: &Start, checkout: &Checkout, after: &str) {
    let found = objects(checkout);
    nothing_is_orphaned(checkout, &found, after);
    nothing_wanted_is_gone(start, &found, after);
    each_file_is_the_old_one_or_the_new(start, &found, after);
    what_is_written_is_a_beginning_of_the_plan(start, &found, after);
}

/// Each object of ours stands in the inventory of its layer.
#[track_caller]
fn nothing_is_orphaned(checkout: &Checkout, found: &Objects, after: &str) {
    let listed = listed(checkout);
    for path in found.keys() {
        assert!(listed.contains(path), "after {after}: {path} is in an inventory: {listed:?}");
    }
}

/// Returns the paths of all objects that an inventory lists.
fn listed(checkout: &Checkout) -> BTreeSet<String> {
    let folder = checkout.target("one").join(".stratify-target/inventory");
    let books = tree(&folder).into_iter().filter(|(path, _)| is_book(path));
    let paths = |(_, (_, bytes)): (String, (_, Vec<u8>))| {
        let book: serde_json::Value = serde_json::from_slice(&bytes).expect("an inventory is whole");
        let layer = book["layer"].as_str().expect("it names its layer").to_owned();
        let entries = book["entries"].as_array().expect("it lists entries").clone();
        let path = move |entry: serde_json::Value| {
            let part = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            assert_eq!(part("group"), "", "all objects here are of the core group");
            format!("{layer}/{}/{}_{}.yaml", part("namespace"), part("kind"), part("name"))
        };
        entries.into_iter().map(path)
    };
    books.flat_map(paths).collect()
}

/// What was there and is wanted is there at each moment.
#[track_caller]
fn nothing_wanted_is_gone(start: &Start, found: &Objects, after: &str) {
    for path in start.before.keys().filter(|path| start.after.contains_key(*path)) {
        assert!(
            found.contains_key(path),
            "after {after}: {path} is wanted, was there, and is gone: {:?}",
            names(found)
        );
    }
    // What moves from one layer to another is in one of them, or in both.
    for (old, new) in moves(start) {
        assert!(found.contains_key(old) || found.contains_key(new), "after {after}: {old} is lost on its way to {new}");
    }
}

/// Returns what has another layer after the sync: the old path and the new one.
fn moves(start: &Start) -> impl Iterator<Item = (&String, &String)> {
    let file = |path: &str| path.split_once('/').map(|(_, file)| file.to_owned());
    let gone = start.before.keys().filter(|path| !start.after.contains_key(*path));
    gone.filter_map(move |old| Some((old, start.after.keys().find(|new| file(new) == file(old))?)))
}

#[track_caller]
fn each_file_is_the_old_one_or_the_new(start: &Start, found: &Objects, after: &str) {
    for (path, bytes) in found {
        let is_known = [&start.before, &start.after].iter().any(|known| known.get(path) == Some(bytes));
        assert!(is_known, "after {after}: {path} is the old file or the new one, and whole");
    }
}

/// No layer is written before all of those before it; nothing is pruned before all is written.
#[track_caller]
fn what_is_written_is_a_beginning_of_the_plan(start: &Start, found: &Objects, after: &str) {
    let changed = |layer: &str| {
        let inside = format!("{layer}/");
        let all = start.after.iter().filter(|(path, bytes)| start.before.get(*path) != Some(*bytes));
        all.filter(move |(path, _)| path.starts_with(&inside)).collect::<Vec<_>>()
    };
    let is_written = |(path, bytes): &(&String, &Vec<u8>)| found.get(*path) == Some(*bytes);
    let mut unwritten = None;
    for layer in LAYERS {
        for file in changed(layer) {
            if is_written(&file) {
                assert!(
                    unwritten.is_none_or(|(earlier, _)| earlier == layer),
                    "after {after}: {} is written before {unwritten:?}",
                    file.0
                );
            } else {
                unwritten = unwritten.or(Some((layer, file.0)));
            }
        }
    }
    let moved: BTreeSet<&String> = moves(start).map(|(old, _)| old).collect();
    for path in start.before.keys().filter(|path| !start.after.contains_key(*path) && !moved.contains(path)) {
        if !found.contains_key(path) {
            assert!(unwritten.is_none(), "after {after}: {path} is pruned before {unwritten:?} is written");
        }
    }
}
