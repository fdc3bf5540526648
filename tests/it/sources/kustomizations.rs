//! In: kustomizations, as layers and as kubectl takes them. Out: the same objects; what is refused before anything runs.
//! Guarantee: only files that are named are read, and each mistake stands at its line.
use super::fleet::{Shop, kubectl, printed, told};

const LAYER: &str = "    - { name: web, kustomize: { path: ../../kustomize/prod }, namespace: web }\n";

fn shop() -> Shop {
    let shop = Shop::new(LAYER);
    shop.write(
        "kustomize/base/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml, service.yaml]\n\
         labels: [ { pairs: { app: web }, includeSelectors: true } ]\n",
    );
    shop.write(
        "kustomize/base/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 1\n  template:\n    spec:\n\
         \x20     containers:\n        - { name: web, image: nginx, resources: { limits: { cpu: 0.5 } }, env: [ { name: A, value: 'on' } ] }\n",
    );
    shop.write(
        "kustomize/base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [ { port: 80 } ] }\n",
    );
    shop.write(
        "kustomize/prod/kustomization.yaml",
        "resources: [../base]\nnamePrefix: prod-\nimages: [ { name: nginx, newTag: '1.27' } ]\n\
         patches:\n  - path: more.yaml\n  - target: { kind: Service }\n    patch: |-\n      - { op: replace, path: /spec/ports/0/port, value: 8080 }\n\
         configMapGenerator:\n  - { name: settings, files: [settings.ini, motd=files/motd.txt], envs: [prod.env], literals: [a=1] }\n",
    );
    shop.write(
        "kustomize/prod/more.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 3 }\n",
    );
    shop.write("kustomize/prod/settings.ini", "[web]\nratio = 0.5\n");
    shop.write("kustomize/prod/files/motd.txt", "Welcome.\n");
    shop.write("kustomize/prod/prod.env", "MODE=prod\n");
    shop.write("kustomize/prod/unnamed.yaml", "{ this is: [ no YAML\n");
    shop
}

#[test]
fn a_kustomization_is_what_kubectl_makes_of_it() {
    let shop = shop();
    let expected = printed(&kubectl(&shop.checkout.root(), &["kustomize", "kustomize/prod"]));
    assert_eq!(expected.len(), 3, "{expected:#?}");
    assert_eq!(shop.objects("web"), expected);
}

#[test]
fn what_it_reads_counts_and_nothing_else() {
    let shop = shop();
    std::fs::create_dir_all(shop.checkout.path(".stratify")).expect("there is room");
    assert_eq!(shop.try_wanted().1, 1, "it is built");
    shop.write("kustomize/prod/unnamed.yaml", "other: true\n");
    assert_eq!(shop.try_wanted().1, 0, "no file that it reads is another one");
    shop.write("kustomize/base/web.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n");
    assert_eq!(shop.try_wanted().1, 1, "its base is another one");
}

#[test]
fn what_leads_out_or_runs_something_is_refused_at_its_line() {
    for (line, expected) in [
        (
            "resources: ['https://example.org/base.yaml']",
            "prod/kustomization.yaml:1:14: ST0329 `https://example.org/base.yaml` is fetched from elsewhere",
        ),
        (
            "resources: ['github.com/example/base?ref=v1']",
            "prod/kustomization.yaml:1:14: ST0329 `github.com/example/base?ref=v1` is fetched from elsewhere",
        ),
        ("resources: ['git@github.com:example/base.git']", "is fetched from elsewhere"),
        ("resources: [../../../../etc/passwd]", "ST0208 the path leaves the repository"),
        ("resources: [../base/web.yaml]", "`../base/web.yaml` is not below the folder of its kustomization"),
        ("resources: [../nope]", "there is no file and no folder `kustomize/nope`"),
        ("resources: [absent.yaml]", "there is no file `kustomize/prod/absent.yaml`"),
        ("resources: [files]", "there is no kustomization in `kustomize/prod/files`"),
        ("resources: [../prod]", "the kustomization `kustomize/prod` leads back to itself"),
        (
            "generators: [plugin.yaml]",
            "prod/kustomization.yaml:1:1: ST0329 `generators` of a kustomization is refused: it runs plugins",
        ),
        ("transformers: [plugin.yaml]", "`transformers` of a kustomization is refused"),
        (
            "helmCharts: [ { name: web } ]",
            "`helmCharts` of a kustomization is refused: it fetches charts and runs helm",
        ),
        ("configMapGenerator: [ { name: a, files: [/etc/passwd] } ]", "`/etc/passwd` is not below the folder"),
        ("patches: [ { path: ../base/web.yaml } ]", "`../base/web.yaml` is not below the folder"),
    ] {
        let shop = shop();
        shop.write("kustomize/prod/kustomization.yaml", &format!("{line}\n"));
        let (wanted, renders) = shop.try_wanted();
        let said = told(&wanted.map(drop).expect_err("it is refused"));
        assert!(said.contains(expected), "{line}: {said}");
        assert_eq!(renders, 0, "nothing was started for {line}");
    }
}

#[test]
fn what_kustomize_refuses_itself_stands_at_the_layer() {
    let shop = shop();
    shop.checkout.edit("kustomize/prod/more.yaml", "name: web", "name: other");
    let said = told(&shop.try_wanted().0.map(drop).expect_err("no object is patched"));
    assert!(
        said.contains("profiles/apps/profile.yaml")
            && said.contains("ST0414 the kustomization of layer `web` cannot be rendered"),
        "{said}"
    );
    assert!(!said.contains("/run-"), "no folder of the run is told: {said}");
}

#[test]
fn values_of_a_kustomization_are_a_mistake() {
    let shop = shop();
    shop.layers(&LAYER.replace("namespace: web", "values: { a: 1 }"));
    let said = told(&shop.try_wanted().0.map(drop).expect_err("it takes none"));
    assert!(said.contains("the layer `web` has `values`, and a kustomization takes none"), "{said}");
}

#[test]
fn a_version_of_kustomize_that_the_lock_names_is_the_one_that_builds() {
    let shop = shop();
    shop.write("fleet.lock", "apiVersion: stratify.dev/v1alpha1\nkind: Lock\nrenderers: { kustomize: 4.0.0 }\n");
    let refused = told(&shop.try_wanted().0.map(drop).expect_err("it is another version"));
    assert!(refused.contains("by kustomize 4.0.0, as fleet.lock says, and this is kubectl"), "{refused}");
    shop.run(&["lock", "--update", "kustomize"]).ends_with(0);
    assert!(shop.try_wanted().0.is_ok(), "the lock names the one that is here");
}
