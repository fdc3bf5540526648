//! In: charts that helm pushed and packages as Zarf pushes them, in a real registry; registries that lie. Out: what `lock` and
//! a sync make of them.
//! Guarantee: a sync takes exactly what the lock says, whatever a registry sends and wherever it leads.
use super::fleet::{Shop, helm, told};
use super::registry::Registry;
use super::repositories::{CUT, Server};
use crate::commands::fixture::Ran;
use reqwest::blocking::Client;
use std::fs;
use stratify::client::registry::digest_of;
use stratify::settings::{AllowedSource, Credentials, Settings};

const WITH: [&str; 2] = ["--settings", "../stratify.yaml"];

#[track_caller]
fn lock(shop: &Shop, more: &[&str]) -> Ran {
    shop.run(&[&["lock"], more, &WITH[..]].concat())
}

/// Returns a fleet with one layer, which is allowed what stands at an address.
fn shop(layer: &str, sources: &str) -> Shop {
    let shop = Shop::new(&format!("    - {{ name: store, namespace: shop, {layer} }}\n"));
    let root = shop.checkout.root();
    let settings =
        format!("repository: {{ url: {}, branch: main }}\nstate: state\nsources: [ {sources} ]\n", root.display());
    shop.write("../stratify.yaml", &settings);
    fs::create_dir_all(shop.checkout.path("../state")).expect("there is room");
    shop
}

fn chart(place: &str, wanted: &str) -> String {
    format!("chart: {{ oci: '{place}', version: '{wanted}' }}")
}

fn settings(shop: &Shop, sources: Vec<AllowedSource>) -> Settings {
    Settings { sources, ..shop.settings() }
}

#[track_caller]
fn said(shop: &Shop, settings: Settings) -> String {
    told(&shop.try_wanted_with(settings).0.map(drop).expect_err("it is refused"))
}

#[track_caller]
fn layers(shop: &Shop, settings: Settings) -> usize {
    let wanted = shop.try_wanted_with(settings).0.unwrap_or_else(|fault| panic!("{}", told(&fault)));
    wanted.layers.layers.len()
}

fn read(shop: &Shop, path: &str) -> String {
    fs::read_to_string(shop.checkout.path(path)).expect("it is there")
}

/// Packs the store's chart in a version, and says where it is.
fn packed(shop: &Shop, version: &str) -> String {
    let text = read(shop, "charts/store/Chart.yaml");
    let line =
        |line: &str| if line.starts_with("version: ") { format!("version: {version}\n") } else { format!("{line}\n") };
    shop.write("charts/store/Chart.yaml", &text.lines().map(line).collect::<String>());
    helm(&shop.checkout.root(), &["package", "charts/store", "--destination", "../packed"]);
    format!("../packed/store-{version}.tgz")
}

fn push(shop: &Shop, registry: &Registry, version: &str) {
    let file = packed(shop, version);
    let place = format!("oci://127.0.0.1:{}/fleet/charts", registry.port);
    helm(&shop.checkout.root(), &["push", &file, &place, "--plain-http"]);
}

/// A fleet with a chart of a registry, to which helm has pushed two versions.
fn pushed(wanted: &str) -> (Registry, Shop) {
    let registry = Registry::start(None);
    let place = format!("oci://127.0.0.1:{}/fleet", registry.port);
    let shop =
        shop(&chart(&format!("{place}/charts/store"), wanted), &format!("{{ prefix: '{place}', private: true }}"));
    for version in ["1.4.0", "1.5.0"] {
        push(&shop, &registry, version);
    }
    (registry, shop)
}

#[test]
fn a_chart_that_helm_pushed_is_locked_and_taken_by_its_digest() {
    let (registry, shop) = pushed("^1.4");
    let allowed = || vec![registry.allowed()];
    let unlocked = said(&shop, settings(&shop, allowed()));
    assert!(unlocked.contains("ST0330") && unlocked.contains("at `^1.4` is not in fleet.lock"), "{unlocked}");
    lock(&shop, &["--check"]).ends_with(1).says(&["the chart `store` at `^1.4` is not in fleet.lock"]);
    lock(&shop, &[]).ends_with(0).says(&["fleet.lock is written", "1 chart"]);
    let text = read(&shop, "fleet.lock");
    assert!(text.contains("version: \"1.5.0\"") && text.contains("/fleet/charts/store@sha256:"), "{text}");
    lock(&shop, &["--check"]).ends_with(0);
    assert_eq!(layers(&shop, settings(&shop, allowed())), 1);
    shop.checkout.commit("the store");
    shop.run(&[&["sync"], &WITH[..]].concat()).ends_with(0);
    // The tag is another chart now; what is locked is not.
    shop.checkout.edit("charts/store/values.yaml", "replicas: ", "replicas: 1");
    push(&shop, &registry, "1.5.0");
    assert_eq!(layers(&shop, settings(&shop, allowed())), 1);
    lock(&shop, &["--check"]).ends_with(0);
    lock(&shop, &["--update", "store"]).ends_with(0).says(&["fleet.lock is written"]);
    assert_ne!(read(&shop, "fleet.lock"), text, "the tag was resolved anew");
    let plan = shop.run(&[&["plan", "--cluster", "one"], &WITH[..]].concat());
    plan.says(&["! store is another one than before at the same version 1.5.0"]);
}

