//! In: random commits, mishaps, cut-offs and edits by others. Out: nothing.
//! Guarantee: whatever happens, no object is forgotten, none is deleted that is wanted, and a quiet sync ends it all well.
use crate::world::script::Runner;
use crate::world::target::{mark, short};
use proptest::prelude::*;
use std::collections::BTreeMap;
use stratify::decide::value::{Timestamp, Value};

/// The layers, each with what it may come after.
const LAYERS: [(&str, &[&str]); 3] = [("b", &[]), ("a", &["b"]), ("c", &["a", "b"])];

const OBJECTS: [&str; 7] = [
    "ConfigMap/v",
    "ConfigMap/w",
    "ConfigMap/x",
    "Deployment/y",
    "DaemonSet/z",
    "CustomResourceDefinition/gears.example.org",
    "Gear/g",
];

/// The places of a definition and of an object of its kind.
const DEFINITION: usize = 5;
const CUSTOM: usize = 6;

/// Where each object stands, if anywhere, and its value.
type Places = [Option<(usize, u8)>; OBJECTS.len()];

#[derive(Clone, Debug)]
enum Event {
    Commit { places: Box<Places>, paused: Option<usize>, after: [Option<usize>; 3], renamed: bool },
    Sync,
    Killed(usize),
    Superseded(u64),
    Mishap(usize, &'static str),
    Others(usize, bool),
    Ill(usize, Option<u64>),
    Unreadable(usize, u64),
    Lingers(usize, u64),
}

fn event() -> impl Strategy<Value = Event> {
    let place = prop_oneof![1 => Just(None), 3 => (0..LAYERS.len(), 1..3_u8).prop_map(Some)];
    // Of what nobody defines, no server takes anything.
    let places = std::array::from_fn::<_, { OBJECTS.len() }, _>(|_| place.clone()).prop_map(|mut places| {
        places[CUSTOM] = places[CUSTOM].filter(|_| places[DEFINITION].is_some());
        places
    });
    let after =
        [Just(None).boxed(), proptest::option::of(0..1_usize).boxed(), proptest::option::of(0..2_usize).boxed()];
    let paused = prop_oneof![5 => Just(None), 1 => (0..LAYERS.len()).prop_map(Some)];
    let how = prop_oneof![Just("refused"), Just("done"), Just("lost"), Just("overtaken")];
    prop_oneof![
        4 => (places, paused, after, any::<bool>())
            .prop_map(|(places, paused, after, renamed)| Event::Commit { places: Box::new(places), paused, after, renamed }),
        2 => Just(Event::Sync),
        4 => (0..14_usize).prop_map(Event::Killed),
        1 => (0..40_u64).prop_map(Event::Superseded),
        3 => (0..OBJECTS.len() + LAYERS.len() + 1, how).prop_map(|(what, how)| Event::Mishap(what, how)),
        1 => (0..OBJECTS.len(), any::<bool>()).prop_map(|(what, gone)| Event::Others(what, gone)),
        1 => (0..OBJECTS.len(), proptest::option::of(0..20_u64)).prop_map(|(what, after)| Event::Ill(what, after)),
        1 => (0..OBJECTS.len(), 1..400_u64).prop_map(|(what, time)| Event::Unreadable(what, time)),
        1 => (0..OBJECTS.len(), 0..800_u64).prop_map(|(what, time)| Event::Lingers(what, time)),
    ]
}

/// The course of one case, told as a script.
struct Course {
    runner: Runner,
    script: String,
    commits: usize,
    places: Places,
    after: [Option<usize>; 3],
    /// Whether the last layer has another name.
    renamed: bool,
}

impl Course {
    fn new() -> Self {
        Self {
            runner: Runner::new(),
            script: String::new(),
            commits: 0,
            places: [None; OBJECTS.len()],
            after: [None; 3],
            renamed: false,
        }
    }

    /// Returns the name of a layer.
    fn name(&self, layer: usize) -> &'static str {
        if self.renamed && layer == 2 { "d" } else { LAYERS[layer].0 }
    }

    fn command(&mut self, line: &str, block: &[String]) -> Vec<String> {
        let said = self.runner.command(line, block);
        self.script += &[line, "\n"].concat();
        for line in block {
            self.script += &["  ", line, "\n"].concat();
        }
        for line in &said {
            self.script += &["> ", line, "\n"].concat();
        }
        said
    }

    fn commit(&mut self, paused: Option<usize>) {
        let mut lines = vec!["policy 1000".to_owned(), "unprotected ".to_owned()];
        for (at, (_, others)) in LAYERS.iter().enumerate() {
            let objects = OBJECTS.iter().zip(&self.places);
            let objects: Vec<String> = objects
                .filter_map(|(object, place)| place.filter(|(layer, _)| *layer == at).map(|(_, value)| (object, value)))
                .map(|(object, value)| format!("{object}={value}"))
                .collect();
            if objects.is_empty() {
                continue;
            }
            let is_there = |layer: usize| self.places.iter().flatten().any(|(other, _)| *other == layer);
            let other = self.after[at].map(|other| others[other]);
            let other = other.filter(|name| LAYERS.iter().position(|(other, _)| other == name).is_some_and(is_there));
            let after = other.map_or_else(String::new, |other| format!(" after {other}"));
            let name = if self.name(at) == "d" { "d was c" } else { self.name(at) };
            let paused = if paused == Some(at) { " paused" } else { "" };
            lines.push(format!("{name}{after}{paused}: {}", objects.join(" ")));
        }
        self.commits += 1;
        self.command(&format!("commit C{}", self.commits), &lines);
    }

