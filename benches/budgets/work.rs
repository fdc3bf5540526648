//! In: how many clusters and layers. Out: a repository that holds them, and commits on top of it.
//! Guarantee: hermetic and the same at each run: fixed names, contents and times; no configuration of the machine.
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};
use stratify::client::git::{Address, Credentials, Limits, Stands};
use stratify::name::{CommitId, RepoName};

/// The clusters' environments.
const ENVIRONMENTS: [&str; 4] = ["dev", "staging", "prod-eu", "prod-us"];

/// The layers of the infrastructure profile, each with its role.
const INFRASTRUCTURE: [(&str, &str); 4] =
    [("os", "os"), ("kubernetes", "kubernetes"), ("cni", "network"), ("csi", "storage")];

/// The add-on profiles; the layers beyond those of the infrastructure are dealt to them in turn.
const ADD_ONS: [&str; 4] = ["observability", "security", "ingress", "apps"];

/// How much work there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Clusters.
    pub(crate) clusters: usize,
    /// Layers of each; at least one beyond those of the infrastructure profile.
    pub(crate) layers: usize,
}

impl Size {
    /// The values files of one cluster: for twelve layers nine, and in this proportion for others, so that a work of
    /// twice the layers is twice the work.
    pub(crate) fn files(self) -> usize {
        self.layers * 3 / 4
    }

    fn layer_names(self) -> Vec<String> {
        let add_ons = (0..self.layers - INFRASTRUCTURE.len()).map(|at| format!("{}-{}", ADD_ONS[at % 4], at / 4));
        INFRASTRUCTURE.iter().map(|(name, _)| (*name).to_owned()).chain(add_ons).collect()
    }

    /// The layers that values files of a cluster are for.
    fn layers_with_files(self) -> Vec<String> {
        self.layer_names().split_off(self.layers - self.files())
    }
}

/// A repository to fetch from.
pub(crate) struct Work {
    /// Its bare folder.
    pub(crate) folder: PathBuf,
    /// How much it holds.
    pub(crate) size: Size,
    /// The first commit.
    pub(crate) first: CommitId,
}

impl Work {
    /// Builds the work in a folder, which is made.
    pub(crate) fn build(folder: &Path, size: Size) -> Self {
        fs::create_dir_all(folder).expect("the temporary folder is ours");
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        let mut work = Self { folder: folder.to_owned(), size, first: CommitId([0; 20]) };
        work.import(|out| {
            begin(out, "main", "all", None)?;
            shared_files(size, &mut |path, text| file(out, path, text))?;
            for cluster in 0..size.clusters {
                cluster_files(size, cluster, &mut |path, text| file(out, path, text))?;
            }
            Ok(())
        });
        // What a forge hands out was packed by `git gc`; the deltas of the import are another shape.
        git(folder, &["repack", "-adfq", "--window=10", "--depth=50", "--threads=2"]);
        work.first = work.id("main");
        work
    }

    /// Adds commits on a branch: each writes one values file of one cluster anew. Returns them, oldest first.
    pub(crate) fn commit_values(&self, branch: &str, from: CommitId, count: usize) -> Vec<CommitId> {
        // A step that has no factor in common with the number of clusters meets them far apart.
        self.commit_values_of(branch, from, count, |at| at * 7919 % self.size.clusters)
    }

    /// Adds such commits for clusters of choice.
    pub(crate) fn commit_values_of(
        &self,
        branch: &str,
        from: CommitId,
        count: usize,
        cluster: impl Fn(usize) -> usize,
    ) -> Vec<CommitId> {
        // Another number than at any commit before.
        let version = from.0.iter().take(4).fold(1, |sum, byte| sum << 8 | usize::from(*byte));
        self.import(|out| {
            for at in 0..count {
                let cluster = cluster(at);
                let layer = self.size.layers_with_files()[at % self.size.files()].clone();
                begin(out, branch, &format!("{layer} of {cluster}"), (at == 0).then_some(from))?;
                let path = format!("{}/values/{layer}.yaml", cluster_folder(cluster));
                file(out, &path, &values_file(cluster, &layer, version + at))?;
            }
            Ok(())
        });
        let range = format!("{from}..refs/heads/{branch}");
        let listed = git(&self.folder, &["rev-list", "--reverse", &range]);
        listed.lines().filter_map(CommitId::parse).collect()
    }