#[test]
fn what_was_fetched_is_kept_and_a_registry_that_is_away_is_not_missed() {
    let (registry, shop) = pushed("1.4.x");
    let allowed = vec![registry.allowed()];
    lock(&shop, &[]).ends_with(0);
    drop(registry);
    let mut kept = settings(&shop, allowed.clone());
    kept.state = shop.checkout.path("../state");
    assert_eq!(layers(&shop, kept), 1, "what `lock` took is at hand");
    let away = said(&shop, settings(&shop, allowed));
    assert!(away.contains("could not ask oci://127.0.0.1:"), "{away}");
}

#[test]
fn a_lock_of_a_registry_that_was_edited_by_hand_is_seen() {
    let (registry, shop) = pushed("1.4.0");
    lock(&shop, &[]).ends_with(0);
    let text = read(&shop, "fleet.lock");
    let digest = text.split("    digest: \"sha256:").nth(1).expect("it has one")[..64].to_owned();
    shop.write(
        "fleet.lock",
        &text.replace(&format!("    digest: \"sha256:{digest}"), &format!("    digest: \"sha256:{}", "a".repeat(64))),
    );
    let edited = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(edited.contains("of its archive, and its manifest has sha256:"), "{edited}");
    assert!(edited.contains("profiles/apps/profile.yaml:"), "at its line: {edited}");
    let manifest = text.split("/store@sha256:").nth(1).expect("it has one")[..64].to_owned();
    shop.write("fleet.lock", &text.replace(&manifest, &"a".repeat(64)));
    let gone = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(gone.contains("profiles/apps/profile.yaml:10:") && gone.contains("there is no such thing"), "{gone}");
    shop.write("fleet.lock", &text.replace("version: \"1.4.0\"", "version: \"1.5.0\""));
    let other = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(other.contains("which is not `1.4.0`"), "{other}");
}

/// A registry that has a chart of one version, and may lie; with the address of its chart, and of its archive.
fn liar(wanted: &str) -> (Server, Shop, String, String) {
    let server = Server::start();
    let place = server.address.replace("http://", "oci://");
    let shop = shop(&chart(&format!("{place}/store"), wanted), &format!("{{ prefix: '{place}', private: true }}"));
    let archive = fs::read(shop.checkout.path(&packed(&shop, "1.4.0"))).expect("it is there");
    let config = "application/vnd.cncf.helm.config.v1+json";
    let kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let (digest, size) = (digest_of(&archive), archive.len());
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"{digest}","size":1}},"layers":[{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}]}}"#
    );
    let by_digest = format!("/v2/store/manifests/{}", digest_of(manifest.as_bytes()));
    let blob = format!("/v2/store/blobs/{digest}");
    server.put("/v2/", "{}");
    server.put("/v2/store/tags/list?n=1000", r#"{"tags":["1.4.0","latest"]}"#);
    server.put("/v2/store/manifests/1.4.0", manifest.clone());
    server.put(&by_digest, manifest);
    server.put(&blob, archive);
    (server, shop, by_digest, blob)
}

fn allowed(server: &Server) -> AllowedSource {
    let prefix = server.address.replace("http://", "oci://");
    AllowedSource { prefix, is_private: true, ..AllowedSource::default() }
}

