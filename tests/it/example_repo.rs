//! In: the example repository. Out: what each of its clusters renders to.
//! Guarantee: the example has no diagnostic, and what it renders changes only on purpose.
use crate::commands::fixture::Checkout;
use crate::fleet::{Files, line};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use stratify::decide::plan::object_digest;
use stratify::decide::profile::reason;
use stratify::decide::render::Layers;
use stratify::decide::value::{Value, canonical};
use stratify::name::ClusterName;

#[test]
fn the_example_has_no_diagnostic() {
    let files = Files::folder("example-repo");
    let said: Vec<String> = files.fleet.index.said().iter().map(line).collect();
    assert!(said.is_empty(), "documents:\n{}", said.join("\n"));
    for cluster in files.clusters() {
        match files.render(&cluster) {
            Ok((layers, warnings)) => {
                let warnings: Vec<String> = warnings.iter().map(line).collect();
                assert!(warnings.is_empty(), "{cluster}:\n{}", warnings.join("\n"));
                assert!(layers.layers.len() >= 5, "{cluster} has its infrastructure and add-ons");
            }
            Err(errors) => panic!("{cluster}:\n{}", errors.iter().map(line).collect::<Vec<_>>().join("\n")),
        }
    }
}

#[test]
fn the_example_renders_as_it_did() {
    let files = Files::folder("example-repo");
    for cluster in files.clusters() {
        golden(&files, &cluster);
    }
}

fn golden(files: &Files, cluster: &ClusterName) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let layers =
        files.render(cluster).unwrap_or_else(|errors| panic!("{}", errors.iter().map(line).collect::<String>())).0;
    let (file, text) = (folder.join(format!("{cluster}.txt")), printed(&layers));
    if std::env::var_os("STRATIFY_BLESS").is_some() {
        fs::create_dir_all(&folder).expect("the folder can be made");
        fs::write(&file, &text).expect("the folder can be written to");
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    let differs = similar::TextDiff::from_lines(&golden, &text);
    assert_eq!(
        golden,
        text,
        "bless with STRATIFY_BLESS=1 what is right:\n{}",
        differs.unified_diff().context_radius(3)
    );
}

/// No cluster of the example has machines that Cluster API makes: that takes a management server. The profile is held by
/// a cluster like that of the demo.
#[test]
fn the_profile_with_machines_renders_as_it_did() {
    let environment = "apiVersion: stratify.dev/v1alpha1\nkind: Environment\nmetadata: { name: lab }\nspec: { profiles: [ { name: machines } ] }\n";
    let cluster = "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: { name: lab-1 }\n\
                   spec: { cloud: dev, management: { target: management, namespace: lab-1 } }\n";
    let files = Files::folder("example-repo").with("environments/lab/environment.yaml", Some(environment));
    let files = files.with("clusters/lab/lab-1/cluster.yaml", Some(cluster));
    golden(&files, &ClusterName::new("lab-1").expect("it is a label"));
}

/// A cluster of its own has the Zarf package, of which the demo makes a commit.
#[test]
fn the_package_renders_as_it_did() {
    let environment = "apiVersion: stratify.dev/v1alpha1\nkind: Environment\nmetadata: { name: shed }\nspec: { profiles: [ { name: packages } ] }\n";
    let cluster = "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: { name: shed-1 }\n\
                   spec: { cloud: edge-native, imported: true, kubernetesVersion: 1.33.4 }\n";
    let files = Files::folder("example-repo").with("environments/shed/environment.yaml", Some(environment));
    let files = files.with("clusters/shed/shed-1/cluster.yaml", Some(cluster));
    golden(&files, &ClusterName::new("shed-1").expect("it is a label"));
}

/// Charts, kustomizations and packs of Palette need programs, which this one does not find: it says so.
#[test]
fn without_helm_the_example_says_what_it_needs() {
    let fleet = Checkout::example();
    let path = "clusters/dev/dev-1/cluster.yaml";
    let text = fs::read_to_string(fleet.path(path)).expect("it is there");
    fleet.write(path, &text.replace("    - name: edge\n", "    - name: edge\n    - { name: charts }\n"));
    for command in [&["lint"][..], &["plan", "--cluster", "dev-1"], &["render", "dev-1"]] {
        let ran = fleet.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}: {}{}", ran.out, ran.err);
        let is_told = ran.err.contains("on PATH") && ran.err.contains("install ");
        assert!(is_told, "{command:?} names the program and what to do: {}{}", ran.out, ran.err);
    }
    fleet.run(&["render", "eu-1"]).ends_with(0);
}

/// Prints layers in order: where each stands and why, its values, and each object with the digest of its manifest.
fn printed(layers: &Layers) -> String {
    let mut text = format!("{} of {} in fleet {}\n", layers.cluster, layers.environment, layers.fleet);
    for layer in &layers.layers {
        let version = layer.document.get("version").and_then(Value::as_str).unwrap_or("manifests");
        let _ = writeln!(text, "\n{} {version}, wave {}", layer.name, layer.wave);
        for edge in &layer.after {
            let _ = writeln!(text, "  after {} by {}", edge.layer, reason(&edge.why));
        }
        let values = layer.document.get("values").map(canonical).unwrap_or_default();
        let _ = writeln!(text, "  values {values}");
        for object in &layer.objects {
            let namespace = object.id.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let digest: String = object_digest(&object.manifest).to_string().chars().take(16).collect();
            let _ = writeln!(text, "  {} {namespace}{} {digest}", object.id.kind, object.id.name);
        }
    }
    text
}
