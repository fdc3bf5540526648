//! In: a real API server, how many clusters a repository has. Out: what a commit to one more cluster in it takes, which is
//! that server. Guarantee: the others are the reference work of the other benches, known to be synced; nobody writes them.
use crate::fleet::config_map;
use crate::live::Live;
use crate::table::{Row, ms, percentile, row};
use crate::testenv::{Server, User};
use crate::work::{Size, Work};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use stratify::client::git::{Address, Credentials, Limits, Stands};
use stratify::client::store::Store;
use stratify::name::{CommitId, RepoName};
use stratify::settings::{Kubernetes, NAMESPACE, Reach, Settings, Target};

/// How often it is measured.
const TIMES: usize = 30;

/// Objects of the cluster, and of a file: a commit changes one file.
const OBJECTS: usize = 48;
const FILE: usize = 4;

const API: &str = "apiVersion: stratify.dev/v1alpha1";
const NAME: &str = "small";

/// Measures B6.
pub(crate) fn measure(server: &Server, clusters: usize) -> Vec<Row> {
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let work = Work::build(&scratch.path().join("work"), Size { clusters, layers: 12 });
    commit(&work, &cluster());
    let state = scratch.path().join("state");
    std::fs::create_dir_all(&state).expect("the temporary folder is ours");
    // An earlier process has looked at all the others.
    let store = Store::open(&state.join("state.redb")).expect("the store can be made");
    store.put_all("head", &[(b"head".to_vec(), Some(work.first.0.to_vec()))]).expect("there is room");
    drop(store);
    let live = Live::on(address(&work), settings(server, &state), &state);
    let times: Vec<Duration> = (0..TIMES)
        .map(|nth| {
            let commit = commit(&work, &[manifests(0, nth + 2)]);
            live.sync(commit).1
        })
        .collect();
    live.stop();
    let of = format!("the same in a repository of {clusters} clusters");
    vec![
        row("B6", format!("{of}, p50"), ms(percentile(&times, 50)), 150.0, "ms"),
        row("B6", "  p99", ms(percentile(&times, 99)), 600.0, "ms"),
    ]
}

/// A file, by its path.
type File = (String, String);

fn cluster() -> Vec<File> {
    let environment = format!(
        "{API}\nkind: Environment\nmetadata: {{ name: bench }}\nspec: {{ profiles: [ {{ name: {NAME} }} ] }}\n"
    );
    let profile = format!(
        "{API}\nkind: Profile\nmetadata: {{ name: {NAME} }}\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n    \
         - {{ name: config, manifests: ['config/*.yaml'], namespace: large }}\n"
    );
    let spec = "cloud: kind, imported: true, kubernetesVersion: 1.37.2";
    let cluster = format!("{API}\nkind: Cluster\nmetadata: {{ name: {NAME} }}\nspec: {{ {spec} }}\n");
    let documents = [
        ("environments/bench/environment.yaml".to_owned(), environment),
        (format!("profiles/{NAME}/profile.yaml"), profile),
        (format!("clusters/bench/{NAME}/cluster.yaml"), cluster),
    ];
    documents.into_iter().chain((0..OBJECTS / FILE).map(|file| manifests(file, 1))).collect()
}

fn manifests(file: usize, version: usize) -> File {
    let mut text = String::new();
    for object in file * FILE..(file + 1) * FILE {
        writeln!(text, "---\n{}", config_map(object, version)).expect("a text takes all");
    }
    (format!("profiles/{NAME}/config/f{file}.yaml"), text)
}

/// Commits files on the branch, without a work tree.
fn commit(work: &Work, files: &[File]) -> CommitId {
    let mut git = Command::new("git");
    git.current_dir(&work.folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    git.args(["fast-import", "--quiet"]).stdin(Stdio::piped());
    let mut import = git.spawn().expect("git is installed");
    let mut text = String::from("commit refs/heads/main\ncommitter Grace <grace@example.org> 1767225600 +0000\n");
    text.push_str("data 6\na file\nfrom refs/heads/main^0\n");
    for (path, content) in files {
        writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len()).expect("a text takes all");
    }
    import.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("git reads it");
    assert!(import.wait().expect("it was started").success(), "git takes what is imported");
    let head = crate::fleet::git(&work.folder, &["rev-parse", "refs/heads/main"]);
    CommitId::parse(head.trim()).expect("git prints ids")
}

fn address(work: &Work) -> Address {
    Address {
        name: RepoName::new("fleet").expect("it is a label"),
        url: format!("file://{}", work.folder.display()),
        branch: "main".into(),
        path: None,
        credentials: Credentials::None,
        push: None,
        stands: Stands::default(),
        authority: None,
        limits: Limits::default(),
    }
}

fn settings(server: &Server, state: &std::path::Path) -> Settings {
    let mut settings = Settings::embedded(state);
    let file = server.kubeconfig_file(User::ADMIN);
    let reach = Reach::Kubeconfig { file, context: None, exec: Vec::new() };
    let target = Kubernetes { reach, namespace: NAMESPACE.into(), stability: Duration::ZERO, uid: None };
    settings.named_targets.insert(Arc::from(NAME), Target::Kubernetes(target));
    settings
}