#[test]
fn what_a_registry_sends_otherwise_is_refused() {
    let (server, shop, manifest, blob) = liar("1.4.0");
    lock(&shop, &[]).ends_with(0);
    let with = || settings(&shop, vec![allowed(&server)]);
    assert_eq!(layers(&shop, with()), 1, "as long as it says the truth");
    let truth = server.answers();
    server.put(&manifest, "<html><body>Please log in</body></html>");
    let other = said(&shop, with());
    assert!(other.contains("its manifest has the digest sha256:") && other.contains(", expected sha256:"), "{other}");
    server.answer(&manifest, 302, "location: http://evil.example.org/\r\n", "");
    let led = said(&shop, with());
    assert!(led.contains("it answers 302 Found, which is not followed"), "{led}");
    server.put(&manifest, truth[&manifest].2.clone());
    server.put(&blob, "x".repeat(truth[&blob].2.len()));
    let other = said(&shop, with());
    assert!(other.contains("it sends a blob with the digest sha256:"), "{other}");
    server.put(&blob, truth[&blob].2[..10].to_vec());
    let half = said(&shop, with());
    assert!(half.contains("it sends 10 bytes of "), "{half}");
    server.answer(&blob, 307, "location: http://169.254.169.254/latest/meta-data\r\n", "");
    let led = said(&shop, with());
    assert!(
        led.contains("could not fetch http://169.254.169.254/latest/meta-data: no prefix under `sources`"),
        "{led}"
    );
    let metadata =
        AllowedSource { prefix: "http://169.254.169.254".into(), is_private: true, ..AllowedSource::default() };
    let never = said(&shop, settings(&shop, vec![allowed(&server), metadata]));
    assert!(never.contains("which is never asked"), "{never}");
    let mut public = allowed(&server);
    public.is_private = false;
    server.asked();
    let within = said(&shop, settings(&shop, vec![public]));
    assert!(within.contains("on a private network or this machine"), "{within}");
    assert!(server.asked().is_empty(), "nobody was asked");
}

