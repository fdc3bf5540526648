//! In: an address, an authority, who asks. Out: a kubeconfig, and what the `kube` crate makes of it.
//! Guarantee: all of it is in the text; it names no file and runs no program.
use super::authority::Identity;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::fs;
use std::path::Path;

/// By this the requests of the harness itself are told from those of a test.
pub(crate) const USER_AGENT: &str = "testenv";

/// Who asks the API server: its certificate says so.
#[derive(Clone, Copy)]
pub(crate) struct User<'a> {
    /// The name that RBAC knows.
    pub(crate) name: &'a str,
    /// The groups that RBAC knows.
    pub(crate) groups: &'a [&'a str],
}

impl User<'static> {
    /// Who may do everything.
    pub(crate) const ADMIN: Self = Self { name: "admin", groups: &["system:masters"] };
}

/// Returns a kubeconfig; without an identity it shows none.
pub(crate) fn kubeconfig(url: &str, authority: &Path, identity: Option<&Identity>) -> String {
    let data = |path: &Path| STANDARD.encode(fs::read(path).expect("the authority made it"));
    let authority = data(authority);
    let user = identity.map_or("{}".to_owned(), |identity| {
        let (certificate, key) = (data(&identity.certificate), data(&identity.key));
        format!("{{ client-certificate-data: {certificate}, client-key-data: {key} }}")
    });
    format!(
        "apiVersion: v1
kind: Config
current-context: testenv
clusters:
  - name: testenv
    cluster: {{ server: '{url}', certificate-authority-data: {authority} }}
users:
  - name: testenv
    user: {user}
contexts:
  - name: testenv
    context: {{ cluster: testenv, user: testenv }}
"
    )
}

/// Returns a client from a kubeconfig; its requests bear a user agent.
pub(crate) async fn client(kubeconfig: &str, user_agent: &str) -> kube::Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("it was written here");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("it was written here");
    // Tests count requests, so none is asked again without their doing.
    config.default_retry = false;
    let user_agent = user_agent.parse().expect("a user agent is plain text");
    config.headers.push((http::header::USER_AGENT, user_agent));
    kube::Client::try_from(config).expect("the certificates were made here")
}
