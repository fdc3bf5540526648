//! In: a server, a name, how many objects. Out: a repository of a fleet with one cluster, which is that server.
//! Guarantee: fleet and namespace bear the name, so that several share a server; each folder goes with its fleet.
use crate::testenv::{Server as Real, User};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use stratify::client::git::{Address, Credentials, Limits, Stands};
use stratify::client::kubernetes::{Access, Identity, Server};
use stratify::name::{CommitId, RepoName};
use stratify::settings::{Kubernetes, NAMESPACE, Reach, Settings, Target};
use tempfile::TempDir;

/// Objects of a layer: an inventory of so many has half of the size that it may have.
const LAYER: usize = 1000;

/// Objects of a file.
const FILE: usize = 4;

/// Any part of a fleet may go without a person.
const POLICY: &str = "spec: { policies: { deletion: { maxPercent: 100, maxObjects: 1000000 } } }\n";

/// A fleet.
pub(crate) struct Fleet {
    pub(crate) name: String,
    pub(crate) objects: usize,
    pub(crate) kubeconfig: PathBuf,
    scratch: TempDir,
}

impl Fleet {
    /// Makes a fleet of `ConfigMap`s at their first version, and commits it.
    pub(crate) fn new(server: &Real, name: &str, objects: usize) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let kubeconfig = server.kubeconfig_file(User::ADMIN);
        let fleet = Self { name: name.to_owned(), objects, kubeconfig, scratch };
        fs::create_dir_all(fleet.root()).expect("the temporary folder is ours");
        fleet.git(&["init", "--quiet", "--initial-branch=main"]);
        let api = "apiVersion: stratify.dev/v1alpha1";
        fleet.write("fleet.yaml", &format!("{api}\nkind: Fleet\nmetadata: {{ name: {name} }}\n{POLICY}"));
        let environment = format!(
            "{api}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: apps }} ] }}\n"
        );
        fleet.write("environments/dev/environment.yaml", &environment);
        let spec = "cloud: kind, imported: true, kubernetesVersion: 1.37.2";
        let cluster = format!("{api}\nkind: Cluster\nmetadata: {{ name: {name} }}\nspec: {{ {spec} }}\n");
        fleet.write(&format!("clusters/dev/{name}/cluster.yaml"), &cluster);
        fleet.profile("first");
        (0..objects.div_ceil(FILE)).for_each(|file| fleet.file(file, 1));
        fleet.commit("the fleet");
        fleet
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("fleet")
    }

    /// Returns the folder of all that the program keeps.
    pub(crate) fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// Writes the profile with a comment.
    pub(crate) fn profile(&self, comment: &str) {
        let mut text = format!(
            "apiVersion: stratify.dev/v1alpha1\nkind: Profile # {comment}\nmetadata: {{ name: apps }}\nspec:\n  \
             version: 1.0.0\n  type: add-on\n  layers:\n"
        );
        for layer in 0..self.objects.div_ceil(LAYER) {
            let name = &self.name;
            writeln!(text, "    - {{ name: l{layer}, manifests: ['l{layer}/*.yaml'], namespace: {name} }}")
                .expect("a text takes all");
        }
        self.write("profiles/apps/profile.yaml", &text);
    }

    /// Writes a file of four objects at a version.
    pub(crate) fn file(&self, file: usize, version: usize) {
        let mut text = String::new();
        for object in (file * FILE)..((file + 1) * FILE).min(self.objects) {
            writeln!(text, "---\n{}", config_map(object, version)).expect("a text takes all");
        }
        self.write(&format!("profiles/apps/l{}/f{file}.yaml", file * FILE / LAYER), &text);
    }

    /// Removes a file with its objects.
    pub(crate) fn remove(&self, file: usize) {
        let path = self.root().join(format!("profiles/apps/l{}/f{file}.yaml", file * FILE / LAYER));
        fs::remove_file(path).expect("it was written");
    }

    /// Writes all files at a version.
    pub(crate) fn all(&self, version: usize) {
        (0..self.objects.div_ceil(FILE)).for_each(|file| self.file(file, version));
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().expect("it is inside")).expect("the temporary folder is ours");
        fs::write(file, text).expect("the temporary folder is ours");
    }

    /// Commits all there is.
    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", message]);
        CommitId::parse(self.git(&["rev-parse", "HEAD"]).trim()).expect("git prints ids")
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }

    /// Returns the repository's address.
    pub(crate) fn address(&self) -> Address {
        Address {
            name: RepoName::new("fleet").expect("it is a label"),
            url: format!("file://{}", self.root().display()),
            branch: "main".into(),
            path: None,
            credentials: Credentials::None,
            push: None,
            stands: Stands::default(),
            authority: None,
            limits: Limits::default(),
        }
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::embedded(&self.state());
        let reach = Reach::Kubeconfig { file: self.kubeconfig.clone(), context: None, exec: Vec::new() };
        let target = Kubernetes { reach, namespace: NAMESPACE.into(), stability: Duration::ZERO, uid: None };
        settings.named_targets.insert(Arc::from(&*self.name), Target::Kubernetes(target));
        settings
    }

    /// Writes the settings as a file, and returns it.
    pub(crate) fn settings_file(&self) -> PathBuf {
        let folder = self.scratch.path();
        let text = format!(
            "repository: {{ url: 'file://{}' }}\nstate: state\ntargets: [ {{ name: {}, kubeconfig: {}, stability: 0s }} ]\n",
            self.root().display(),
            self.name,
            self.kubeconfig.display()
        );
        let file: &Path = &folder.join("stratify.yaml");
        fs::write(file, text).expect("the temporary folder is ours");
        file.to_owned()
    }
}

/// Returns a manifest of some 450 bytes.
pub(crate) fn config_map(object: usize, version: usize) -> String {
    let text = "0123456789abcdef".repeat(20);
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: c{object} }}\ndata: {{ version: 'v{version}', text: '{text}' }}"
    )
}

/// Runs `git` in a folder, without any configuration, and returns what it prints.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Grace").env(format!("GIT_{who}_EMAIL"), "grace@example.org");
    }
    let output = git.args(args).output().expect("git is installed");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("git speaks UTF-8")
}

/// Connects to a server as the program does.
pub(crate) async fn connect_to(kubeconfig: &Path) -> Server {
    let access = Access::Kubeconfig { file: kubeconfig.to_owned(), context: None, exec: Vec::new() };
    Server::connect("bench", &access, &Identity::default()).await.expect("the server is there")
}