#[test]
fn a_page_in_the_place_of_a_list_or_a_manifest_is_told() {
    let (server, shop, ..) = liar("1.x");
    server.put("/v2/store/tags/list?n=1000", "<html><body>Please log in</body></html>");
    lock(&shop, &[]).ends_with(1).says(&["no list of tags: it may be a page that asks to sign in"]);
    server.put("/v2/store/tags/list?n=1000", r#"{"tags":["2.0.0"]}"#);
    lock(&shop, &[]).ends_with(1).says(&["it has no tag that is `1.x`", "profiles/apps/profile.yaml:"]);
    let more = "link: </v2/store/tags/list?n=1000&last=2.0.0>; rel=\"next\"\r\n";
    server.answer("/v2/store/tags/list?n=1000", 200, more, r#"{"tags":["2.0.0"]}"#);
    server.put("/v2/store/tags/list?n=1000&last=2.0.0", r#"{"tags":["1.4.0"]}"#);
    lock(&shop, &[]).ends_with(0);
    let (server, shop, ..) = liar("1.4.0");
    server.put("/v2/store/manifests/1.4.0", "<html><body>Please log in</body></html>");
    lock(&shop, &[]).ends_with(1).says(&["no manifest: it may be a page that asks to sign in"]);
}

#[test]
fn what_is_cut_off_is_gone_on_with_also_where_a_registry_leads_on() {
    let (server, shop, _, blob) = liar("1.4.0");
    lock(&shop, &[]).ends_with(0);
    let archive = server.answers()[&blob].2.clone();
    server.answer(&blob, 200, CUT, archive.clone());
    server.asked();
    assert_eq!(layers(&shop, settings(&shop, vec![allowed(&server)])), 1);
    let asked: Vec<String> = server.asked().into_iter().filter(|path| path.contains("blobs")).collect();
    assert_eq!(asked, [blob.clone(), format!("{blob} from {}", archive.len() / 2)], "only what is missing");
    let store = Server::start();
    store.answer("/files/archive", 200, CUT, archive.clone());
    server.answer(&blob, 307, &format!("location: {}/files/archive\r\n", store.address), "");
    let prefix = format!("{}/files", store.address);
    let files = AllowedSource { prefix, is_private: true, ..AllowedSource::default() };
    assert_eq!(layers(&shop, settings(&shop, vec![allowed(&server), files])), 1);
    assert_eq!(store.asked(), ["/files/archive".to_owned(), format!("/files/archive from {}", archive.len() / 2)]);
}

#[test]
fn a_mirror_is_asked_in_the_place_of_what_is_named() {
    let (server, shop, manifest, _) = liar("1.4.0");
    let near = server.address.replace("http://", "oci://");
    shop.layers(
        "    - { name: store, namespace: shop, chart: { oci: 'oci://far.example.org/acme/store', version: 1.x } }\n",
    );
    let sources =
        format!("{{ prefix: 'oci://far.example.org/acme', mirror: '{near}' }}, {{ prefix: '{near}', private: true }}");
    shop.write(
        "../stratify.yaml",
        &format!("repository: {{ url: fleet, branch: main }}\nstate: state\nsources: [ {sources} ]\n"),
    );
    lock(&shop, &[]).ends_with(0);
    let text = read(&shop, "fleet.lock");
    assert!(text.contains("oci://far.example.org/acme/store@sha256:") && !text.contains(&near), "{text}");
    let far =
        |mirror| AllowedSource { prefix: "oci://far.example.org/acme".into(), mirror, ..AllowedSource::default() };
    assert_eq!(layers(&shop, settings(&shop, vec![far(Some(near.clone())), allowed(&server)])), 1);
    let alone = said(&shop, settings(&shop, vec![far(Some(near))]));
    assert!(alone.contains("no prefix under `sources` of the settings covers it"), "{alone}");
    server.put(&manifest, "{\"layers\":[]}");
    let other = said(&shop, settings(&shop, vec![far(Some(allowed(&server).prefix)), allowed(&server)]));
    assert!(other.contains("its mirror oci://127.0.0.1:") && other.contains(", expected sha256:"), "{other}");
}

#[test]
fn who_asks_is_who_the_file_of_logins_says_over_tls_with_its_own_authority() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let authority = crate::testenv::authority::Authority::new(folder.path());
    let identity = authority.server();
    let tls = format!(", tls: {{ certificate: {}, key: {} }}", identity.certificate.display(), identity.key.display());
    // The password `open sesame`. Only 127.0.0.1 itself is asked without TLS.
    let users = "ada:$2y$05$c4WoMPo3SXsafkva.HHa6u6sKulLFIKfduk6JUyh.QHa6neGeFVmG\n";
    let registry = Registry::start_with(Some(users), "127.0.0.2", &tls);
    let config = folder.path().join("config.json");
    let host = format!("127.0.0.2:{}", registry.port);
    let write = |login: &str| {
        fs::write(&config, format!(r#"{{"auths":{{"{host}":{{"auth":"{login}"}}}}}}"#)).expect("there is room");
    };
    write("YWRhOm9wZW4gc2VzYW1l");
    let mut source = AllowedSource {
        prefix: format!("oci://{host}/fleet"),
        is_private: true,
        credentials: Credentials::DockerConfig(config.clone()),
        authority: Some(authority.identity().certificate),
        ..AllowedSource::default()
    };
    let reference =
        stratify::client::registry::Reference::parse(&format!("oci://{host}/fleet/base:1.0.0")).expect("it is right");
    let part = stratify::client::registry::Part { kind: "text/plain".into(), bytes: b"one".to_vec() };
    let push = |source: &AllowedSource| {
        stratify::client::registry::push(
            &reference,
            std::slice::from_ref(source),
            "test/one",
            std::slice::from_ref(&part),
            stratify::client::registry::Other::Stays,
        )
    };
    push(&source).expect("ada may");
    write("YWRhOndyb25n");
    let wrong = push(&source).expect_err("the password is wrong");
    assert!(wrong.to_string().contains("it does not let us"), "{wrong}");
    write("YWRhOm9wZW4gc2VzYW1l");
    source.authority = None;
    let stranger = push(&source).expect_err("nobody knows its authority");
    assert!(stranger.to_string().contains("certificate"), "{stranger}");
}

/// A package of one component, as Zarf pushes it; returns the digest of its image's layer.
fn push_package(registry: &Registry, change: impl FnOnce(&mut String)) -> String {
    push_package_as(registry, "1.2.0", change)
}

fn push_package_as(registry: &Registry, version: &str, change: impl FnOnce(&mut String)) -> String {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = Client::new();
    let base = format!("http://127.0.0.1:{}/v2/fleet/zarf/app", registry.port);
    let put = |bytes: &[u8]| {
        let begun = client.post(format!("{base}/blobs/uploads/")).send().expect("it answers");
        let place = begun.headers()["location"].to_str().expect("it is a text").to_owned();
        let place = format!("{place}&digest={}", digest_of(bytes));
        let put = client.put(place).header("content-type", "application/octet-stream").body(bytes.to_vec()).send();
        assert!(put.expect("it answers").status().is_success());
    };
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n";
    let mut component = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(manifest.len() as u64);
    component.append_data(&mut header, "app/manifests/app-0.yaml", manifest.as_bytes()).expect("it is in memory");
    let component = component.into_inner().expect("it is in memory");
    let image = b"an image".to_vec();
    let hex = |bytes: &[u8]| digest_of(bytes).trim_start_matches("sha256:").to_owned();
    let mut list = format!("{} components/app.tar\n{} images/blobs/sha256/x\n", hex(&component), hex(&image));
    let aggregate = hex(list.as_bytes());
    change(&mut list);
    let about = format!(
        "kind: ZarfPackageConfig\nmetadata: {{ name: app, version: {version}, aggregateChecksum: {aggregate} }}\ncomponents:\n\
         - {{ name: app, required: true, images: [ 'nginx:1.27' ], manifests: [ {{ name: app, namespace: shop, files: [ app.yaml ] }} ] }}\n"
    );
    let files: [(&str, &[u8]); 4] = [
        ("zarf.yaml", about.as_bytes()),
        ("checksums.txt", list.as_bytes()),
        ("components/app.tar", &component),
        ("images/blobs/sha256/x", &image),
    ];
    let layer = |(title, bytes): &(&str, &[u8])| {
        put(bytes);
        format!(
            r#"{{"mediaType":"application/vnd.zarf.layer.v1.blob","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.title":"{title}"}}}}"#,
            digest_of(bytes),
            bytes.len()
        )
    };
    let layers: Vec<String> = files.iter().map(layer).collect();
    put(b"{}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.zarf.config.v1+json","digest":"{}","size":2}},"layers":[{}]}}"#,
        digest_of(b"{}"),
        layers.join(",")
    );
    let put = |name: &str, kind: &str, text: &str| {
        let request = client.put(format!("{base}/manifests/{name}")).header("content-type", kind).body(text.to_owned());
        let answer = request.send().expect("it answers");
        assert!(answer.status().is_success(), "{answer:?}");
    };
    let digest = digest_of(manifest.as_bytes());
    put(&digest, "application/vnd.oci.image.manifest.v1+json", &manifest);
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{},"platform":{{"architecture":"amd64","os":"multi"}}}}]}}"#,
        manifest.len()
    );
    put(version, "application/vnd.oci.image.index.v1+json", &index);
    digest_of(&image)
}

