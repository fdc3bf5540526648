//! In: a group of a plan. Out: its objects are written kind by kind, with an answer for each.
//! Guarantee: what could not be tried before is tried now, all of it before the first write; an object that moved on is
//! tried anew, under the same record only.
use super::answer::{answer, is_stale, why};
use super::probe::try_apply;
use super::prune::{Ours, end, find, operations};
use super::recreate::{remove, try_recreate, try_run};
use super::target::{CONCURRENT, Owner, Pathless, Target, parts, path_of, text, version_of};
use crate::client::kubernetes::{ApiError, Applied, ApplyMode, Kinds, ObjectPath};
use crate::decide::plan::adoption::{adopt, hand_over};
use crate::decide::plan::book_secrets::{Book, with_marks};
use crate::decide::plan::ignore::{ignored, kept, without};
use crate::decide::plan::{Admission, Conflicts, Expected, Group, ObjectChange, Operation, Plan, Why};
use crate::decide::profile::{Ignore, Left};
use crate::decide::render::{OBJECT, RUN};
use crate::decide::rollout::Answer;
use crate::decide::value::{Digested, Map, Value};
use crate::name::LayerName;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// How often a write is tried again because the object moved on meanwhile: its controllers write its status all the time.
const TRIES_MAX: u32 = 5;

/// How often the kinds are asked for anew until one is served that was just defined, and the pause between.
const KINDS_TRIES_MAX: u32 = 20;
const KINDS_PAUSE: Duration = Duration::from_millis(250);

/// A version that no object has: over it, only what is absent can be written.
const NO_VERSION: &str = "1";

/// Writes a group's objects; `record` is the record under which they are written.
pub async fn write(
    target: &Target,
    plan: &Plan,
    layer: &LayerName,
    group: &Group,
    record: Option<&Book>,
) -> Vec<Answer> {
    let changes: Vec<&ObjectChange> = group.writes().collect();
    let kinds = match served(target, &changes).await {
        Ok(kinds) => kinds,
        Err(why) => return vec![Answer::Refused(why); changes.len()],
    };
    let writer = Writer { target, kinds, owner: Owner::of(plan, layer), record };
    let tried = match writer.try_all(&changes).await {
        Ok(tried) => tried,
        Err(answers) => return answers,
    };
    let mut answers = Vec::new();
    // Kind by kind, since the plan's order goes by kind; within one, nothing needs another.
    for run in tried.chunk_by(|left, right| left.0.object.kind == right.0.object.kind) {
        let writes =
            run.iter().map(|(change, expected, conflicts)| writer.write(change, expected.clone(), conflicts.clone()));
        let done: Vec<Answer> = futures::stream::iter(writes.collect::<Vec<_>>()).buffered(CONCURRENT).collect().await;
        let failed = done.iter().any(|answer| !matches!(answer, Answer::Written { .. }));
        answers.extend(done);
        if failed {
            break;
        }
    }
    let unwritten = Answer::Refused(Why::Unavailable("it was not written, since one before it was not".into()));
    answers.resize(changes.len(), unwritten);
    answers
}

/// Returns the kinds that are served, once those of all objects are; a definition takes a moment to be.
async fn served(target: &Target, changes: &[&ObjectChange]) -> Result<Arc<Kinds>, Why> {
    let mut kinds = target.server.kinds().await.map_err(|error| why(&error))?;
    for _ in 0..KINDS_TRIES_MAX {
        let is_unserved = |change: &&&ObjectChange| {
            change.manifest.is_some()
                && matches!(
                    path_of(&kinds, &change.object, change.manifest.as_deref()),
                    Err(Pathless::Unserved(_) | Pathless::Incomplete(_))
                )
        };
        if !changes.iter().any(|change| is_unserved(&change)) {
            break;
        }
        tokio::time::sleep(KINDS_PAUSE).await;
        kinds = target.server.refresh_kinds().await.map_err(|error| why(&error))?;
    }
    Ok(kinds)
}

struct Writer<'a> {
    target: &'a Target,
    kinds: Arc<Kinds>,
    owner: Owner<'a>,
    record: Option<&'a Book>,
}

type Tried<'a> = (&'a ObjectChange, Expected, Conflicts);

