//! In: nothing. Out: a fleet of one cluster that reads a profile of another repository, with the settings that name it.
//! Guarantee: hermetic, and gone with its test.
use crate::commands::fixture::{Checkout, Ran};
use crate::mirror::fixture::Fixture;
use std::fs;
use std::path::PathBuf;

/// A fleet and another repository.
pub(crate) struct Two {
    pub(crate) fleet: Checkout,
    pub(crate) platform: Fixture,
}

const HEAD: &str = "apiVersion: stratify.dev/v1alpha1\nkind: ";

impl Two {
    /// Returns both, the other repository with a tag `mesh-1` that the fleet names and has locked.
    pub(crate) fn locked() -> Self {
        let two = Self::unlocked();
        two.run(&["lock"]).ends_with(0).says(&["fleet.lock is written: commit it (1 tag)"]);
        two.fleet.commit("lock");
        two
    }

    /// Returns both; the other repository is found by `file://`.
    pub(crate) fn unlocked() -> Self {
        let two = Self { fleet: Checkout::empty(), platform: Fixture::empty() };
        two.write_profile("one");
        two.platform.commit_all("mesh 1");
        two.platform.git(&["tag", "mesh-1"]);
        two.set(&format!("url: file://{}", two.platform.source().display()));
        let policies = "policies: { deletion: { maxPercent: 100 } }";
        two.fleet.write("fleet.yaml", &format!("{HEAD}Fleet\nmetadata: {{ name: acme }}\nspec: {{ {policies} }}\n"));
        two.name("refs/tags/mesh-1");
        two.fleet.write(
            "clusters/prod/one/cluster.yaml",
            &format!(
                "{HEAD}Cluster\nmetadata: {{ name: one }}\nspec:\n  cloud: aws\n  imported: true\n  \
                 kubernetesVersion: 1.33.4\n"
            ),
        );
        two.fleet.commit("a fleet that reads another repository");
        two
    }

    /// Writes what the other repository renders, with a value in it.
    pub(crate) fn write_profile(&self, value: &str) {
        let profile = "Profile\nmetadata: { name: mesh }\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n    \
                       - { name: mesh, role: add-on, pack: mesh@1.0.0, valuesFiles: [values.yaml] }\n";
        let pack = "Pack\nmetadata: { name: mesh }\nspec: { version: 1.0.0, manifests: [mesh.tpl.yaml] }\n";
        let object =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mesh }\ndata: { value: \"${{ values.value }}\" }\n";
        self.platform.write("shared/profiles/mesh/profile.yaml", format!("{HEAD}{profile}"));
        self.platform.write("shared/profiles/mesh/values.yaml", format!("value: {value}\n"));
        self.platform.write("shared/packs/mesh/1.0.0/pack.yaml", format!("{HEAD}{pack}"));
        self.platform.write("shared/packs/mesh/1.0.0/values.yaml", "value: none\n");
        self.platform.write("shared/packs/mesh/1.0.0/mesh.tpl.yaml", object);
    }

    /// Makes the environment name a revision of the other repository's profile.
    pub(crate) fn name(&self, revision: &str) {
        let entry = format!("{{ name: mesh, repository: platform, revision: {revision} }}");
        let text = format!("{HEAD}Environment\nmetadata: {{ name: prod }}\nspec:\n  profiles:\n    - {entry}\n");
        self.fleet.write("environments/prod/environment.yaml", &text);
    }

    /// Writes the settings, with these lines of the other repository.
    pub(crate) fn set(&self, lines: &str) {
        let lines = lines.replace('\n', "\n    ");
        let text = format!("repositories:\n  - name: platform\n    path: shared\n    {lines}\n");
        fs::write(self.settings(), text).expect("the scratch folder is ours");
    }

    /// Returns the file of the settings.
    pub(crate) fn settings(&self) -> PathBuf {
        self.platform.beside("stratify.yaml")
    }

    /// Runs the program in the fleet with the settings.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let settings = self.settings().display().to_string();
        self.fleet.run(&[&["--settings", &settings], args].concat())
    }

    /// Returns the one object of the target, if it is there.
    pub(crate) fn object(&self) -> Option<String> {
        fs::read_to_string(self.platform.beside(".stratify/targets/one/mesh/default/ConfigMap_mesh.yaml")).ok()
    }

    /// Moves the other repository out of the way, or back.
    pub(crate) fn hide(&self, is_hidden: bool) {
        let (there, away) = (self.platform.source(), self.platform.beside("away"));
        let (from, to) = if is_hidden { (&there, &away) } else { (&away, &there) };
        fs::rename(from, to).expect("the scratch folder is ours");
    }
}