/// A fleet with a package of a registry.
fn with_package(registry: &Registry, more: &str) -> Shop {
    let place = format!("oci://127.0.0.1:{}/fleet", registry.port);
    let layer = format!("zarf: {{ oci: '{place}/zarf/app', version: '^1.0', allowSkipActions: true{more} }}");
    shop(&layer, &format!("{{ prefix: '{place}', private: true }}"))
}

#[test]
fn a_package_that_zarf_pushed_is_locked_with_its_images_and_taken_without_them() {
    let registry = Registry::start(None);
    let image = push_package(&registry, |_| ());
    fs::remove_file(registry.blob(&image)).expect("it is ours");
    let shop = with_package(&registry, "");
    let unlocked = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(unlocked.contains("ST0330") && unlocked.contains("at `^1.0` for amd64 is not in fleet.lock"), "{unlocked}");
    lock(&shop, &[]).ends_with(0).says(&["fleet.lock is written", "1 package"]);
    let text = read(&shop, "fleet.lock");
    assert!(text.contains("version: \"1.2.0\"") && text.contains("- \"nginx:1.27\""), "{text}");
    lock(&shop, &["--check"]).ends_with(0);
    let wanted = shop.try_wanted_with(settings(&shop, vec![registry.allowed()])).0;
    let wanted = wanted.unwrap_or_else(|fault| panic!("{}", told(&fault)));
    let names: Vec<String> = wanted.layers.layers[0].objects.iter().map(|object| object.id.name.to_string()).collect();
    assert!(names.contains(&"app".to_owned()), "{names:?}");
    let images = shop.run(&[&["images", "one"], &WITH[..]].concat()).ends_with(0);
    assert_eq!(images.out.trim(), "nginx:1.27", "what the package names is to be mirrored");
    shop.write("fleet.lock", &text.replace("version: \"1.2.0\"", "version: \"1.3.0\""));
    let edited = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(edited.contains("fleet.lock has `1.3.0` of the package, which states that it is `1.2.0`"), "{edited}");
    let shop = with_package(&registry, ", architecture: arm64");
    lock(&shop, &[]).ends_with(1).says(&["app:1.2.0 has no package for arm64"]);
}

#[test]
fn a_package_whose_checksums_are_wrong_and_what_is_none_are_refused() {
    let registry = Registry::start(None);
    push_package(&registry, |list| list.push_str(&["0".repeat(64).as_str(), " extra\n"].concat()));
    let shop = with_package(&registry, "");
    lock(&shop, &[]).ends_with(1).says(&["its list of checksums is not the one that zarf.yaml names"]);
    let (registry, shop) = pushed("1.4.0");
    let place = format!("oci://127.0.0.1:{}/fleet/charts/store", registry.port);
    shop.layers(&format!("    - {{ name: store, namespace: shop, zarf: {{ oci: '{place}', version: 1.4.0 }} }}\n"));
    lock(&shop, &[]).ends_with(1).says(&["it is no Zarf package: expected a configuration"]);
}

