//! In: a few real API servers, how many simulated clusters. Out: what a commit takes in those that are well, while all are
//! and while a tenth is dead. Guarantee: one `serve` process has all of them; a commit counts as applied once the server has
//! taken the record that says so, which is written after all was seen well.
use crate::fleet::git;
use crate::table::{Row, ms, percentile, row, told};
use crate::testenv::{Death, Server, Simulated, User};
use crate::watching::Ends;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often each kind of commit is measured: the second largest time is then the 99th of a hundred.
const TIMES: usize = 101;

/// Longer than the least time between two looks, so that no commit waits for that.
const PAUSE: Duration = Duration::from_millis(350);

/// Longer than any first sync takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long the program is left alone after all of its clusters changed.
const REST: Duration = Duration::from_secs(15);

/// Every so manieth cluster dies.
const DEAD: usize = 10;

/// What dies how, in turn.
const DEATHS: [Death; 3] = [Death::Refuses, Death::Silent, Death::Slow];

const API: &str = "apiVersion: stratify.dev/v1alpha1";

/// The layer's objects: a change of a cluster's version changes all four.
const OBJECTS: [(&str, &str); 4] = [
    (
        "config",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { version: \"${{ values.version }}\" }\n",
    ),
    (
        "account",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web, annotations: { version: \"${{ values.version }}\" } }\n",
    ),
    (
        "service",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web, annotations: { version: \"${{ values.version }}\" } }\n\
         spec: { selector: { app: web }, ports: [ { port: 80 } ] }\n",
    ),
    (
        "role",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n\
         metadata: { name: web, annotations: { version: \"${{ values.version }}\" } }\nrules: []\n",
    ),
];

/// Measures B19; `clusters` are simulated.
pub(crate) fn measure(servers: &[Server], clusters: usize) -> Vec<Row> {
    raise_limit();
    let simulated = Simulated::start(clusters);
    let fleet = Fleet::new(servers, &simulated, clusters);
    let ends = Ends::watch(servers, &simulated, clusters, FLEET);
    let serving = Serving::start(&fleet);
    let all: BTreeSet<usize> = (0..clusters + servers.len()).collect();
    ends.wait_for_all(&all, 1, PATIENCE);
    let mut bench = Bench { fleet, ends, serving, version: 1 };
    thread::sleep(REST);
    // Each commit to one cluster is a head of its own, from which a commit to all goes on; so both come in the same order.
    let well = (bench.single(&all), bench.whole(&all));
    let dead: BTreeSet<usize> = (0..clusters).filter(|at| at % DEAD == DEAD / 2).collect();
    for (nth, at) in dead.iter().enumerate() {
        simulated.set(*at, Some(DEATHS[nth % DEATHS.len()]));
    }
    let living: BTreeSet<usize> = all.difference(&dead).copied().collect();
    let fresh = (bench.single(&living), bench.whole(&living));
    // By now all that died were tried, and are tried again and again.
    thread::sleep(REST);
    let known = bench.single(&living);
    let text = format!("{clusters} simulated clusters and {} real ones, of which {} die", servers.len(), dead.len());
    let mut rows = vec![told("B19", text, "")];
    rows.extend(compared("4 objects of one cluster, none of the dead was tried", &well.0, &fresh.0));
    rows.extend(compared("4 objects of each cluster, the first after they died", &well.1, &fresh.1));
    rows.extend(compared("4 objects of one cluster, the dead are tried meanwhile", &well.0, &known));
    rows
}

fn compared(work: &str, well: &Phase, ill: &Phase) -> Vec<Row> {
    let at = |percent| (ms(percentile(&well.times, percent)), ms(percentile(&ill.times, percent)));
    let ((p50, ill_p50), (p99, ill_p99)) = (at(50), at(99));
    let both = |before: f64, then: f64, unit: &str| format!("{before:.0} {unit} / {then:.0} {unit}");
    vec![
        told("B19", format!("commit → applied, {work}, p50: before / then"), both(p50, ill_p50, "ms")),
        told("", "  p99", both(p99, ill_p99, "ms")),
        row("B19", "  p99 of those that are well, of the time before", ill_p99 / p99, 1.3, "×"),
        told("", "  core time of a commit", both(well.cores * 1e3, ill.cores * 1e3, "ms")),
        told("", "  resident", both(well.memory, ill.memory, "MiB")),
    ]
}

/// As many files as the system allows: each cluster has a connection for each kind that is watched.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum anybody may");
}

/// What was measured of commits of one kind.
struct Phase {
    times: Vec<Duration>,
    /// Of each commit.
    cores: f64,
    memory: f64,
}

struct Bench {
    fleet: Fleet,
    ends: Ends,
    serving: Serving,
    version: usize,
}

impl Bench {
    /// Measures commits to one cluster each.
    fn single(&mut self, living: &BTreeSet<usize>) -> Phase {
        let living: Vec<usize> = living.iter().copied().collect();
        let (clusters, before) = (living.len(), self.serving.cores());
        // The real ones are the last, and have a tenth of them.
        let at = |nth: usize| if nth.is_multiple_of(10) { clusters - 1 - nth / 10 % 3 } else { nth * 7 % clusters };
        let times: Vec<Duration> = (0..TIMES).map(|nth| self.change(living[at(nth)])).collect();
        let commits = f64::from(u32::try_from(TIMES).unwrap_or(u32::MAX));
        Phase { times, cores: (self.serving.cores() - before) / commits, memory: self.serving.memory() }
    }

    fn change(&mut self, at: usize) -> Duration {
        self.version += 1;
        self.fleet.cluster(at, self.version);
        self.fleet.commit("one cluster changes");
        let time = self.applied(&[at].into())[0];
        thread::sleep(PAUSE);
        time
    }

    /// Measures one commit to all clusters.
    fn whole(&mut self, living: &BTreeSet<usize>) -> Phase {
        let before = self.serving.cores();
        self.version += 1;
        self.fleet.profile(self.version);
        self.fleet.commit("all clusters change");
        let times = self.applied(living);
        let cores = self.serving.cores() - before;
        thread::sleep(REST);
        Phase { times, cores, memory: self.serving.memory() }
    }

    /// Lets the program look, and returns what it took until each of these was applied.
    fn applied(&mut self, clusters: &BTreeSet<usize>) -> Vec<Duration> {
        self.ends.forget();
        let begin = Instant::now();
        self.serving.look();
        let ends = self.ends.wait_for_all(clusters, 2, PATIENCE);
        ends.into_iter().map(|end| end.saturating_duration_since(begin)).collect()
    }
}

const FLEET: &str = "scale";

/// A fleet of many clusters, and the program's settings.
struct Fleet {
    scratch: TempDir,
}

impl Fleet {
    fn new(servers: &[Server], simulated: &Simulated, clusters: usize) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let fleet = Self { scratch };
        fs::create_dir_all(fleet.root()).expect("the temporary folder is ours");
        git(&fleet.root(), &["init", "--quiet", "--initial-branch=main"]);
        fleet.write("fleet.yaml", &format!("{API}\nkind: Fleet\nmetadata: {{ name: {FLEET} }}\n"));
        let environment = format!(
            "{API}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: apps }} ] }}\n"
        );
        fleet.write("environments/dev/environment.yaml", &environment);
        for (name, text) in OBJECTS {
            fleet.write(&format!("profiles/apps/web/{name}.tpl.yaml"), text);
        }
        fleet.profile(1);
        (0..clusters + servers.len()).for_each(|at| fleet.cluster(at, 1));
        fleet.commit("the fleet");
        let mut settings =
            format!("repository: {{ url: 'file://{}' }}\nstate: state\ntargets:\n", fleet.root().display());
        for at in 0..clusters + servers.len() {
            let text = match at.checked_sub(clusters) {
                Some(real) => servers[real].kubeconfig(User::ADMIN),
                None => simulated.kubeconfig(at),
            };
            fs::write(fleet.scratch.path().join(format!("kubeconfig-{at}")), text).expect("the folder is ours");
            writeln!(settings, "  - {{ name: {}, kubeconfig: kubeconfig-{at}, stability: 0s }}", name(at))
                .expect("a text takes all");
        }
        fs::write(fleet.settings(), settings).expect("the temporary folder is ours");
        fleet
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("fleet")
    }

    fn settings(&self) -> PathBuf {
        self.scratch.path().join("stratify.yaml")
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().expect("it is inside")).expect("the temporary folder is ours");
        fs::write(file, text).expect("the temporary folder is ours");
    }

    /// Writes the profile, whose version the name of each object's label has.
    fn profile(&self, version: usize) {
        let text = format!(
            "{API}\nkind: Profile\nmetadata: {{ name: apps }}\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n    \
             - name: web\n      manifests: ['web/*.yaml']\n      namespace: web\n      values: {{ version: none }}\n"
        );
        self.write("profiles/apps/profile.yaml", &text);
        for (name, text) in OBJECTS {
            let text = text.replacen("name: web", &format!("name: web, labels: {{ release: r{version} }}"), 1);
            self.write(&format!("profiles/apps/web/{name}.tpl.yaml"), &text);
        }
    }

    fn cluster(&self, at: usize, version: usize) {
        let name = name(at);
        let text = format!(
            "{API}\nkind: Cluster\nmetadata: {{ name: {name} }}\nspec:\n  cloud: kind\n  imported: true\n  \
             kubernetesVersion: 1.37.2\n  layers: [ {{ name: web, values: {{ version: v{version} }} }} ]\n"
        );
        self.write(&format!("clusters/dev/{name}/cluster.yaml"), &text);
    }

    fn commit(&self, message: &str) {
        git(&self.root(), &["add", "--all"]);
        git(&self.root(), &["commit", "--quiet", "-m", message]);
    }
}

fn name(at: usize) -> String {
    format!("s{at:05}")
}

/// The program, serving.
struct Serving {
    child: Child,
}

impl Serving {
    fn start(fleet: &Fleet) -> Self {
        let log = File::create(fleet.scratch.path().join("serve.log")).expect("the temporary folder is ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stratify"));
        command.args(["serve", "--settings"]).arg(fleet.settings()).stdout(Stdio::null()).stderr(log);
        Self { child: command.spawn().expect("it was built") }
    }

    fn look(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).expect("it is our child");
    }

    /// Returns what it has had of the cores, in seconds.
    fn cores(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let all = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        // User and system time are the 12th and 13th after the name.
        all.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    /// Returns its resident memory, in MiB.
    fn memory(&self) -> f64 {
        crate::memory::resident(self.child.id()) / 1024.0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
