//! In: charts with values, as layers and as helm takes them. Out: the same objects, once for each distinct input.
//! Guarantee: what helm prints is what the layer has, byte for byte after canonical order.
use super::fleet::{KUBERNETES, Shop, helm, printed};
use crate::testenv::program;
use stratify::decide::value::canonical;

const LAYER: &str = "    - { name: store, chart: { path: ../../charts/store }, namespace: shop, releaseName: rel";

/// What `helm template` is given beside values.
fn template<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let begin =
        ["template", "rel", "charts/store", "--include-crds", "--namespace", "shop", "--kube-version", KUBERNETES];
    [&begin[..], more].concat()
}

#[test]
fn a_chart_is_what_helm_makes_of_it() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    let expected = printed(&helm(&shop.checkout.root(), &template(&[])));
    assert!(expected.len() >= 8, "subcharts, hooks and definitions are in it: {expected:#?}");
    assert_eq!(shop.objects("store"), expected);
}

#[test]
fn values_are_given_exactly() {
    let values = "replicas: 3\nratio: 2.50\nwhole: 4.0\nlarge: 9007199254740993\ntiny: 1e-9\nextraEnv: { REMOVED: null, A: '0777', B: 1e6 }\n\
                  toggles: [no, 'no', 010, 1_000, 12345678]\nbanner: '{{ .Values.replicas }} of {{ .Release.Name }}'\n\
                  sidecars:\n  - { name: proxy, image: 'envoy:1', resources: { limits: { cpu: 0.1, memory: 1.5 } } }\n\
                  config: { limits: null, ratio: 0.1, list: [1.0, 2.50, null], deep: { a: 1e21, b: 1e-7, c: 100000000000000000000 } }\n\
                  global: { region: eu }\ndb: { class: null, storage: 2Gi }\n";
    let shop = Shop::new(&format!("{LAYER}, valuesFiles: [store.yaml] }}\n"));
    shop.write("profiles/apps/store.yaml", values);
    let expected = printed(&helm(&shop.checkout.root(), &template(&["--values", "profiles/apps/store.yaml"])));
    assert_eq!(shop.objects("store"), expected);
}

#[test]
fn a_null_of_a_later_writer_deletes_what_the_chart_has() {
    let shop = Shop::new(&format!("{LAYER}, values: {{ extraEnv: {{ REMOVED: kept }} }} }}\n"));
    shop.checkout.edit(
        "clusters/dev/one/cluster.yaml",
        "imported: true",
        "imported: true, layers: [ { name: store, values: { extraEnv: { REMOVED: null, LOG_LEVEL: null } } } ]",
    );
    let objects = shop.objects("store").join("\n");
    assert!(!objects.contains("REMOVED") && !objects.contains("LOG_LEVEL"), "{objects}");
    assert!(objects.contains("PASSWORD"), "the deployment is there");
}

#[test]
fn the_chart_that_helm_makes_for_beginners_is_the_same() {
    let shop = Shop::new(
        "    - { name: web, chart: { path: ../../charts/web }, namespace: web, values: { autoscaling: { enabled: true }, ingress: { enabled: true } } }\n",
    );
    helm(&shop.checkout.path("charts"), &["create", "web"]);
    let root = shop.checkout.root();
    let set = ["--set", "autoscaling.enabled=true", "--set", "ingress.enabled=true", "--skip-tests"];
    let begin = ["template", "web", "charts/web", "--include-crds", "--namespace", "web", "--kube-version", KUBERNETES];
    assert_eq!(shop.objects("web"), printed(&helm(&root, &[&begin[..], &set].concat())));
}

#[test]
fn an_archive_of_the_repository_is_the_chart_in_it() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    let folder = shop.objects("store");
    helm(&shop.checkout.root(), &["package", "charts/store", "--destination", "archives"]);
    shop.layers(&format!("{} }}\n", LAYER.replace("charts/store", "archives/store-1.4.0.tgz")));
    assert_eq!(shop.objects("store"), folder);
}

