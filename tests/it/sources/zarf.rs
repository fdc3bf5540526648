//! In: a folder of a Zarf package with a chart, a manifest and a kustomization, the real helm and kubectl. Out: its objects.
//! Guarantee: values come by path, variables are filled wherever the package has them, images are named as Zarf pushes them.
use super::fleet::Shop;

const PACKAGE: &str = "kind: ZarfPackageConfig
metadata: { name: app, version: 1.2.0 }
variables:
  - { name: DOMAIN }
  - { name: TOKEN, sensitive: true }
values: { files: [values/base.yaml] }
components:
  - name: app
    required: true
    images: [nginx:1.23.3]
    charts:
      - name: web
        version: 0.1.0
        namespace: web
        localPath: chart
        valuesFiles: [values/web.yaml]
        variables: [ { name: DOMAIN, path: ingress.host } ]
        values: [ { sourcePath: .web.size, targetPath: .replicas }, { sourcePath: .web.labels, targetPath: . } ]
    manifests:
      - { name: plain, namespace: web, files: [plain.yaml] }
      - { name: built, namespace: built, kustomizations: [kustom] }
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: NAME }
spec:
  replicas: REPLICAS
  selector: { matchLabels: { app: NAME } }
  template:
    metadata: { labels: { app: NAME } }
    spec: { containers: [ { name: web, image: 'nginx:1.23.3', args: [ARGUMENT] } ] }
";

fn shop(zarf: &str, values: &str) -> Shop {
    let shop =
        Shop::new(&format!("    - {{ name: app, zarf: {{ path: ../../zarf/app{zarf} }}, values: {{ {values} }} }}\n"));
    let write = |path: &str, text: &str| shop.write(&format!("zarf/app/{path}"), text);
    let deployment = |name: &str, replicas: &str, argument: &str| {
        DEPLOYMENT.replace("NAME", name).replace("REPLICAS", replicas).replace("ARGUMENT", argument)
    };
    write("zarf.yaml", PACKAGE);
    write("values/base.yaml", "web: { size: 3, labels: { tier: gold } }\n");
    write("values/web.yaml", "replicas: 1\nargument: 'of ###ZARF_VAR_DOMAIN###'\n");
    write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    let argument = "\"{{ .Values.argument }} at {{ .Values.ingress.host }}, {{ .Values.tier }}\"";
    write("chart/templates/web.yaml", &deployment("web", "{{ .Values.replicas }}", argument));
    write("plain.yaml", &deployment("plain", "1", "'###ZARF_VAR_TOKEN###'"));
    write("kustom/kustomization.yaml", "resources: [built.yaml]\nnamePrefix: my-\n");
    write("kustom/built.yaml", &deployment("built", "1", "'token=###ZARF_VAR_TOKEN###'"));
    shop
}

#[test]
fn a_package_is_built_and_filled_as_zarf_does() {
    let shop = shop(", allowSkipActions: true", "DOMAIN: example.org, TOKEN: hunter22");
    let objects = shop.objects("app").join("\n");
    for expected in [
        r#""args":["of example.org at example.org, gold"],"image":"nginx:1.23.3""#,
        r#""replicas":3"#,
        r#""args":["token=hunter22"]"#,
    ] {
        assert!(objects.contains(expected), "{expected} in {objects}");
    }
    let wanted = shop.wanted();
    let ids = wanted.layers.layers.iter().flat_map(|layer| &layer.objects).map(|object| &object.id);
    let built = ids.filter(|id| &*id.name == "my-built").map(|id| id.namespace.as_deref()).collect::<Vec<_>>();
    assert_eq!(built, [Some("built")], "what is built stands in the namespace of its manifest");
    let ran = shop.run(&["render", "one", "app"]).ends_with(0);
    assert!(!ran.all().contains("hunter22"), "what is sensitive is sealed, built or not: {}", ran.all());
    for command in ["values", "explain"] {
        shop.run(&[command, "one", "app"]).ends_with(0).says(&["TOKEN"]).lacks(&["hunter22"]);
    }
    shop.run(&["plan"]).lacks(&["hunter22"]);
}

#[test]
fn a_kustomization_of_a_package_is_built_by_the_version_that_the_lock_names() {
    let shop = shop(", allowSkipActions: true", "DOMAIN: example.org, TOKEN: hunter22");
    shop.write("fleet.lock", "apiVersion: stratify.dev/v1alpha1\nkind: Lock\nrenderers: { kustomize: 4.0.0 }\n");
    let refused = super::fleet::told(&shop.try_wanted().0.map(drop).expect_err("it is another version"));
    assert!(refused.contains("by kustomize 4.0.0, as fleet.lock says, and this is kubectl"), "{refused}");
}

#[test]
fn what_zarf_would_fill_otherwise_is_refused_at_its_line() {
    let shop = shop(", allowSkipActions: true", "DOMAIN: example.org, TOKEN: hunter22");
    let said = || super::fleet::told(&shop.try_wanted().0.map(drop).expect_err("it is refused"));
    let other = PACKAGE.replace("kustomizations: [kustom]", "kustomizations: [kustom], template: true");
    shop.write("zarf/app/zarf.yaml", &other);
    assert!(said().contains("`template` of `manifests` of the component"), "{}", said());
    assert!(said().contains("zarf/app/zarf.yaml:"), "{}", said());
    shop.write("zarf/app/zarf.yaml", &format!("apiVersion: zarf.dev/v1beta1\n{PACKAGE}"));
    assert!(said().contains("of the format `zarf.dev/v1beta1`, which is not supported yet"), "{}", said());
}

#[test]
fn images_are_named_as_they_are_in_the_registry_of_the_layer() {
    let shop = shop(", registry: '127.0.0.1:31999'", "DOMAIN: example.org, TOKEN: hunter22");
    let objects = shop.objects("app");
    let renamed = r#""image":"127.0.0.1:31999/library/nginx:1.23.3-zarf-3793515731""#;
    assert_eq!(objects.iter().filter(|object| object.contains(renamed)).count(), 3, "{objects:#?}");
    let images = shop.run(&["images", "one"]).ends_with(0);
    // What is run, and what the package names: that is to be brought there.
    let both = "127.0.0.1:31999/library/nginx:1.23.3-zarf-3793515731\nnginx:1.23.3";
    assert_eq!(images.out.trim(), both, "{}", images.err);
}