    /// Adds a commit on a branch that changes the values of one layer of an add-on profile.
    pub(crate) fn commit_profile(&self, branch: &str, from: CommitId) -> CommitId {
        self.import(|out| {
            begin(out, branch, "a profile's layer", Some(from))?;
            file(out, "profiles/observability/manifests/observability-0/config.tpl.yaml", &config("observability-0", 2))
        });
        self.id(branch)
    }

    /// Moves the branch that is watched.
    pub(crate) fn move_main(&self, to: CommitId) {
        git(&self.folder, &["update-ref", "refs/heads/main", &to.to_string()]);
    }

    /// Moves the branch without a program, whose time would be counted.
    pub(crate) fn write_main(&self, to: CommitId) {
        let file = self.folder.join("refs/heads/main");
        fs::create_dir_all(self.folder.join("refs/heads")).expect("the temporary folder is ours");
        fs::write(self.folder.join("main.new"), format!("{to}\n")).expect("the temporary folder is ours");
        fs::rename(self.folder.join("main.new"), file).expect("the temporary folder is ours");
    }

    /// Returns the name of a cluster.
    pub(crate) fn cluster(&self, at: usize) -> String {
        assert!(at < self.size.clusters, "it is one of them");
        cluster_name(at)
    }

    fn id(&self, branch: &str) -> CommitId {
        let id = git(&self.folder, &["rev-parse", &format!("refs/heads/{branch}")]);
        CommitId::parse(id.trim()).expect("git prints ids")
    }

    fn import(&self, write: impl FnOnce(&mut BufWriter<std::process::ChildStdin>) -> io::Result<()>) {
        let mut command = hermetic(&self.folder);
        command.args(["fast-import", "--quiet", "--force", "--depth=1"]).stdin(Stdio::piped());
        let mut child = command.spawn().expect("git is installed");
        let mut out = BufWriter::new(child.stdin.take().expect("it is piped"));
        write(&mut out).expect("git reads it");
        drop(out);
        assert!(child.wait().expect("it was started").success(), "git takes what is imported");
    }
}

/// Returns where the work is fetched from.
pub(crate) fn address(work: &Work) -> Address {
    Address {
        name: RepoName::new("fleet").expect("it is a label"),
        url: format!("file://{}", work.folder.display()),
        branch: "main".to_owned(),
        path: None,
        credentials: Credentials::None,
        push: None,
        stands: Stands::default(),
        authority: None,
        limits: Limits::default(),
    }
}

fn begin(out: &mut impl Write, branch: &str, message: &str, from: Option<CommitId>) -> io::Result<()> {
    writeln!(out, "commit refs/heads/{branch}\ncommitter Grace <grace@example.org> 1767225600 +0000")?;
    writeln!(out, "data {}\n{message}", message.len())?;
    from.map_or(Ok(()), |from| writeln!(out, "from {from}"))
}

fn file(out: &mut impl Write, path: &str, text: &str) -> io::Result<()> {
    writeln!(out, "M 100644 inline {path}\ndata {}\n{text}", text.len())
}

type Put<'a> = dyn FnMut(&str, &str) -> io::Result<()> + 'a;

