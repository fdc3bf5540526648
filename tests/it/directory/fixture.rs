//! In: a temporary folder. Out: a target with a writer at its first generation, and changes by hand.
//! Guarantee: the folder goes with the fixture.
use std::path::PathBuf;
use stratify::act::apply::directory::Writer;
use stratify::decide::document::Site;
use stratify::decide::plan::{Expected, ObjectChange, Operation};
use stratify::decide::profile::Record;
use stratify::decide::render::OBJECT;
use stratify::decide::rollout::Answer;
use stratify::decide::value::{Digested, Live, Map, Value};
use stratify::name::{ClusterName, LayerName, ObjectId};
use stratify::observe::cluster::directory::look;
use tempfile::TempDir;

pub(crate) const FLEET: &str = "acme";

pub(crate) struct Target {
    _folder: TempDir,
    pub(crate) root: PathBuf,
}

impl Target {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let root = folder.path().join("target");
        Self { _folder: folder, root }
    }

    /// Opens a writer and takes the next generation.
    pub(crate) fn writer(&self, generation: u64) -> Writer {
        let mut writer = Writer::open(&self.root, FLEET, &cluster(), &[]).expect("the folder is ours");
        let answer = writer.write_record(&record(generation));
        assert!(matches!(answer, Answer::Written { .. }), "nobody else is there: {answer:?}");
        writer
    }

    pub(crate) fn see(&self, at: &LayerName, object: &ObjectId) -> Live {
        look(&self.root, &[(at.clone(), Site::Workload, object.clone())]).pop().expect("one was asked for").1
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("it is a folder") {
                let path = entry.expect("it is readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&self.root).expect("it was found there").display().to_string());
                }
            }
        }
        files.retain(|file| !file.starts_with(".stratify-target/"));
        files.sort();
        files
    }
}

pub(crate) fn cluster() -> ClusterName {
    ClusterName::new("eu-1").expect("it is a label")
}

pub(crate) fn layer(name: &str) -> LayerName {
    LayerName::new(name).expect("it is a label")
}

pub(crate) fn record(generation: u64) -> Record {
    Record { generation, ..Record::unborn(FLEET.into(), cluster()) }
}

/// A change of the config map `name`, with `data` where it stays.
pub(crate) fn change(operation: Operation, name: &str, data: i64) -> ObjectChange {
    let object =
        ObjectId { group: "".into(), kind: "ConfigMap".into(), namespace: Some("shop".into()), name: name.into() };
    let manifest = Map::from_iter([("kind", Value::from("ConfigMap")), ("data", Value::Integer(data))]);
    let goes = matches!(operation, Operation::Prune | Operation::Keep);
    let expected = if operation == Operation::Create { Expected::Absent } else { Expected::Any };
    ObjectChange {
        admission: stratify::decide::plan::Admission::default(),
        at: None,
        site: Site::Workload,
        object,
        operation,
        patch: Vec::new(),
        inverse: Vec::new(),
        manifest: (!goes).then(|| Digested::new(OBJECT, manifest.into())),
        expected,
    }
}

#[track_caller]
pub(crate) fn taken(answer: &Answer) {
    assert!(matches!(answer, Answer::Written { .. }), "it is written: {answer:?}");
}

#[track_caller]
pub(crate) fn refused(answer: &Answer) {
    assert!(matches!(answer, Answer::Refused(_)), "it is refused: {answer:?}");
}
