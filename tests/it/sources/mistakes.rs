//! In: charts that are wrong. Out: what their authors are told: the file, the line, the reason.
//! Guarantee: none of the values; what takes too long or renders too much is ended.
use super::fleet::{Shop, helm, told};

const LAYER: &str = "    - { name: store, chart: { path: ../../charts/store }, namespace: shop, releaseName: rel";

#[track_caller]
fn said(shop: &Shop) -> String {
    told(&shop.try_wanted().0.map(drop).expect_err("it is wrong"))
}

fn with_values(values: &str) -> Shop {
    Shop::new(&format!("{LAYER}, values: {values} }}\n"))
}

#[track_caller]
fn says(shop: &Shop, expected: &[&str]) {
    let said = said(shop);
    for text in expected {
        assert!(said.contains(text), "it says {text:?}:\n{said}");
    }
}

#[test]
fn a_template_that_fails_is_told_with_its_file_and_line() {
    let shop = with_values("{ broken: { inner: null } }");
    let ran = shop.run(&["render", "one"]).ends_with(1).says(&[
        "ST0414",
        "the chart of layer `store` cannot be rendered",
        "nil pointer evaluating",
        "profiles/apps/profile.yaml:10:",
        "charts/store/templates/_helpers.tpl:6:",
    ]);
    drop(ran);
}

#[test]
fn a_value_in_an_error_of_helm_is_not_told() {
    let shop = with_values("{ number: '(not-a-number-at-all' }");
    assert!(!said(&shop).contains("not-a-number-at-all"), "{}", said(&shop));
}

#[test]
fn what_a_chart_says_itself_is_told_unless_it_may_hold_a_secret() {
    let shop = with_values("{ refuse: true, password: a-plain-password }");
    says(&shop, &["execution error at (store/templates/checks.yaml:6:4)", "the password a-plain-password is refused"]);
    let shop = with_values("{ refuse: true, password: \"${{ vars.password }}\" }");
    let ran = shop.run(&["render", "one"]).ends_with(1).says(&[
        "a template of it says that something is wrong",
        "charts/store/templates/checks.yaml:6:",
        "the reason is withheld, since sensitive values were given",
    ]);
    assert!(!ran.all().contains("correct-horse"), "{}", ran.all());
}

#[test]
fn a_value_that_the_schema_does_not_take_is_told_where_it_is_written() {
    says(
        &with_values("{ replicas: many }"),
        &["profiles/apps/profile.yaml:10:", "ST0320 the values of layer `store` at `/replicas` do not fit its chart"],
    );
    says(&with_values("{ password: hunter2 }"), &["the values of layer `store` at `/password` do not fit its chart"]);
    assert!(!said(&with_values("{ password: hunter2 }")).contains("hunter2"), "no value is told");
}

#[test]
fn values_of_a_chart_in_an_archive_are_told_and_checked_as_those_of_a_folder() {
    let shop = Shop::new("");
    helm(&shop.checkout.root(), &["package", "charts/store", "--destination", "archives"]);
    let layer = LAYER.replace("charts/store", "archives/store-1.4.0.tgz");
    shop.layers(&format!("{layer}, values: {{ replicas: many }} }}\n"));
    says(
        &shop,
        &["profiles/apps/profile.yaml:10:", "ST0320 the values of layer `store` at `/replicas` do not fit its chart"],
    );
    shop.layers(&format!("{layer}, values: {{ replicas: 7 }} }}\n"));
    let values = shop.run(&["values", "one", "store"]).ends_with(0);
    values.says(&["replicas: 7  # profiles/apps/profile.yaml:10:"]);
    let place = "archives/store-1.4.0.tgz/values.yaml:3:8 defaults of chart store@1.4.0";
    let values = shop.run(&["values", "one", "store"]).ends_with(0);
    values.says(&[&format!("ratio: 0.5  # {place}")]);
    shop.run(&["explain", "one", "store/values/ratio"]).ends_with(0).says(&[place]);
}

