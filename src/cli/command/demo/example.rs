//! In: the example repository, as it stood when this program was built. Out: its files.
//! Guarantee: a test holds the list equal to the folder.

macro_rules! files { ($($path:literal)*) => {
    &[$(($path, include_bytes!(concat!("../../../../example-repo/", $path)))),*]
} }

/// The files of the example repository, by path.
pub(super) const FILES: &[(&str, &[u8])] = files! {
    ".gitignore"
    "README.md"
    "charts/guestbook/Chart.yaml"
    "charts/guestbook/templates/guestbook.yaml"
    "charts/guestbook/values.schema.json"
    "charts/guestbook/values.yaml"
    "charts/visitors/Chart.yaml"
    "charts/visitors/templates/visitors.yaml"
    "charts/visitors/values.yaml"
    "clusters/dev/dev-1/cluster.yaml"
    "clusters/prod/eu-1/cluster.yaml"
    "clusters/prod/eu-1/tools/netshoot.tpl.yaml"
    "clusters/prod/eu-1/values/prometheus.yaml"
    "clusters/prod/us-1/cluster.yaml"
    "clusters/staging/staging-1/cluster.yaml"
    "environments/dev/environment.yaml"
    "environments/prod/environment.yaml"
    "environments/staging/environment.yaml"
    "fleet.lock"
    "fleet.yaml"
    "kustomize/portal/base/kustomization.yaml"
    "kustomize/portal/base/portal.yaml"
    "kustomize/portal/prod/kustomization.yaml"
    "kustomize/portal/prod/portal.ini"
    "packs/cilium/1.16.2/manifests/agent.tpl.yaml"
    "packs/cilium/1.16.2/manifests/rbac.tpl.yaml"
    "packs/cilium/1.16.2/pack.yaml"
    "packs/cilium/1.16.2/schema.json"
    "packs/cilium/1.16.2/values.yaml"
    "packs/csi-local/0.9.0/manifests/storage.tpl.yaml"
    "packs/csi-local/0.9.0/pack.yaml"
    "packs/csi-local/0.9.0/schema.json"
    "packs/csi-local/0.9.0/values.yaml"
    "packs/dev-kubernetes/1.35.4/manifests/cluster.tpl.yaml"
    "packs/dev-kubernetes/1.35.4/pack.yaml"
    "packs/dev-kubernetes/1.35.4/schema.json"
    "packs/dev-kubernetes/1.35.4/values.yaml"
    "packs/dev-kubernetes/1.36.3/manifests/cluster.tpl.yaml"
    "packs/dev-kubernetes/1.36.3/pack.yaml"
    "packs/dev-kubernetes/1.36.3/schema.json"
    "packs/dev-kubernetes/1.36.3/values.yaml"
    "packs/dev-machines/1.0.0/manifests/templates.tpl.yaml"
    "packs/dev-machines/1.0.0/pack.yaml"
    "packs/dev-machines/1.0.0/schema.json"
    "packs/dev-machines/1.0.0/values.yaml"
    "packs/kubernetes/1.33.4/manifests/cluster-configuration.tpl.yaml"
    "packs/kubernetes/1.33.4/pack.yaml"
    "packs/kubernetes/1.33.4/schema.json"
    "packs/kubernetes/1.33.4/values.yaml"
    "packs/nginx-ingress/4.11.2/manifests/controller.tpl.yaml"
    "packs/nginx-ingress/4.11.2/manifests/monitor.tpl.yaml"
    "packs/nginx-ingress/4.11.2/pack.yaml"
    "packs/nginx-ingress/4.11.2/schema.json"
    "packs/nginx-ingress/4.11.2/values.yaml"
    "packs/noticeboard/1.0.0/manifests/noticeboard.yaml"
    "packs/noticeboard/1.0.0/pack.json"
    "packs/noticeboard/1.0.0/presets.yaml"
    "packs/noticeboard/1.0.0/schema.yaml"
    "packs/noticeboard/1.0.0/values.yaml"
    "packs/noticeboard/1.1.0/manifests/noticeboard.yaml"
    "packs/noticeboard/1.1.0/pack.json"
    "packs/noticeboard/1.1.0/presets.yaml"
    "packs/noticeboard/1.1.0/schema.yaml"
    "packs/noticeboard/1.1.0/values.yaml"
    "packs/prometheus/3.5.0/manifests/crds.yaml"
    "packs/prometheus/3.5.0/manifests/server.tpl.yaml"
    "packs/prometheus/3.5.0/pack.yaml"
    "packs/prometheus/3.5.0/schema.json"
    "packs/prometheus/3.5.0/values.yaml"
    "packs/traefik/33.0.0/manifests/controller.tpl.yaml"
    "packs/traefik/33.0.0/manifests/monitor.tpl.yaml"
    "packs/traefik/33.0.0/pack.yaml"
    "packs/traefik/33.0.0/schema.json"
    "packs/traefik/33.0.0/values.yaml"
    "packs/ubuntu/24.4.1/manifests/node-image.tpl.yaml"
    "packs/ubuntu/24.4.1/pack.yaml"
    "packs/ubuntu/24.4.1/schema.json"
    "packs/ubuntu/24.4.1/values.yaml"
    "profiles/base/extra/pod-network.tpl.yaml"
    "profiles/base/profile.yaml"
    "profiles/base/values/cilium.yaml"
    "profiles/charts/profile.yaml"
    "profiles/edge/agent/agent.tpl.yaml"
    "profiles/edge/profile.yaml"
    "profiles/machines/network/config.tpl.yaml"
    "profiles/machines/profile.yaml"
    "profiles/machines/storage/config.yaml"
    "profiles/observability/grafana/grafana.tpl.yaml"
    "profiles/observability/grafana/service.yaml"
    "profiles/observability/profile.yaml"
    "profiles/observability/tracing/collector.tpl.yaml"
    "profiles/packages/profile.yaml"
    "profiles/web/profile.yaml"
    "profiles/web/shop/service.yaml"
    "profiles/web/shop/shop.tpl.yaml"
    "zarf/status/manifests/history.yaml"
    "zarf/status/manifests/page.yaml"
    "zarf/status/zarf.yaml"
};

#[cfg(test)]
mod tests {
    use super::FILES;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_list_is_that_of_the_folder() {
        fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is readable")) {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    list(&entry.path(), &format!("{name}/"), found);
                } else {
                    found.insert(name);
                }
            }
        }
        let mut found = BTreeSet::new();
        list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("example-repo"), "", &mut found);
        found.retain(|path| !path.starts_with("schemas/"));
        let listed: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, found, "each file of the example is in the demo");
    }
}
