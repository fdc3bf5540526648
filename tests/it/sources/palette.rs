//! In: packs in Palette's format, with charts that the real helm packed. Out: what their layers render to.
//! Guarantee: what helm prints of a pack's charts with its values is what the layer has.
use super::fleet::{KUBERNETES, Shop, helm, printed};

const LAYER: &str = "    - { name: hello, pack: hello@1.0.0, presets: [two]";

const PACK: &str = r#"{
	"name": "hello", "displayName": "Hello", "version": "1.0.0", "layer": "addon", "cloudTypes": ["all"],
	"charts": ["charts/web-0.1.0.tgz", "charts/odd-name.tgz"], "kubeManifests": ["manifests/hello_notes.yaml"]
}
"#;

const VALUES: &str = "pack:
  namespace: hello
  additionalNamespaces: hello-jobs
  namespaceLabels:
    hello: \"pod-security.kubernetes.io/enforce=privileged,pod-security.kubernetes.io/enforce-version=v{{ .spectro.system.kubernetes.version | substr 0 4 }}\"
  releaseNameOverride:
    web: front
charts:
  web:
    replicaCount: 1
    podAnnotations: { cluster: '{{ .spectro.system.cluster.name }}' }
  odd: { replicaCount: 3 }
manifests:
  hello_notes:
    text: from the values
";

const NOTES: &str = "{{ if .Values.text }}
apiVersion: v1
kind: ConfigMap
metadata: { name: notes }
data:
  text: {{ .Values.text | quote }}
  cluster: {{ .spectro.system.cluster.name }}
{{ end }}
";

const PRESETS: &str = "presets:
  - name: two
    group: Size
    remove: [charts.web.replicaCount]
    add: |
      charts:
        web:
          replicaCount: 2
";

/// A fleet with a pack of two charts, of which one is packed as people do by hand.
fn shop() -> Shop {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    let folder = "packs/hello/1.0.0";
    for (name, text) in
        [("pack.json", PACK), ("values.yaml", VALUES), ("presets.yaml", PRESETS), ("manifests/hello_notes.yaml", NOTES)]
    {
        shop.write(&format!("{folder}/{name}"), text);
    }
    let root = shop.checkout.root();
    for name in ["web", "odd"] {
        helm(&root, &["create", name]);
        helm(&root, &["package", name, "--destination", &format!("{folder}/charts")]);
    }
    let charts = shop.checkout.path(&format!("{folder}/charts"));
    std::fs::rename(charts.join("odd-0.1.0.tgz"), charts.join("odd-name.tgz")).expect("it was packed");
    shop
}

#[test]
fn a_pack_of_palette_is_what_helm_makes_of_its_charts_and_manifests() {
    let shop = shop();
    let root = shop.checkout.root();
    let of = |release: &str, chart: &str, set: &[&str]| {
        let begin = ["template", release, chart, "--namespace", "hello", "--kube-version", KUBERNETES, "--skip-tests"];
        printed(&helm(&root, &[&begin[..], set].concat()))
    };
    let front = of("front", "web", &["--set", "replicaCount=2", "--set", "podAnnotations.cluster=one"]);
    let notes = r#"{"apiVersion":"v1","data":{"cluster":"one","text":"from the values"},"kind":"ConfigMap","metadata":{"name":"notes"}}"#;
    let mut expected = [front, of("hello-odd", "odd", &["--set", "replicaCount=3"]), vec![notes.to_owned()]].concat();
    expected.sort();
    assert_eq!(shop.objects("hello"), expected);
}

#[test]
fn the_namespaces_of_a_pack_are_brought_along_with_their_labels() {
    let wanted = shop().wanted();
    let layer = wanted.layers.layers.iter().find(|layer| layer.name.as_str() == "hello").expect("it is there");
    let kept: Vec<(String, Option<String>)> = layer
        .objects
        .iter()
        .filter(|object| object.is_kept())
        .map(|object| {
            let labels = object.manifest.get("metadata").and_then(|metadata| metadata.get("labels"));
            let version = labels.and_then(|labels| labels.get("pod-security.kubernetes.io/enforce-version"));
            (object.id.name.to_string(), version.and_then(|version| version.as_str()).map(str::to_owned))
        })
        .collect();
    assert_eq!(kept, [("hello-jobs".to_owned(), None), ("hello".to_owned(), Some("v1.33".to_owned()))]);
}

#[test]
fn the_commands_for_packs_tell_what_a_sync_would_find() {
    let shop = shop();
    let lint = shop.run(&["pack", "lint", "hello@1.0.0", "--preset", "two"]);
    assert!(lint.out.contains("hello@1.0.0 renders to"), "{}{}", lint.out, lint.err);
    let show = shop.run(&["pack", "show", "hello"]);
    assert!(show.out.contains("two (one of group Size)"), "{}{}", show.out, show.err);
    let next = "packs/hello/1.1.0";
    super::fleet::copy(&shop.checkout.path("packs/hello/1.0.0"), &shop.checkout.path(next));
    shop.write(&format!("{next}/pack.json"), &PACK.replace("1.0.0", "1.1.0"));
    shop.write(&format!("{next}/values.yaml"), &VALUES.replace("replicaCount: 3", "replicaCount: 4"));
    let diff = shop.run(&["pack", "diff", "hello@1.0.0", "hello"]);
    for expected in [
        "hello@1.0.0 → hello@1.1.0",
        "-   odd: { replicaCount: 3 }",
        "+   odd: { replicaCount: 4 }",
        "-   replicas: 3",
        "+   replicas: 4",
    ] {
        assert!(diff.out.contains(expected), "{expected} in {}{}", diff.out, diff.err);
    }
    shop.write("packs/bad/1.0.0/pack.json", "{ \"name\": \"bad\" }");
    let walk = shop.run(&["pack", "walk", "packs"]);
    assert!(walk.out.contains("3 packs: 2 load, 2 resolve, 2 render"), "{}{}", walk.out, walk.err);
}