#[test]
fn what_fits_no_schema_of_a_subchart_is_told_by_its_path() {
    let shop = with_values("{ db: { size: large, name: hunter2 } }");
    shop.write(
        "charts/store/charts/db/values.schema.json",
        r#"{ "properties": { "size": { "type": "integer" }, "name": { "pattern": "^x" } } }"#,
    );
    let told = said(&shop);
    assert!(
        told.contains("the values of chart `db` do not fit its schema: at `/size`: got string, want integer"),
        "{told}"
    );
    assert!(told.contains("at `/name`: … does not match pattern …") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_chart_that_renders_otherwise_each_time_is_refused() {
    let shop = with_values("{ random: true }");
    says(&shop, &["it renders otherwise each time: `/stringData/token` of Secret chance"]);
}

#[test]
fn what_is_listed_as_generated_has_to_be_made_up() {
    let listed = "[ { target: { kind: Secret, name: chance }, pointers: [/stringData/token, /data/absent] }, \
                    { target: { kind: Deployment }, pointers: [/spec/replicas] }, { target: { kind: Sekret }, pointers: [/a] } ]";
    let shop = Shop::new(&format!("{LAYER}, values: {{ random: true }}, generated: {listed} }}\n"));
    let first = shop.run(&["render", "one", "store"]).ends_with(0).says(&[
        "`/data/absent` is `generated` of layer `store`, and its objects do not have it",
        "`/spec/replicas` is `generated` of layer `store`, and is rendered the same each time",
        "`generated` of layer `store` selects none of its objects",
    ]);
    assert!(first.out.contains("token: \"<sensitive:") && !first.out.contains("stringData: {}"), "{}", first.out);
    let again = shop.run(&["render", "one", "store"]).ends_with(0);
    assert_eq!(first.out, again.out, "what is made up is no part of what is told");
}

#[test]
fn a_flood_and_a_loop_are_ended() {
    let flood = with_values("{ flood: true }");
    says(&flood, &["it renders to more than 64 MiB"]);
    let endless = Shop::new(&format!("{LAYER} }}\n"));
    endless.write(
        "charts/store/templates/endless.yaml",
        "{{- define \"endless\" }}{{ include \"endless\" . }}{{ end }}{{ include \"endless\" . }}\n",
    );
    says(&endless, &["the chart of layer `store` cannot be rendered"]);
}

#[test]
fn a_chart_that_is_none_is_told_before_helm_is_asked() {
    let edited = |from: &str, to: &str| {
        let shop = Shop::new(&format!("{LAYER} }}\n"));
        shop.checkout.edit("charts/store/Chart.yaml", from, to);
        shop
    };
    says(
        &edited("apiVersion: v2", "apiVersion: v9"),
        &["charts/store/Chart.yaml:1:13: ST0331 the chart has a `apiVersion` that it cannot have (expected v1 or v2)"],
    );
    says(&edited("version: 1.4.0", "version: latest"), &["Chart.yaml:5:10: ST0331", "expected a semantic version"]);
    says(&edited("type: application", "type: library"), &["a library chart renders to nothing by itself"]);
    says(&edited("name: store", "name: [store]"), &["ST0331"]);
    let nowhere = Shop::new("    - { name: store, chart: { path: ../../charts/absent } }\n");
    says(&nowhere, &["there is no chart in `charts/absent` (expected the file `charts/absent/Chart.yaml`)"]);
    let outside = Shop::new("    - { name: store, chart: { path: ../../../absent } }\n");
    says(&outside, &["ST0208 the path leaves the repository"]);
    let twice = Shop::new("    - { name: store, chart: { path: ../../charts/store, repo: 'https://example.org' } }\n");
    says(
        &twice,
        &[
            "the chart of layer `store` is twice (expected either `path`, or `repo`, `name` and `version`, or `oci` and `version`)",
        ],
    );
    let long =
        Shop::new(&format!("{} }}\n", LAYER.replace("releaseName: rel", &format!("releaseName: {}", "a".repeat(60)))));
    says(&long, &["has a name of 60 characters (expected at most 53 characters)"]);
    let user =
        Shop::new("    - { name: store, chart: { repo: 'https://me:pw@example.org', name: a, version: 1.x } }\n");
    says(&user, &["expected an address that begins with https:// or http://, without a user"]);
}

#[test]
fn a_chart_that_lacks_a_subchart_or_its_kubernetes_is_told() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    std::fs::remove_dir_all(shop.checkout.path("charts/store/charts/db")).expect("it is there");
    says(&shop, &["missing in charts/ directory: db"]);
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.checkout.edit("charts/store/Chart.yaml", ">=1.30.0-0", ">=1.99.0-0");
    says(&shop, &["chart requires kubeVersion", ">=1.99.0-0"]);
}

#[test]
fn what_is_no_object_or_no_yaml_is_told() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.write(
        "charts/store/templates/bad.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: [ }\n",
    );
    says(&shop, &["YAML parse error on store/templates/bad.yaml", "the chart of layer `store` cannot be rendered"]);
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.write("charts/store/templates/bad.yaml", "just: text\n");
    says(&shop, &["ST0402 the document is no object of Kubernetes"]);
}

#[test]
fn a_link_in_a_chart_is_never_followed() {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    std::os::unix::fs::symlink("/etc/passwd", shop.checkout.path("charts/store/files/link")).expect("there is room");
    says(&shop, &["a symbolic link stands here, which is never followed"]);
}

#[test]
fn an_archive_that_is_not_what_it_says_is_refused() {
    let shop = Shop::new(&format!("{} }}\n", LAYER.replace("charts/store", "archives/store-9.9.9.tgz")));
    super::fleet::helm(&shop.checkout.root(), &["package", "charts/store", "--destination", "archives"]);
    std::fs::rename(shop.checkout.path("archives/store-1.4.0.tgz"), shop.checkout.path("archives/store-9.9.9.tgz"))
        .expect("it is there");
    says(&shop, &["its archive holds the chart `store-1.4.0`, and is named `store-9.9.9`"]);
    shop.write("archives/store-9.9.9.tgz", "no archive");
    says(&shop, &["its archive is refused"]);
    shop.layers(&format!("{} }}\n", LAYER.replace("charts/store", "archives/store.tgz")));
    shop.write("archives/store.tgz", "no archive");
    says(&shop, &["does not have the name of a chart's archive (expected NAME-VERSION.tgz"]);
}

#[test]
fn an_image_that_comes_from_a_sensitive_value_is_told_and_not_listed() {
    let shop = Shop::new("    - { name: app, namespace: shop, manifests: [app.tpl.yaml] }\n");
    shop.write(
        "profiles/apps/app.tpl.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: app }\nspec:\n  containers:\n    - { name: a, image: 'nginx:1.27' }\n    - { name: b, image: '${{ vars.password }}' }\n",
    );
    let ran = shop.run(&["images", "one"]).ends_with(0);
    assert_eq!(ran.out, "nginx:1.27\n");
    assert!(!ran.all().contains("correct-horse"), "{}", ran.all());
    ran.says(&["ST0432", "an image of Pod app of layer `app` comes from a sensitive value", "mirror it by hand"]);
}
