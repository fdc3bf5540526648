//! In: a thousand clusters, each with layers of manifests and one of a chart. Out: how often the chart is rendered for them,
//! and what it costs a plan that is warm.
//! Guarantee: the same fleet with what the chart renders to as manifests stands beside it; helm is the one on PATH.
use crate::table::{Row, row, told};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stratify::client::git::{Address, Credentials, Limits, Stands};
use stratify::control::prepare::prepare;
use stratify::control::real_world::Outside;
use stratify::control::world::Sources;
use stratify::decide::value::{Fault, Seal, Source};
use stratify::name::{ClusterName, CommitId, RepoName};
use stratify::observe::mirror::Mirror;
use stratify::settings::Settings;

/// How many clusters there are.
const CLUSTERS: usize = 1000;

/// How many different inputs the chart gets.
const REGIONS: usize = 5;

/// How many layers of manifests each cluster has beside.
const LAYERS: usize = 11;

/// How many objects each of them holds.
const OBJECTS: usize = 4;

const API: &str = "apiVersion: stratify.dev/v1alpha1";

/// What the layer in question is made from.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    Chart,
    Manifests,
}

/// Counts renders and compares plans.
pub(crate) fn measure(scratch: &Path) -> Vec<Row> {
    if Settings::embedded(scratch).programs.find_helm().is_none() {
        return vec![told("B18", "chart renders", "helm is not on PATH: not measured")];
    }
    let charts = Fleet::build(&scratch.join("charts"), Made::Chart);
    let plain = Fleet::build(&scratch.join("manifests"), Made::Manifests);
    let (first, renders) = charts.plan(charts.first);
    plain.plan(plain.first);
    let (again, none) = charts.plan(charts.first);
    assert_eq!(none, 0, "another process finds what was rendered");
    let (warm, baseline) = (charts.warm(), plain.warm());
    let as_float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let regions = f64::from(u32::try_from(REGIONS).unwrap_or(u32::MAX));
    vec![
        row(
            "B18",
            format!("chart renders, {CLUSTERS} clusters with {REGIONS} inputs"),
            as_float(renders),
            regions,
            "renders",
        ),
        told("B18", "first plan of them all", format!("{:.2} s", first.as_secs_f64())),
        told("B18", "the same in another process, nothing rendered", format!("{:.2} s", again.as_secs_f64())),
        told("B18", "warm plan, manifests only", format!("{:.2} s", baseline.as_secs_f64())),
        row(
            "B18",
            "warm plan with the chart, as a multiple of that",
            warm.as_secs_f64() / baseline.as_secs_f64(),
            1.2,
            "×",
        ),
    ]
}

struct Fleet {
    folder: PathBuf,
    first: CommitId,
    second: CommitId,
}

impl Fleet {
    fn build(folder: &Path, made: Made) -> Self {
        let root = folder.join("fleet");
        let write = |path: &str, text: &str| {
            let file = root.join(path);
            fs::create_dir_all(file.parent().expect("it is inside")).expect("the temporary folder is ours");
            fs::write(file, text).expect("the temporary folder is ours");
        };
        write("fleet.yaml", &format!("{API}\nkind: Fleet\nmetadata: {{ name: bench }}\n"));
        write(
            "environments/dev/environment.yaml",
            &format!(
                "{API}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: apps }} ] }}\n"
            ),
        );
        let mut layers = String::new();
        for layer in 0..LAYERS {
            let _ =
                writeln!(layers, "    - {{ name: layer-{layer}, manifests: [layer-{layer}/*.yaml], namespace: apps }}");
            for object in 0..OBJECTS {
                write(
                    &format!("profiles/apps/layer-{layer}/{object}.yaml"),
                    &config(&format!("layer-{layer}-{object}"), 1),
                );
            }
        }
        let chart = "chart: { path: ../../charts/app }, values: { region: \"${{ cluster.labels.region }}\" }";
        let source = match made {
            Made::Chart => chart.to_owned(),
            Made::Manifests => {
                "manifests: [app/*.tpl.yaml], values: { region: \"${{ cluster.labels.region }}\" }".into()
            }
        };
        let _ = writeln!(layers, "    - {{ name: app, {source}, namespace: apps }}");
        for object in 0..OBJECTS {
            let text = config(&format!("app-{object}"), 1);
            write(
                &format!("profiles/apps/app/{object}.tpl.yaml"),
                &text.replace("text: ", "region: \"${{ values.region }}\", text: "),
            );
            write(
                &format!("charts/app/templates/{object}.yaml"),
                &text.replace("text: ", "region: {{ .Values.region | quote }}, text: "),
            );
        }
        write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
        write(
            "profiles/apps/profile.yaml",
            &format!(
                "{API}\nkind: Profile\nmetadata: {{ name: apps }}\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n{layers}"
            ),
        );
        for cluster in 0..CLUSTERS {
            let region = cluster % REGIONS;
            write(
                &format!("clusters/dev/cluster-{cluster}/cluster.yaml"),
                &format!(
                    "{API}\nkind: Cluster\nmetadata: {{ name: cluster-{cluster}, labels: {{ region: region-{region} }} }}\nspec: {{ cloud: bench, imported: true, kubernetesVersion: 1.33.4 }}\n"
                ),
            );
        }
        git(&root, &["init", "--quiet", "--initial-branch=main", "."]);
        let first = commit(&root);
        write("profiles/apps/layer-0/0.yaml", &config("layer-0-0", 2));
        let second = commit(&root);
        Self { folder: folder.to_owned(), first, second }
    }