fn shared_files(size: Size, put: &mut Put<'_>) -> io::Result<()> {
    put("fleet.yaml", "apiVersion: stratify.dev/v1alpha1\nkind: Fleet\nmetadata:\n  name: acme\n")?;
    for name in ENVIRONMENTS {
        let mut text = format!(
            "apiVersion: stratify.dev/v1alpha1\nkind: Environment\nmetadata:\n  name: {name}\nspec:\n  profiles:\n"
        );
        for profile in std::iter::once("base").chain(ADD_ONS) {
            let _ = writeln!(text, "    - name: {profile}");
        }
        let _ = writeln!(text, "  variables:\n    registry: {name}.registry.example");
        put(&format!("environments/{name}/environment.yaml"), &text)?;
    }
    let names = size.layer_names();
    let (base, add_ons) = names.split_at(INFRASTRUCTURE.len());
    profile("base", "infrastructure", base, put)?;
    for name in ADD_ONS {
        let own: Vec<String> = add_ons.iter().filter(|layer| layer.starts_with(&format!("{name}-"))).cloned().collect();
        profile(name, "add-on", &own, put)?;
    }
    Ok(())
}

fn profile(name: &str, kind: &str, layers: &[String], put: &mut Put<'_>) -> io::Result<()> {
    let mut text = format!("apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata:\n  name: {name}\nspec:\n");
    let _ = writeln!(text, "  version: 1.0.0\n  type: {kind}\n  variables:\n    - name: registry\n      type: string");
    let _ = writeln!(text, "      default: registry.example\n  layers:{}", if layers.is_empty() { " []" } else { "" });
    for layer in layers {
        let role = INFRASTRUCTURE.iter().find(|(known, _)| known == layer).map_or("add-on", |(_, role)| role);
        let _ = writeln!(text, "    - name: {layer}\n      role: {role}\n      manifests: [manifests/{layer}/*.yaml]");
        let _ = writeln!(text, "      namespace: kube-system\n      values:\n        replicas: 1\n        image:");
        let _ = writeln!(
            text,
            "          registry: \"${{{{ vars.registry }}}}\"\n          tag: 1.2.3\n        zone: none"
        );
        let folder = format!("profiles/{name}/manifests/{layer}");
        put(&format!("{folder}/config.tpl.yaml"), &config(layer, 1))?;
        put(&format!("{folder}/deployment.tpl.yaml"), &deployment(layer))?;
        put(&format!("{folder}/service.yaml"), &service(layer))?;
        put(&format!("{folder}/account.yaml"), &account(layer))?;
    }
    put(&format!("profiles/{name}/profile.yaml"), &text)
}

fn config(layer: &str, version: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {layer}\n  labels:\n    app: {layer}\ndata:\n  \
         cluster: \"${{{{ cluster.name }}}}\"\n  environment: \"${{{{ environment.name }}}}\"\n  \
         zone: \"${{{{ values.zone }}}}\"\n  version: \"{version}\"\n  log.conf: |\n    level = info\n    format = json\n"
    )
}

fn deployment(layer: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {layer}\n  labels:\n    app: {layer}\nspec:\n  \
         replicas: \"${{{{ values.replicas }}}}\"\n  selector:\n    matchLabels:\n      app: {layer}\n  template:\n    \
         metadata:\n      labels:\n        app: {layer}\n    spec:\n      serviceAccountName: {layer}\n      \
         containers:\n        - name: main\n          \
         image: \"${{{{ values.image.registry }}}}/{layer}:${{{{ values.image.tag }}}}\"\n          \
         args: [--config, /etc/{layer}/log.conf]\n          ports:\n            - name: http\n              \
         containerPort: 8080\n          resources:\n            requests:\n              cpu: 100m\n              \
         memory: 128Mi\n          volumeMounts:\n            - name: config\n              \
         mountPath: /etc/{layer}\n      volumes:\n        - name: config\n          configMap:\n            \
         name: {layer}\n"
    )
}

fn service(layer: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {layer}\n  labels:\n    app: {layer}\nspec:\n  \
         selector:\n    app: {layer}\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n"
    )
}

fn account(layer: &str) -> String {
    format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {layer}\n  labels:\n    app: {layer}\n")
}

fn cluster_name(at: usize) -> String {
    format!("c{at:05}")
}