#[test]
fn a_newer_tag_is_told_and_a_registry_that_is_away_is_named() {
    let (registry, shop) = pushed("1.4.x");
    lock(&shop, &[]).ends_with(0);
    assert!(read(&shop, "fleet.lock").contains("- \"registry.example.org/store:2.10\""), "what its defaults name");
    let outdated = |more: &[&str]| shop.run(&[&["outdated"], more, &WITH[..]].concat());
    outdated(&[]).ends_with(0).says(&["store", "1.4.0", "1.5.0", "profiles/apps/profile.yaml:", "lock --update NAME"]);
    shop.layers(&format!("    - {{ name: store, namespace: shop, {} }}\n", chart(&place_of(&registry), "1.x")));
    outdated(&[]).ends_with(1).says(&["the chart store", "1.x", "it is not in fleet.lock: run `stratify lock`"]);
    lock(&shop, &[]).ends_with(0);
    outdated(&[]).ends_with(0).says(&["the one version that layers name is the newest that may be used"]);
    drop(registry);
    let away = outdated(&[]).ends_with(1);
    let away = away.says(&[
        "not known",
        "the chart store",
        "1.5.0",
        "could not ask oci://127.0.0.1:",
        "profiles/apps/profile.yaml:10:",
    ]);
    assert!(!away.all().contains("the newest"), "{}", away.all());
    let data = outdated(&["-o", "json"]).ends_with(1);
    let data: serde_json::Value = serde_json::from_str(&data.out).expect("it is JSON");
    let one = &data["unknown"][0];
    assert_eq!((&one["kind"], &one["name"], &one["version"]), (&"chart".into(), &"store".into(), &"1.5.0".into()));
    assert!(one["why"].as_str().is_some_and(|why| why.contains("could not ask")), "{data}");
    assert_eq!(data["outdated"], serde_json::json!([]), "{data}");
}

fn place_of(registry: &Registry) -> String {
    format!("oci://127.0.0.1:{}/fleet/charts/store", registry.port)
}

/// Signs a manifest of the liar by the key of a folder, as cosign does.
fn sign(server: &Server, folder: &std::path::Path, digest: &str, key: &str) {
    use base64::Engine;
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    fs::write(folder.join("payload"), &payload).expect("there is room");
    openssl(folder, &["dgst", "-sha256", "-sign", key, "-out", "signature", "payload"]);
    let signature = fs::read(folder.join("signature")).expect("it is there");
    let signature = base64::engine::general_purpose::STANDARD.encode(signature);
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":1}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"{}","size":{},"annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}}}]}}"#,
        digest_of(payload.as_bytes()),
        payload.len()
    );
    server.put(&format!("/v2/store/manifests/{}.sig", digest.replace(':', "-")), manifest);
    server.put(&format!("/v2/store/blobs/{}", digest_of(payload.as_bytes())), payload);
}