impl Writer<'_> {
    /// Tries what could not be tried when the plan was made; where one is refused, nothing is written.
    async fn try_all<'a>(&self, changes: &[&'a ObjectChange]) -> Result<Vec<Tried<'a>>, Vec<Answer>> {
        let tries = changes.iter().map(|change| async move {
            match &change.admission {
                Admission::Admitted(conflicts) => Ok((*change, change.expected.clone(), conflicts.clone())),
                _ if change.manifest.is_none() => Ok((*change, change.expected.clone(), Conflicts::Refuse)),
                _ => self.try_one(change).await.map(|(expected, conflicts)| (*change, expected, conflicts)),
            }
        });
        let tried: Vec<Result<Tried<'a>, Why>> =
            futures::stream::iter(tries.collect::<Vec<_>>()).buffered(CONCURRENT).collect().await;
        if tried.iter().all(Result::is_ok) {
            return Ok(tried.into_iter().flatten().collect());
        }
        let held = || Why::Unavailable("it was not written, since another one of its group would be refused".into());
        Err(tried.into_iter().map(|tried| Answer::Refused(tried.err().unwrap_or_else(held))).collect())
    }

    async fn try_one(&self, change: &ObjectChange) -> Result<(Expected, Conflicts), Why> {
        let path = self.path(change)?;
        let tried = match change.operation {
            Operation::Recreate => try_recreate(self.target, &self.kinds, &path, self.owner, change).await,
            Operation::Run => try_run(self.target, &self.kinds, &path, self.owner, change).await,
            _ => try_apply(self.target, &path, self.owner, change, None).await,
        };
        tried.map_err(Why::from)
    }

    fn path(&self, change: &ObjectChange) -> Result<ObjectPath, Why> {
        path_of(&self.kinds, &change.object, change.manifest.as_deref()).map_err(Why::from)
    }

    async fn write(&self, change: &ObjectChange, expected: Expected, conflicts: Conflicts) -> Answer {
        match &change.operation {
            Operation::Prune | Operation::Keep => end(self.target, &self.kinds, self.owner, change).await,
            Operation::Recreate => self.recreate(change, expected, conflicts).await,
            Operation::Run => self.run(change).await,
            _ => self.apply(change, expected, conflicts).await,
        }
    }

    /// Makes an object anew, unless a sync that was cut off has done so: then it can be written as it stands.
    async fn recreate(&self, change: &ObjectChange, expected: Expected, conflicts: Conflicts) -> Answer {
        let path = match self.path(change) {
            Ok(path) => path,
            Err(why) => return Answer::Refused(why),
        };
        match self.apply(change, expected, conflicts).await {
            Answer::Refused(Why::Invalid(_)) => {}
            answer => return answer,
        }
        if let Err(why) = self.still_ours().await {
            return Answer::Refused(why);
        }
        // Between the plan and now a policy or a definition may have come that refuses the successor, too: then nothing goes.
        if let Err(refusal) = try_recreate(self.target, &self.kinds, &path, self.owner, change).await {
            return Answer::Refused(refusal.into());
        }
        let change = match self.with_kept(&path, change).await {
            Ok(change) => change,
            Err(error) => return answer(&error),
        };
        match remove(self.target, &self.kinds, &path, self.owner, &change).await {
            Ok(()) => self.apply(&change, Expected::Absent, Conflicts::Refuse).await,
            Err(answer) => answer,
        }
    }

    /// Returns a write of what is made anew, with what was generated for the object that goes.
    async fn with_kept(&self, path: &ObjectPath, change: &ObjectChange) -> Result<ObjectChange, ApiError> {
        let (rules, mut change) = (&self.owner.options.ignore, change.clone());
        let selects =
            |rule: &Ignore| rule.left == Left::AsItIs && rule.target.selects(self.owner.layer, &change.object);
        if !rules.iter().any(selects) {
            return Ok(change);
        }
        if let (Some(manifest), Some(live)) = (&change.manifest, self.target.server.get(path).await?) {
            let manifest = kept(rules, self.owner.layer, &change.object, manifest, &live);
            change.manifest = Some(Digested::new(OBJECT, manifest));
        }
        Ok(change)
    }

    /// Makes a hook anew, unless it has run already for what its layer is now: a sync may have been cut off.
    async fn run(&self, change: &ObjectChange) -> Answer {
        let path = match self.path(change) {
            Ok(path) => path,
            Err(why) => return Answer::Refused(why),
        };
        let live = match find(self.target, &self.kinds, self.owner, change).await {
            Ok(Ours::Gone) => return self.apply(change, Expected::Absent, Conflicts::Refuse).await,
            Ok(Ours::Foreign(why)) => return Answer::Refused(Why::Unmarked(why)),
            Ok(Ours::Live { live, .. }) => live,
            Err(why) => return Answer::Refused(why),
        };
        if ran_for(&live).is_some() && ran_for(&live) == change.manifest.as_deref().and_then(ran_for) {
            return Answer::Written { version: version_of(&live), uid: None };
        }
        if let Err(why) = self.still_ours().await {
            return Answer::Refused(why);
        }
        match remove(self.target, &self.kinds, &path, self.owner, change).await {
            Ok(()) => self.apply(change, Expected::Absent, Conflicts::Refuse).await,
            Err(answer) => answer,
        }
    }

    async fn apply(&self, change: &ObjectChange, mut expected: Expected, mut conflicts: Conflicts) -> Answer {
        let path = match self.path(change) {
            Ok(path) => path,
            Err(why) => return Answer::Refused(why),
        };
        for _ in 0..TRIES_MAX {
            let applied = self.apply_once(&path, change, &expected, &conflicts).await;
            match applied {
                Ok(applied) => {
                    let uid = Some(text(&applied.object, "uid").into());
                    return Answer::Written { version: version_of(&applied.object), uid };
                }
                Err(error) if is_stale(&error) => {}
                Err(error) => return answer(&error),
            }
            if let Err(why) = self.still_ours().await {
                return Answer::Refused(why);
            }
            match try_apply(self.target, &path, self.owner, change, None).await {
                Ok(tried) => (expected, conflicts) = tried,
                Err(refusal) => return Answer::Refused(refusal.into()),
            }
        }
        Answer::Refused(Why::Unavailable("it changes faster than it can be written".into()))
    }

    async fn apply_once(
        &self,
        path: &ObjectPath,
        change: &ObjectChange,
        expected: &Expected,
        conflicts: &Conflicts,
    ) -> Result<Applied, ApiError> {
        let server = &self.target.server;
        let mode = ApplyMode { dry_run: false, force: *conflicts != Conflicts::Refuse };
        let full = with_marks(change.manifest.as_deref().unwrap_or(&Value::Null), &self.target.place, self.owner.layer);
        let options = self.owner.options;
        let leaves = options.ignore.iter().any(|rule| rule.target.selects(self.owner.layer, &change.object));
        let adopts = matches!(conflicts, Conflicts::Adopt(_));
        if *expected == Expected::Absent || !(leaves || adopts) {
            return server.apply(path, &over(&full, expected), mode).await;
        }
        let Some(live) = server.get(path).await? else { return server.apply(path, &over(&full, expected), mode).await };
        let full = kept(&options.ignore, self.owner.layer, &change.object, &full, &live);
        let left = ignored(&options.ignore, self.owner.layer, &change.object, &full, &live);
        let patch = match conflicts {
            // A version that cannot be folded in is left where it is; the forced apply takes the fields all the same.
            Conflicts::Adopt(managers) => adopt(&live, &full, managers, &left).unwrap_or_default(),
            _ => hand_over(&live, &full, &left),
        };
        // Who owns what changes by one patch of the version that was seen, so that no value does.
        let expected = match patch {
            Some(patch) => Expected::Version(version_of(&server.patch(path, &operations(&patch)).await?)),
            None => expected.clone(),
        };
        server.apply(path, &over(&without(&full, &left), &expected), mode).await
    }

    /// Whether the record is still the one under which this plan writes.
    async fn still_ours(&self) -> Result<(), Why> {
        let (keeper, place) = &self.target.fence;
        let path = ObjectPath::secret(&place.namespace, &place.record_name());
        let record = keeper.get(&path).await.map_err(|error| why(&error))?;
        let version = record.as_ref().map(|record| text(record, "resourceVersion"));
        if version == self.record.map(|book| &*book.version) {
            Ok(())
        } else {
            Err(Why::Conflict("another writer has the record now".into()))
        }
    }
}

/// Returns for what a hook runs, or ran.
fn ran_for(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get(RUN)?.as_str()
}

/// Returns a manifest that is only taken over what is expected.
fn over(manifest: &Value, expected: &Expected) -> Value {
    let mut manifest = manifest.clone();
    let metadata: &mut Map = manifest.make_map().entry(&"metadata".into()).make_map();
    match expected {
        Expected::Any => {}
        Expected::Absent => drop(metadata.insert("resourceVersion".into(), Value::string(NO_VERSION))),
        Expected::Version(version) => {
            let (uid, version) = parts(version);
            metadata.insert("uid".into(), Value::string(uid));
            metadata.insert("resourceVersion".into(), Value::string(version));
        }
    }
    manifest
}
