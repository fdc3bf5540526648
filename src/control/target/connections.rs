//! In: the settings' API servers. Out: a connection to each, kept as long as its credentials stay.
//! Guarantee: a kubeconfig that changed gives a new connection; requests run where connections live.
use crate::client::kubernetes::{Access, Identity, ObjectPath, Server};
use crate::decide::value::{Digest, Domain, Fault, Hasher, Owner, Source, Value};
use crate::settings::{self, Kubernetes, Reach, Settings, Target};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// How many management clusters may stand behind one another: one, and the cluster that it runs on.
const DEPTH_MAX: usize = 4;

/// The connections that were made.
#[derive(Default)]
pub(super) struct Servers(Mutex<BTreeMap<Arc<str>, (Digest, Both)>>);

/// A server, reached as ourselves and as who writes objects: the same where the settings name no identity.
#[derive(Clone)]
pub(super) struct Both {
    /// As ourselves: what we keep there is out of the reach of the identity.
    pub(super) keeper: Server,
    /// As the identity of the settings.
    pub(super) server: Server,
}

impl Servers {
    /// Returns the connection of a target; its credentials are read again each time.
    pub(super) async fn get(&self, settings: &Settings, name: &Arc<str>, target: &Kubernetes) -> Result<Both, Fault> {
        self.get_within(settings, name, target, DEPTH_MAX).await
    }

    async fn get_within(
        &self,
        settings: &Settings,
        name: &Arc<str>,
        target: &Kubernetes,
        depth: usize,
    ) -> Result<Both, Fault> {
        let (access, digest) = match &target.reach {
            Reach::Kubeconfig { file, context, exec } => {
                let text = std::fs::read(file).unwrap_or_default();
                let access = Access::Kubeconfig { file: file.clone(), context: context.clone(), exec: exec.clone() };
                (access, digest(&[&text, format!("{context:?}{exec:?}").as_bytes()]))
            }
            Reach::InCluster => (Access::InCluster, digest(&[b"in-cluster"])),
            Reach::ClusterApi { target: management, namespace, cluster } => {
                let text = self.kubeconfig(settings, management, namespace, cluster, depth).await?;
                let digest = digest(&[text.as_bytes()]);
                (Access::Inline(text.into()), digest)
            }
        };
        if let Some((_, known)) = self.known().get(name).filter(|(known, _)| *known == digest) {
            return Ok(known.clone());
        }
        let keeper = Server::connect(name, &access, &Identity::default()).await?;
        let settings::Identity { user, groups } = settings.repository.identity.clone();
        let server = match user {
            None => keeper.clone(),
            user => Server::connect(name, &access, &Identity { user, groups }).await?,
        };
        let both = Both { keeper, server };
        self.known().insert(name.clone(), (digest, both.clone()));
        Ok(both)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, (Digest, Both)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the kubeconfig that Cluster API keeps of a cluster; it is read anew, since it rotates.
    async fn kubeconfig(
        &self,
        settings: &Settings,
        management: &Arc<str>,
        namespace: &str,
        cluster: &str,
        depth: usize,
    ) -> Result<String, Fault> {
        let Some(Target::Kubernetes(target)) = settings.named_targets.get(management).filter(|_| depth > 0) else {
            let hint = "name an API server of the settings, which is not behind this one";
            return Err(fault(
                Owner::Operator,
                false,
                format!("the target {management} is no management cluster"),
                hint,
            ));
        };
        let server = Box::pin(self.get_within(settings, management, target, depth - 1)).await?.keeper;
        let name = format!("{cluster}-kubeconfig");
        let secret = server.get(&ObjectPath::secret(namespace, &name)).await?;
        let hint = "Cluster API writes it once the control plane is there";
        let missing = |what: &str| {
            fault(
                Owner::Outside,
                true,
                format!("the cluster {cluster} is not there yet: Secret {namespace}/{name} {what}"),
                hint,
            )
        };
        let secret = secret.ok_or_else(|| missing("is absent"))?;
        let value = secret.get("data").and_then(|data| data.get("value")).and_then(Value::as_str);
        let bytes = value.and_then(|value| STANDARD.decode(value).ok()).ok_or_else(|| missing("has no `value`"))?;
        String::from_utf8(bytes).map_err(|_| missing("holds no text"))
    }
}

fn fault(owner: Owner, spurious: bool, text: String, hint: &str) -> Fault {
    Fault { owner, spurious, hint: Some(hint.into()), source: Source::Error(text.into()) }
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new(Domain("kubeconfig/1"));
    for part in parts {
        hasher.bytes(part);
    }
    hasher.finish()
}

/// Runs `work` here, with its connections and their timers on other threads, if there are such.
pub(super) async fn on_connections<F: Future>(handle: Option<&Handle>, work: F) -> F::Output {
    /// Enters the threads of the connections each time that the work goes on.
    struct Entered<'a, F: Future>(Option<&'a Handle>, Pin<Box<F>>);

    impl<F: Future> Future for Entered<'_, F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            let _entered = self.0.map(Handle::enter);
            self.1.as_mut().poll(context)
        }
    }

    Entered(handle, Box::pin(work)).await
}
