//! In: what the settings say of a target: a kubeconfig, the pod's own account, or a kubeconfig from a Secret. Out: a connection.
//! Guarantee: no program runs that the settings do not name, and a kubeconfig from a Secret names no file and no proxy.
use super::server::Server;
use crate::decide::value::{Fault, Owner, Source};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server that cannot be connected to within this is taken for unreachable: round trips take a hundredth of it.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// How requests of ours say whose they are.
const USER_AGENT: &str = concat!("stratify/", env!("CARGO_PKG_VERSION"));

/// The largest kubeconfig: one with certificates for a hundred clusters has half of it.
const BYTES_MAX: u64 = 1 << 20;

/// How an API server is reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// By a kubeconfig on this machine.
    Kubeconfig {
        /// Its file.
        file: PathBuf,
        /// The context; none for the current one.
        context: Option<String>,
        /// The commands that may give credentials.
        exec: Vec<String>,
    },
    /// As the pod in which this process runs.
    InCluster,
    /// By a kubeconfig whose text was given, from a Secret.
    Inline(SecretString),
}

/// As whom requests are made, where it is not the account itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; none for the account itself.
    pub user: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
}

impl Server {
    /// Makes a connection; no request is sent yet.
    pub async fn connect(name: &str, access: &Access, identity: &Identity) -> Result<Self, Fault> {
        let refused = |why: String| refused(name, &why);
        let mut config = match access {
            Access::Kubeconfig { file, context, exec } => {
                let kubeconfig = read(file).map_err(refused)?;
                let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                chosen(&kubeconfig, context.as_deref(), exec).map_err(refused)?;
                config(kubeconfig, &options).await.map_err(refused)?
            }
            Access::InCluster => Config::incluster().map_err(|error| refused(error.to_string()))?,
            Access::Inline(text) => {
                let kubeconfig = Kubeconfig::from_yaml(text.expose_secret())
                    .map_err(|_| refused("expected a kubeconfig in the Secret, found something else".into()))?;
                inline_only(&kubeconfig).map_err(refused)?;
                config(kubeconfig, &KubeConfigOptions::default()).await.map_err(refused)?
            }
        };
        config.connect_timeout = Some(CONNECT);
        // Deadlines and retries are ours: kube's own would wait for up to a thousand seconds.
        (config.read_timeout, config.write_timeout, config.default_retry) = (None, None, false);
        config.auth_info.impersonate.clone_from(&identity.user);
        config.auth_info.impersonate_groups =
            Some(identity.groups.clone()).filter(|groups| !groups.is_empty() && identity.user.is_some());
        // Audit logs tell our requests by it.
        config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
        let host = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| refused(error.to_string()))?;
        Ok(Self::new(name, host, client))
    }
}

fn refused(name: &str, why: &str) -> Fault {
    Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some("look at this target in the settings".into()),
        source: Source::Error(format!("could not make a connection for the target {name}: {why}").into()),
    }
}

fn read(file: &Path) -> Result<Kubeconfig, String> {
    let fail = |why: &dyn std::fmt::Display| format!("the kubeconfig {}: {why}", file.display());
    let size = std::fs::metadata(file).map_err(|error| fail(&error))?.len();
    if size > BYTES_MAX {
        return Err(fail(&format!("it has {size} bytes, expected at most {BYTES_MAX}")));
    }
    // Its error may repeat the text, which holds credentials.
    Kubeconfig::read_from(file).map_err(|_| fail(&"expected a kubeconfig, found something else"))
}

async fn config(kubeconfig: Kubeconfig, options: &KubeConfigOptions) -> Result<Config, String> {
    Config::from_custom_kubeconfig(kubeconfig, options).await.map_err(|error| error.to_string())
}

/// Checks the user of the chosen context.
fn chosen(kubeconfig: &Kubeconfig, context: Option<&str>, exec: &[String]) -> Result<(), String> {
    let name =
        context.or(kubeconfig.current_context.as_deref()).ok_or("it has no current context, and none is named")?;
    let known = || kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join(", ");
    let context = kubeconfig.contexts.iter().find(|context| context.name == name);
    let context = context.ok_or_else(|| format!("it has no context `{name}`, only {}", known()))?;
    let user = context.context.as_ref().and_then(|context| context.user.as_deref());
    let users = kubeconfig.auth_infos.iter().filter(|info| Some(info.name.as_str()) == user);
    for info in users.filter_map(|info| info.auth_info.as_ref()) {
        if info.auth_provider.is_some() {
            return Err("its user has an `auth-provider`, which Kubernetes gave up; use `exec` or a token".into());
        }
        if let Some(plugin) = &info.exec {
            let command = plugin.command.as_deref().unwrap_or_default();
            if !exec.iter().any(|allowed| allowed == command) {
                return Err(format!(
                    "its user runs the command `{command}` for credentials, which the target's `exec` does not allow"
                ));
            }
        }
    }
    Ok(())
}

/// Whoever may write the Secret must not choose what runs or is read on this machine.
fn inline_only(kubeconfig: &Kubeconfig) -> Result<(), String> {
    let refuse = |what: &str| Err(format!("the kubeconfig of the Secret names {what}; only inline data is taken"));
    for cluster in kubeconfig.clusters.iter().filter_map(|cluster| cluster.cluster.as_ref()) {
        if cluster.certificate_authority.is_some() {
            return refuse("a file with its authority");
        }
        if cluster.proxy_url.is_some() {
            return refuse("a proxy");
        }
        if cluster.insecure_skip_tls_verify == Some(true) {
            return refuse("no authority and skips its verification");
        }
    }
    for info in kubeconfig.auth_infos.iter().filter_map(|info| info.auth_info.as_ref()) {
        let AuthInfo { token_file, client_certificate, client_key, exec, auth_provider, .. } = info;
        if token_file.is_some() || client_certificate.is_some() || client_key.is_some() {
            return refuse("a file with credentials");
        }
        if exec.is_some() || auth_provider.is_some() {
            return refuse("a program for credentials");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> Kubeconfig {
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], \
             clusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:1'{cluster}}}}}], users: [{{name: a, user: {{{user}}}}}]}}"
        );
        Kubeconfig::from_yaml(&text).expect("it is a kubeconfig")
    }

    #[test]
    fn a_secret_names_no_file_and_no_program() {
        assert_eq!(inline_only(&kubeconfig("", "token: abc")), Ok(()), "all is inline");
        for (cluster, user) in [
            (", certificate-authority: /etc/passwd", ""),
            (", proxy-url: 'http://127.0.0.1:2'", ""),
            (", insecure-skip-tls-verify: true", ""),
            ("", "tokenFile: /etc/shadow"),
            ("", "client-key: /etc/shadow"),
            ("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}"),
        ] {
            assert!(inline_only(&kubeconfig(cluster, user)).is_err(), "{cluster}{user} leads out of the Secret");
        }
    }

    #[test]
    fn a_program_runs_only_where_the_settings_name_it() {
        let kubeconfig = kubeconfig("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}");
        let said = chosen(&kubeconfig, None, &[]).expect_err("nobody allowed it");
        assert!(said.contains("`aws`"), "it is named: {said}");
        assert_eq!(chosen(&kubeconfig, None, &["aws".into()]), Ok(()), "that very command is allowed");
        assert!(chosen(&kubeconfig, None, &["/usr/bin/aws".into()]).is_err(), "another one is");
        let said = chosen(&kubeconfig, Some("b"), &[]).expect_err("there is no such context");
        assert!(said.contains("only a"), "those that are there are named: {said}");
    }
}