fn openssl(folder: &std::path::Path, args: &[&str]) {
    let done = std::process::Command::new("openssl").args(args).current_dir(folder).output().expect("openssl is there");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_has_to_be_signed_is_taken_only_with_a_signature_by_that_key() {
    let (server, shop, manifest, _) = liar("1.4.0");
    let digest = manifest.rsplit('/').next().expect("it has parts").to_owned();
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for key in ["key", "other"] {
        openssl(folder.path(), &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
        openssl(folder.path(), &["ec", "-in", key, "-pubout", "-out", &format!("{key}.pub")]);
    }
    lock(&shop, &[]).ends_with(0);
    let source = AllowedSource { key: Some(folder.path().join("key.pub")), ..allowed(&server) };
    let with = |state: Option<&str>| {
        let settings = settings(&shop, vec![source.clone()]);
        Settings { state: state.map_or(settings.state.clone(), |state| shop.checkout.path(state)), ..settings }
    };
    let unsigned = said(&shop, with(None));
    assert!(unsigned.contains("is not signed: there is no `sha256-"), "{unsigned}");
    let kept = said(&shop, with(Some("../state")));
    assert!(kept.contains("is not signed"), "also what was kept before signatures were wanted: {kept}");
    sign(&server, folder.path(), &digest, "other");
    let other = said(&shop, with(None));
    assert!(other.contains("is not signed by the key of the settings"), "{other}");
    sign(&server, folder.path(), &format!("sha256:{}", "b".repeat(64)), "key");
    let moved = server.answers()[&format!("/v2/store/manifests/sha256-{}.sig", "b".repeat(64))].2.clone();
    server.put(&format!("/v2/store/manifests/{}.sig", digest.replace(':', "-")), moved);
    let of_another = said(&shop, with(None));
    assert!(of_another.contains("is not signed by the key of the settings"), "{of_another}");
    sign(&server, folder.path(), &digest, "key");
    assert_eq!(layers(&shop, with(Some("../state"))), 1);
    server.asked();
    assert_eq!(layers(&shop, with(Some("../state"))), 1);
    assert!(server.asked().is_empty(), "the signature is kept, too");
}

/// Signs a manifest of the liar by the key of a folder, as cosign does since version 3; returns the list of what refers to it.
fn sign_in_bundle(server: &Server, folder: &std::path::Path, digest: &str, key: &str, says: &str) -> String {
    use base64::Engine;
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let hex = digest.trim_start_matches("sha256:");
    let payload = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{hex}"}},"annotations":{{}}}}],"predicateType":"{says}","predicate":{{}}}}"#
    );
    let kind = "application/vnd.in-toto+json";
    fs::write(folder.join("payload"), format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len()))
        .expect("there is room");
    openssl(folder, &["dgst", "-sha256", "-sign", key, "-out", "signature", "payload"]);
    let signature = encoded(&fs::read(folder.join("signature")).expect("it is there"));
    let bundle_kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundle = format!(
        r#"{{"mediaType":"{bundle_kind}","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"dsseEnvelope":{{"payload":"{}","payloadType":"{kind}","signatures":[{{"sig":"{signature}"}}]}}}}"#,
        encoded(payload.as_bytes())
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"artifactType":"{bundle_kind}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"{bundle_kind}","digest":"{}","size":{}}}],"subject":{{"digest":"{digest}"}}}}"#,
        digest_of(b"{}"),
        digest_of(bundle.as_bytes()),
        bundle.len()
    );
    let referrer = digest_of(manifest.as_bytes());
    server.put(&format!("/v2/store/blobs/{}", digest_of(bundle.as_bytes())), bundle);
    server.put(&format!("/v2/store/manifests/{referrer}"), manifest);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"digest":"{referrer}","size":1,"artifactType":"{bundle_kind}"}}]}}"#
    )
}