fn cluster_folder(at: usize) -> String {
    format!("clusters/{}/{}", ENVIRONMENTS[at % ENVIRONMENTS.len()], cluster_name(at))
}

fn cluster_files(size: Size, at: usize, put: &mut Put<'_>) -> io::Result<()> {
    let folder = cluster_folder(at);
    let mut text = format!(
        "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: {}\n  labels:\n    region: eu-{}\n    \
         tier: gold\nspec:\n  cloud: vsphere\n  target: target-{at}\n  nodes:\n    \
         controlPlane: {{ count: 3, cpu: 4, memoryGiB: 16 }}\n    pools:\n      \
         - {{ name: md-0, count: {}, cpu: 8, memoryGiB: 32, diskGiB: 100 }}\n  layers:\n",
        cluster_name(at),
        at % 3,
        at % 9 + 1,
    );
    for layer in size.layers_with_files() {
        let _ = writeln!(text, "    - name: {layer}\n      valuesFiles: [values/{layer}.yaml]");
        put(&format!("{folder}/values/{layer}.yaml"), &values_file(at, &layer, 0))?;
    }
    put(&format!("{folder}/cluster.yaml"), &text)
}

/// About 1 KB of values, of which every cluster has its own.
fn values_file(at: usize, layer: &str, version: usize) -> String {
    let mut text =
        format!("# {layer}\nzone: zone-{at}-{version}\nreplicas: {}\nimage:\n  tag: 1.{}.0\n", at % 5 + 1, at % 40);
    text.push_str("settings:\n");
    for item in 0..16 {
        let _ = writeln!(text, "  setting-{item:02}:\n    enabled: true\n    limit: {}", (at + 1) * (item + 3) % 9973);
    }
    text.push_str("hosts:\n");
    for item in 0..5 {
        let _ = writeln!(text, "  - host-{item}.{}.example", cluster_name(at));
    }
    text.push_str(
        "tolerations:\n  - key: dedicated\n    operator: Equal\n    value: platform\n    effect: NoSchedule\n",
    );
    text
}

/// Writes what `kubectl kustomize` needs for one overlay of the same work; returns the folder to build.
pub(crate) fn kustomization(folder: &Path, size: Size) -> PathBuf {
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("the temporary folder is ours");
        fs::write(path, text).expect("the temporary folder is ours");
    };
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    let mut overlay = format!("{head}namespace: kube-system\nresources:\n");
    let mut patches = String::from("patches:\n");
    for layer in size.layer_names() {
        put(&format!("layers/{layer}/config.yaml"), &config(&layer, 1));
        put(&format!("layers/{layer}/deployment.yaml"), &deployment(&layer).replace("\"${{ values.replicas }}\"", "1"));
        put(&format!("layers/{layer}/service.yaml"), &service(&layer));
        put(&format!("layers/{layer}/account.yaml"), &account(&layer));
        let resources = "resources: [config.yaml, deployment.yaml, service.yaml, account.yaml]\n";
        put(&format!("layers/{layer}/kustomization.yaml"), &format!("{head}{resources}"));
        let _ = writeln!(overlay, "  - ../../layers/{layer}");
    }
    for layer in size.layers_with_files() {
        // A kustomization has no values: a patch of the layer's ConfigMap carries the same kilobyte.
        let values = values_file(1, &layer, 0).lines().fold(String::new(), |text, line| text + "    " + line + "\n");
        let patch =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {layer}\ndata:\n  values: |\n{values}");
        put(&format!("clusters/one/values/{layer}.yaml"), &patch);
        let _ = writeln!(patches, "  - path: values/{layer}.yaml");
    }
    put("clusters/one/kustomization.yaml", &format!("{overlay}{patches}"));
    folder.join("clusters/one")
}

/// Runs `git` in a folder, and returns what it printed.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = hermetic(folder).args(args).output().expect("git is installed");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("git speaks UTF-8")
}

/// A `git` that reads no configuration but the repository's.
fn hermetic(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("HOME", "/nonexistent");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}