    fn outside(&self, runtime: &tokio::runtime::Runtime) -> Outside {
        let mut settings = Settings::embedded(&self.folder);
        settings.state = self.folder.join("state");
        settings.targets = self.folder.join("targets");
        fs::create_dir_all(&settings.state).expect("the temporary folder is ours");
        let address = Address {
            name: RepoName::new("fleet").expect("it is a label"),
            url: format!("file://{}", self.folder.join("fleet").display()),
            branch: "main".to_owned(),
            path: None,
            credentials: Credentials::None,
            push: None,
            stands: Stands::default(),
            authority: None,
            limits: Limits::default(),
        };
        let mirror = Arc::new(Mirror::open(address, &settings.state.join("mirror")).expect("the mirror can be opened"));
        mirror.fetch().expect("the repository is on this machine");
        Outside::new(settings, mirror, Seal::new(b"bench"), runtime.handle().clone())
    }

    /// Plans all clusters in a process of its own.
    fn plan(&self, commit: CommitId) -> (Duration, u64) {
        let runtime = runtime();
        let outside = self.outside(&runtime);
        let taken = plan_of(&runtime, &outside, commit);
        (taken, Sources::expansions(&outside).renders())
    }

    /// Plans the second commit in a process that has planned the first one.
    fn warm(&self) -> Duration {
        let runtime = runtime();
        let outside = self.outside(&runtime);
        plan_of(&runtime, &outside, self.first);
        let times = (0..3).map(|at| plan_of(&runtime, &outside, if at % 2 == 0 { self.second } else { self.first }));
        times.min().expect("there are some")
    }
}

fn plan_of(runtime: &tokio::runtime::Runtime, outside: &Outside, commit: CommitId) -> Duration {
    let clusters: BTreeSet<ClusterName> =
        (0..CLUSTERS).map(|at| ClusterName::new(&format!("cluster-{at}")).expect("it is a label")).collect();
    let start = Instant::now();
    let prepared = runtime.block_on(async {
        let fleet = Sources::fleet(outside, commit).await.expect("it can be read");
        Box::pin(prepare(outside, &fleet, &clusters)).await
    });
    let taken = start.elapsed();
    assert_eq!(prepared.len(), CLUSTERS, "all are planned");
    for one in &prepared {
        if let Err(Fault { source, .. }) = &one.change {
            match source {
                Source::Documents(said) => panic!("{}: {said:?}", one.cluster),
                Source::Error(error) => panic!("{}: {error}", one.cluster),
            }
        }
    }
    taken
}

fn runtime() -> tokio::runtime::Runtime {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(64 << 20).build();
    threads.expect("threads start")
}

fn config(name: &str, version: usize) -> String {
    let text = "all work and no play ".repeat(20);
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ version: 'v{version}', text: '{text}' }}\n"
    )
}

fn commit(root: &Path) -> CommitId {
    git(root, &["add", "--all"]);
    git(root, &["commit", "--quiet", "-m", "bench"]);
    CommitId::parse(git(root, &["rev-parse", "HEAD"]).trim()).expect("git prints ids")
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args([
        "-c",
        "user.name=bench",
        "-c",
        "user.email=bench@example.org",
        "-c",
        "gc.auto=0",
    ]);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").args(args).stderr(Stdio::inherit());
    let output = command.output().expect("git is installed");
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).expect("git speaks UTF-8")
}