#[test]
fn a_bundle_that_a_key_signed_is_a_signature_whether_the_registry_lists_it_or_a_tag() {
    let (server, shop, manifest, _) = liar("1.4.0");
    let digest = manifest.rsplit('/').next().expect("it has parts").to_owned();
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for key in ["key", "other"] {
        openssl(folder.path(), &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
        openssl(folder.path(), &["ec", "-in", key, "-pubout", "-out", &format!("{key}.pub")]);
    }
    lock(&shop, &[]).ends_with(0);
    let source = AllowedSource { key: Some(folder.path().join("key.pub")), ..allowed(&server) };
    let with = |state: Option<&str>| {
        let settings = settings(&shop, vec![source.clone()]);
        Settings { state: state.map_or(settings.state.clone(), |state| shop.checkout.path(state)), ..settings }
    };
    let unsigned = said(&shop, with(None));
    assert!(unsigned.contains(".sig`, and no bundle refers to it"), "{unsigned}");
    let signs = "https://sigstore.dev/cosign/sign/v1";
    let sign = |digest: &str, key: &str, says: &str| sign_in_bundle(&server, folder.path(), digest, key, says);
    let listed = format!("/v2/store/referrers/{digest}");
    for wrong in [
        sign(&digest, "other", signs),
        sign(&format!("sha256:{}", "b".repeat(64)), "key", signs),
        sign(&digest, "key", "https://slsa.dev/provenance/v1"),
    ] {
        server.put(&listed, wrong);
        let refused = said(&shop, with(None));
        assert!(refused.contains("is not signed by the key of the settings"), "{refused}");
    }
    server.put(&listed, sign(&digest, "key", signs));
    assert_eq!(layers(&shop, with(Some("../state"))), 1, "as the registry lists it");
    server.asked();
    assert_eq!(layers(&shop, with(Some("../state"))), 1);
    assert!(server.asked().is_empty(), "the bundle is kept, and verified again");
    // A registry without such a list: clients keep it under a tag.
    server.answer(&listed, 404, "", "");
    let tag = format!("/v2/store/manifests/{}", digest.replace(':', "-"));
    server.put(&tag, sign(&digest, "other", signs));
    assert!(said(&shop, with(None)).contains("is not signed by the key"));
    server.put(&tag, sign(&digest, "key", signs));
    assert_eq!(layers(&shop, with(None)), 1, "as the tag lists it");
    server.put(&tag, "<html>log in</html>");
    assert!(said(&shop, with(None)).contains("no list of what refers to a manifest"));
}

#[test]
fn charts_and_packages_are_brought_up_with_the_lock_in_one_commit() {
    let (registry, shop) = pushed("1.4.x");
    push_package(&registry, |_| ());
    let place = format!("oci://127.0.0.1:{}/fleet", registry.port);
    let exact = format!("chart: {{ oci: '{place}/charts/store', version: 1.4.0 }}");
    let several = format!("chart: {{ oci: '{place}/charts/store', version: '>=1.4.0 <1.5.0' }}");
    let ranged = format!("chart: {{ oci: '{place}/charts/store', version: 1.4.x }}");
    let package = format!("zarf: {{ oci: '{place}/zarf/app', version: '^1.0', allowSkipActions: true }}");
    let names = [("a", exact), ("b", several), ("c", ranged), ("d", package)];
    let layers = names.iter().map(|(name, of)| format!("    - {{ name: {name}, namespace: {name}, {of} }}\n"));
    shop.layers(&layers.collect::<String>());
    lock(&shop, &[]).ends_with(0);
    shop.checkout.becomes("Grace");
    shop.checkout.commit("the layers");
    push_package_as(&registry, "1.3.0", |_| ());
    let before = read(&shop, "fleet.lock");
    let ran = shop.run(&[&["outdated", "--commit"], &WITH[..]].concat()).ends_with(0);
    ran.says(&["committed as ", "store is left at `>=1.4.0 <1.5.0`, a range of several parts: name 1.5.0 by hand"]);
    let profile = read(&shop, "profiles/apps/profile.yaml");
    assert!(profile.contains("version: 1.5.0") && profile.contains("version: 1.5.x"), "{profile}");
    assert!(profile.contains("'>=1.4.0 <1.5.0'") && profile.contains("'^1.0'"), "{profile}");
    let text = read(&shop, "fleet.lock");
    for wanted in ["wanted: \"1.5.0\"", "wanted: \"1.5.x\"", "version: \"1.3.0\"", "wanted: \">=1.4.0 <1.5.0\""] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(before.contains("wanted: \"1.4.x\"") && !text.contains("wanted: \"1.4.x\""), "{text}");
    assert_eq!(shop.checkout.git(&["status", "--porcelain"]), "", "all of it is committed");
    let shown = shop.checkout.git(&["show", "--stat", "HEAD"]);
    assert!(shown.contains("layers: 3 versions brought up") && shown.contains("fleet.lock"), "{shown}");
    lock(&shop, &["--check"]).ends_with(0);
    shop.run(&[&["outdated", "--commit"], &WITH[..]].concat()).ends_with(0).says(&["nothing is to be committed"]);
}

#[test]
fn values_of_a_chart_of_a_registry_are_told_and_checked_by_its_schema() {
    let (registry, shop) = pushed("1.4.x");
    lock(&shop, &[]).ends_with(0);
    let values = shop.run(&[&["values", "one", "store"], &WITH[..]].concat()).ends_with(0);
    values.says(&["ratio: 0.5  # oci://127.0.0.1:", ":values.yaml:3:8 defaults of chart store@1.4.0"]);
    let place = format!("oci://127.0.0.1:{}/fleet/charts/store", registry.port);
    shop.layers(&format!(
        "    - {{ name: store, namespace: shop, {}, values: {{ replicas: many }} }}\n",
        chart(&place, "1.4.x")
    ));
    let wrong = said(&shop, settings(&shop, vec![registry.allowed()]));
    assert!(wrong.contains("ST0320 the values of layer `store` at `/replicas` do not fit its chart"), "{wrong}");
    assert!(wrong.contains("profiles/apps/profile.yaml:10:"), "where the value is written: {wrong}");
}

#[test]
fn a_registry_within_and_a_tag_that_is_not_there_are_told_with_what_to_do() {
    let (registry, shop) = pushed("1.4.9");
    let ran = lock(&shop, &[]).ends_with(1);
    ran.says(&["has no tag `1.4.9`", "its newest tags are 1.5.0, 1.4.0", "did you mean `1.4.0`?", "profile.yaml:10:"]);
    let settings = read(&shop, "../stratify.yaml");
    shop.write("../stratify.yaml", &settings.replace(", private: true", ""));
    let within = lock(&shop, &[]).ends_with(1);
    within.says(&["the chart `store` at `1.4.9`", "profiles/apps/profile.yaml:10:", "set `private: true`"]);
    drop(registry);
}
