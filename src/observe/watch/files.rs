//! In: a repository of this machine, or a folder. Out: a wake or a call soon after something in it changed.
//! Guarantee: no event tells what is there; where the system gives no events, the folder is looked at again and again.
//!
//! A file in a folder that was made a moment ago can be missed, since its folder is watched only from then on. So this
//! makes a look come sooner; that it comes at all is the poll's promise.
use super::queue::{Queue, Wake, Why};
use crate::name::RepoName;
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often refs are looked at where the system gives no events: they are a few small files.
const LOOK_AT_REFS: Duration = Duration::from_secs(2);

/// How often a folder is: to read a hundred megabytes takes a tenth of a second.
const LOOK_AT_FOLDER: Duration = Duration::from_secs(30);

/// Watches as long as it stands.
#[must_use = "it watches only as long as it stands"]
pub struct Watch {
    _watcher: Option<Box<dyn Watcher + Send>>,
    warning: Option<String>,
}

impl Watch {
    /// Returns what the operator should know: that changes are seen later than they could be, and why.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("warning", &self.warning).finish_non_exhaustive()
    }
}

/// Pushes a wake whenever a ref of the repository with this Git folder may have moved. Refs in a reftable are not seen.
pub fn watch_local(git_folder: &Path, repository: &RepoName, queue: &Arc<Queue>) -> Watch {
    let homes = homes_of_refs(git_folder);
    let all = homes
        .iter()
        .flat_map(|home| [(home.clone(), RecursiveMode::NonRecursive), (home.join("refs"), RecursiveMode::Recursive)]);
    // A linked work tree mostly has no refs of its own, but its own HEAD.
    let places: Vec<_> = all.filter(|(folder, mode)| *mode == RecursiveMode::NonRecursive || folder.is_dir()).collect();
    let (queue, repository) = (Arc::clone(queue), repository.clone());
    let see = move |event: notify::Result<Event>| {
        if is_change(event.as_ref(), |path| homes.iter().any(|home| is_ref(home, path))) {
            queue.push(Wake { repository: repository.clone(), why: Why::Changed });
        }
    };
    start(&places, LOOK_AT_REFS, see)
}

/// Calls `changed` whenever something in the folder, or below, may have changed; often more than once for one change.
pub fn watch_folder(folder: &Path, changed: impl Fn() + Clone + Send + 'static) -> Watch {
    let see = move |event: notify::Result<Event>| {
        if is_change(event.as_ref(), |_| true) {
            changed();
        }
    };
    start(&[(folder.to_owned(), RecursiveMode::Recursive)], LOOK_AT_FOLDER, see)
}

/// Returns the folders that hold HEAD and the refs: two, where the work tree is a linked one.
fn homes_of_refs(git_folder: &Path) -> Vec<PathBuf> {
    let common = fs::read_to_string(git_folder.join("commondir")).ok();
    let common = common.map(|path| git_folder.join(path.trim())).and_then(|path| path.canonicalize().ok());
    [Some(git_folder.to_owned()), common].into_iter().flatten().collect()
}

/// Returns whether a path can hold a ref: neither an object, nor the index, nor what Git writes before it renames.
fn is_ref(home: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(home) else { return false };
    let is_lock = path.extension().is_some_and(|extension| extension == "lock");
    let is_named = ["HEAD", "packed-refs"].iter().any(|name| inside == Path::new(name));
    !is_lock && (is_named || inside.starts_with("refs"))
}

/// Returns whether an event means to look: a change at a path that matters, or that events were lost.
fn is_change(event: Result<&Event, &notify::Error>, matters: impl Fn(&Path) -> bool) -> bool {
    // To read a file is an event too, and would have us read it again.
    let is_told = |event: &Event| !event.kind.is_access() && event.paths.iter().any(|path| matters(path));
    event.map_or(true, |event| event.need_rescan() || is_told(event))
}

type See = dyn FnMut(notify::Result<Event>) + Send;

/// Watches the folders by the system's events, else by looking at them.
fn start(
    folders: &[(PathBuf, RecursiveMode)],
    look: Duration,
    see: impl FnMut(notify::Result<Event>) + Clone + Send + 'static,
) -> Watch {
    // A link is not followed: what it leads to is no part of the folder.
    let config = Config::default().with_follow_symlinks(false);
    match watcher::<RecommendedWatcher>(folders, config, Box::new(see.clone())) {
        Ok(watcher) => Watch { _watcher: Some(watcher), warning: None },
        Err(why) => by_looking(folders, look, &why, Box::new(see)),
    }
}

/// Watches the folders by looking at them; if that fails too, only the poll is left.
fn by_looking(folders: &[(PathBuf, RecursiveMode)], look: Duration, why: &notify::Error, see: Box<See>) -> Watch {
    // Contents are compared, since the times that it compares count whole seconds.
    let config = Config::default().with_follow_symlinks(false).with_poll_interval(look).with_compare_contents(true);
    let watched = watcher::<PollWatcher>(folders, config, see);
    let shown = folders.first().map(|(folder, _)| folder.display().to_string()).unwrap_or_default();
    let instead = match &watched {
        Ok(_) => format!("it is looked at each {} s", look.as_secs_f32()),
        Err(_) => "its changes are seen at the next poll".to_owned(),
    };
    let hint = match why.kind {
        notify::ErrorKind::MaxFilesWatch => "; raise fs.inotify.max_user_watches",
        _ => "",
    };
    let warning = format!("could not watch {shown}: {why}; {instead}{hint}");
    Watch { _watcher: watched.ok(), warning: Some(warning) }
}