#[test]
fn a_chart_sees_the_kinds_of_the_layers_before_it_and_no_others() {
    let monitors = "    - { name: monitors, manifests: [monitors.yaml], priority: PRIORITY }\n";
    let shop = Shop::new(&format!("{}{LAYER}, priority: 5 }}\n", monitors.replace("PRIORITY", "1")));
    let definition = std::fs::read_to_string(shop.checkout.path("charts/store/crds/orders.yaml")).expect("it is there");
    let definition =
        definition.replace("store.example.org", "monitoring.coreos.com").replace("orders", "servicemonitors");
    shop.write(
        "profiles/apps/monitors.yaml",
        &definition.replace("Order", "ServiceMonitor").replace("order", "servicemonitor"),
    );
    let has = |shop: &Shop| shop.objects("store").iter().any(|object| object.contains("\"kind\":\"ServiceMonitor\""));
    assert!(has(&shop), "its layer stands before");
    shop.layers(&format!("{}{LAYER}, priority: 5 }}\n", monitors.replace("PRIORITY", "9")));
    assert!(!has(&shop), "its layer comes later");
    let apis = "imported: true, apiVersions: [monitoring.coreos.com/v1/ServiceMonitor]";
    shop.checkout.edit("clusters/dev/one/cluster.yaml", "imported: true", apis);
    assert!(has(&shop), "the cluster says that it has it");
}

#[test]
fn what_is_sensitive_is_sealed_wherever_the_chart_puts_it() {
    let values = "{ password: \"${{ vars.password }}\", banner: \"{{ .Values.password }} and more\" }";
    let shop = Shop::new(&format!("{LAYER}, values: {values} }}\n"));
    let ran = shop.run(&["render", "one", "store"]).ends_with(0);
    for secret in ["correct-horse-battery", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"] {
        assert!(!ran.all().contains(secret), "{}", ran.all());
    }
    let wanted = shop.wanted();
    let objects = wanted.layers.layers.iter().flat_map(|layer| &layer.objects);
    let config = objects
        .filter(|object| &*object.id.kind == "ConfigMap")
        .find(|it| it.manifest.get("data").is_some_and(|data| data.get("banner").is_some()));
    let banner = config.and_then(|it| it.manifest.get("data")?.get("banner").cloned()).expect("it is there");
    assert!(banner.is_tainted(), "a text around it is sealed, too: {}", canonical(&banner));
    let state = shop.checkout.path(".stratify");
    std::fs::create_dir_all(&state).expect("there is room");
    shop.run(&["render", "one", "store"]).ends_with(0);
    let kept = std::fs::read_dir(state.join("expanded")).map(Iterator::count).unwrap_or_default();
    assert_eq!(kept, 0, "nothing of it is kept on the disk");
}

#[test]
fn what_was_rendered_is_kept_for_the_next_process() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    std::fs::create_dir_all(shop.checkout.path(".stratify")).expect("there is room");
    let (first, renders) = shop.try_wanted();
    assert_eq!((first.is_ok(), renders), (true, 1), "it is rendered once");
    let (second, renders) = shop.try_wanted();
    assert_eq!((second.is_ok(), renders), (true, 0), "it is read");
    shop.checkout.edit("charts/store/values.yaml", "replicas: 2", "replicas: 4");
    assert_eq!(shop.try_wanted().1, 1, "another file is another chart");
}

#[test]
fn the_defaults_of_a_chart_are_explained() {
    let shop = Shop::new(&format!("{LAYER}, values: {{ replicas: 4 }} }}\n"));
    shop.run(&["explain", "one", "store/replicas"]).ends_with(0).says(&[
        "/values/replicas: 4",
        "charts/store/values.yaml:2:",
        "defaults of chart store@1.4.0",
        "profile apps",
    ]);
    shop.run(&["explain", "one", "store/image/repository"]).ends_with(0).says(&[
        "registry.example.org/store",
        "charts/store/values.yaml:1:",
        "defaults of chart store@1.4.0",
    ]);
}

#[test]
fn a_version_that_the_lock_names_is_the_one_that_renders() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.write("fleet.lock", "apiVersion: stratify.dev/v1alpha1\nkind: Lock\nrenderers: { helm: 3.0.1 }\n");
    let said = shop.run(&["render", "one"]).ends_with(1);
    let said = said.says(&["charts are rendered by helm 3.0.1, as fleet.lock says, and this is helm "]);
    drop(said);
    shop.run(&["lock", "--update", "helm"]).ends_with(0);
    shop.run(&["render", "one"]).ends_with(0);
}

#[test]
fn without_helm_it_is_said_what_is_missing() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.checkout.run(&["render", "one"]).ends_with(1).says(&[
        "a chart is rendered by helm, which is not on PATH",
        "install helm 3 or 4, or name it under `programs` of the settings",
    ]);
    let found = program("helm", "helm");
    assert!(found.is_file(), "it is there for the others");
}