    fn sync(&mut self, how: &str) -> Vec<String> {
        let line = format!("sync C{}{how}", self.commits);
        self.command(&line, &[])
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Commit { places, paused, after, renamed } => {
                (self.places, self.after, self.renamed) = (**places, *after, *renamed);
                self.commit(*paused);
            }
            Event::Sync => self.checked(""),
            Event::Killed(after) => self.checked(&format!(" killed after {after}")),
            Event::Superseded(after) => self.checked(&format!(" superseded after {after}s")),
            Event::Mishap(at, how) => {
                let layer = |at: usize| format!("inventory {}", LAYERS[at].0);
                let what = match OBJECTS.get(*at) {
                    Some(object) => (*object).to_owned(),
                    None => at.checked_sub(OBJECTS.len() + 1).map_or_else(|| "record".to_owned(), layer),
                };
                self.command(&format!("mishap {how} {what}"), &[]);
            }
            Event::Others(at, gone) => {
                let object = OBJECTS[*at];
                if self.live().contains_key(object) {
                    let line = if *gone { format!("remove {object}") } else { format!("edit {object} 9") };
                    self.command(&line, &[]);
                }
            }
            Event::Ill(at, Some(after)) => drop(self.command(&format!("healthy {} after {after}s", OBJECTS[*at]), &[])),
            Event::Ill(at, None) => drop(self.command(&format!("healthy {} never", OBJECTS[*at]), &[])),
            Event::Lingers(at, time) => drop(self.command(&format!("lingers {} {time}s", OBJECTS[*at]), &[])),
            Event::Unreadable(at, time) => {
                drop(self.command(&format!("unreadable {} for {time}s", OBJECTS[*at]), &[]));
            }
        }
    }

    /// Syncs the newest commit, and checks what holds after any sync.
    fn checked(&mut self, how: &str) {
        if self.commits == 0 {
            return;
        }
        let said = self.sync(how);
        let wanted: Vec<&str> =
            OBJECTS.iter().zip(&self.places).filter(|(_, at)| at.is_some()).map(|(it, _)| *it).collect();
        for line in said.iter().filter(|line| line.starts_with("delete ")) {
            assert!(!wanted.iter().any(|object| line.ends_with(object)), "it is wanted: {line}\n{}", self.script);
        }
        assert!(!said.iter().any(|line| line.contains("breaks its own rules")), "the plan is sound\n{}", self.script);
        let mut state = self.runner.world.state();
        let lost = std::mem::take(&mut state.cluster.lost);
        assert!(lost.is_empty(), "{lost:?} went with the definition\n{}", self.script);
        for (spot, stored) in &state.cluster.objects {
            let is_listed = state.cluster.inventories.values().any(|book| {
                let is_its = spot.folder.as_ref().is_none_or(|folder| *folder == book.layer);
                is_its && book.entries.contains_key(&spot.place)
            });
            assert!(
                is_listed || mark(&stored.manifest).is_none(),
                "{} is forgotten\n{}",
                short(&spot.place.1),
                self.script
            );
        }
    }

    /// Returns the objects that bear our mark, with their values and layers.
    fn live(&self) -> BTreeMap<String, (String, String)> {
        let state = self.runner.world.state();
        let objects = state.cluster.objects.iter().filter_map(|(spot, stored)| {
            let value = stored.manifest.get("value").and_then(Value::as_str)?.to_owned();
            Some((short(&spot.place.1), (mark(&stored.manifest)?.to_owned(), value)))
        });
        objects.collect()
    }

    /// From here on nothing goes wrong any more.
    fn calm(&mut self) {
        {
            let mut state = self.runner.world.state();
            state.mishaps.clear();
            state.unreadable.clear();
            state.cluster.healthy_after.clear();
            state.cluster.lingers.clear();
            // What was deleted is gone by then.
            state.now = Timestamp(state.now.0 + 3_600_000);
        }
        self.commit(None);
        // Each of them settles one of the listings that cut-off moves left, at most one a name of a layer.
        for _ in 0..=LAYERS.len() {
            self.checked("");
        }
        let said = self.sync("");
        let nothing = ["= synced, nothing to change", "= deleted, nothing is left"];
        assert!(
            matches!(said.as_slice(), [line] if nothing.iter().any(|words| line.starts_with(words))),
            "there is nothing left to do: {said:?}\n{}",
            self.script
        );
        let wanted = OBJECTS.iter().zip(&self.places).filter_map(|(object, place)| {
            place.map(|(layer, value)| ((*object).to_owned(), (self.name(layer).to_owned(), value.to_string())))
        });
        assert_eq!(self.live(), wanted.collect(), "what is there is what is wanted\n{}", self.script);
        let objects = self.runner.world.state().cluster.objects.len();
        assert_eq!(objects, self.live().len(), "each is there once\n{}", self.script);
        let listed: usize = self.runner.world.state().cluster.inventories.values().map(|book| book.entries.len()).sum();
        assert_eq!(listed, self.places.iter().flatten().count(), "each is listed once\n{}", self.script);
    }
}

proptest! {
    #[test]
    fn nothing_is_forgotten_and_all_ends_well(
        events in proptest::collection::vec(event(), 1..24),
        has_folders in any::<bool>(),
    ) {
        let mut course = Course::new();
        if has_folders {
            course.command("target directory", &[]);
        }
        for event in &events {
            course.happens(event);
        }
        course.calm();
    }
}