fn watcher<W: Watcher + Send + 'static>(
    folders: &[(PathBuf, RecursiveMode)],
    config: Config,
    see: Box<See>,
) -> notify::Result<Box<dyn Watcher + Send>> {
    let mut watcher = W::new(see, config)?;
    for (folder, mode) in folders {
        watcher.watch(folder, *mode)?;
    }
    Ok(Box::new(watcher))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::time::timeout;

    /// A folder as `git init` leaves it.
    fn git_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for inner in ["refs/heads", "refs/tags", "objects/pack"] {
            fs::create_dir_all(folder.path().join(inner)).expect("the folder is ours");
        }
        fs::write(folder.path().join("HEAD"), "ref: refs/heads/main\n").expect("the folder is ours");
        folder
    }

    /// Writes as Git does: a lock first, then the name.
    fn write_by_lock(file: &Path, text: &str) {
        let lock = file.with_extension("lock");
        fs::write(&lock, text).expect("the folder is ours");
        fs::rename(&lock, file).expect("the folder is ours");
    }

    fn name() -> RepoName {
        RepoName::new("fleet").expect("it is a label")
    }

    async fn next(queue: &Queue) -> Vec<Wake> {
        timeout(Duration::from_secs(10), queue.next()).await.expect("the change is seen")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_moved_ref_is_seen_at_once() {
        let (folder, queue) = (git_folder(), Arc::new(Queue::default()));
        let watch = watch_local(folder.path(), &name(), &queue);
        assert_eq!(watch.warning(), None, "the system gives events");
        for file in ["refs/heads/main", "packed-refs", "HEAD"] {
            let start = Instant::now();
            write_by_lock(&folder.path().join(file), "changed\n");
            let wakes = next(&queue).await;
            assert_eq!(wakes, [Wake { repository: name(), why: Why::Changed }], "{file} moved");
            // Ten times the promise: the machine may be busy with other tests.
            assert!(start.elapsed() < Duration::from_secs(1), "{file} was seen after {:?}", start.elapsed());
        }
    }

    #[test]
    fn only_refs_matter() {
        let home = Path::new("/fleet/.git");
        for file in ["HEAD", "packed-refs", "refs/heads/main", "refs/heads/a/b", "refs/tags/v1"] {
            assert!(is_ref(home, &home.join(file)), "{file} can hold a ref");
        }
        for file in ["index", "HEAD.lock", "refs/heads/main.lock", "objects/pack/a.pack", "objects/refs", "logs/HEAD"] {
            assert!(!is_ref(home, &home.join(file)), "{file} holds no ref");
        }
    }

    #[test]
    fn reading_is_no_change_and_lost_events_are_one() {
        use notify::EventKind;
        use notify::event::{AccessKind, Flag, ModifyKind};
        let at = |kind| Event::new(kind).add_path("/fleet/refs".into());
        assert!(!is_change(Ok(&at(EventKind::Access(AccessKind::Any))), |_| true), "it would be read for ever");
        assert!(is_change(Ok(&at(EventKind::Modify(ModifyKind::Any))), |_| true), "it changed");
        assert!(!is_change(Ok(&at(EventKind::Modify(ModifyKind::Any))), |_| false), "its path does not matter");
        assert!(is_change(Ok(&Event::new(EventKind::Other).set_flag(Flag::Rescan)), |_| false), "events were lost");
        assert!(is_change(Err(&notify::Error::generic("full")), |_| false), "nobody knows what was lost");
    }

    #[test]
    fn a_linked_work_tree_has_its_refs_elsewhere() {
        let folder = git_folder();
        let linked = folder.path().join("worktrees/second");
        fs::create_dir_all(&linked).expect("the folder is ours");
        fs::write(linked.join("commondir"), "../..\n").expect("the folder is ours");
        let common = folder.path().canonicalize().expect("it is there");
        assert_eq!(homes_of_refs(&linked), [linked, common], "HEAD is its own, the branches are not");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_events_the_folder_is_looked_at_and_the_operator_told() {
        let (folder, queue) = (git_folder(), Arc::new(Queue::default()));
        let seen = Arc::clone(&queue);
        let see = move |_| seen.push(Wake { repository: name(), why: Why::Changed });
        let why = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
        let places = [(folder.path().join("refs"), RecursiveMode::Recursive)];
        let watch = by_looking(&places, Duration::from_millis(5), &why, Box::new(see));
        let warning = watch.warning().expect("the operator is told");
        assert!(warning.contains("max_user_watches") && warning.contains("looked at"), "{warning}");
        write_by_lock(&folder.path().join("refs/heads/main"), "changed\n");
        next(&queue).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_change_deep_in_a_folder_is_seen() {
        let (folder, queue) = (git_folder(), Arc::new(Queue::default()));
        let seen = Arc::clone(&queue);
        let watch = watch_folder(folder.path(), move || seen.push(Wake { repository: name(), why: Why::Changed }));
        assert_eq!(watch.warning(), None, "the system gives events");
        fs::write(folder.path().join("refs/heads/object.yaml"), "kind: ConfigMap\n").expect("the folder is ours");
        next(&queue).await;
        let absent = watch_folder(&folder.path().join("absent"), || ());
        assert!(absent.warning().is_some_and(|warning| warning.contains("absent")), "nothing is watched there");
    }
}
