//! In: the settings' API servers. Out: a connection to each, kept as long as its credentials stay.
//! Guarantee: a kubeconfig that changed gives a new connection; requests run where connections live.
use crate::client::kubernetes::{Access, Identity, ObjectPath, Server};
use crate::decide::value::{Digest, Domain, Fault, Hasher, Owner, Source};
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
        let both = self.try_get(settings, name, target).await?;
        both.ok_or_else(|| unborn(&target.reach))
    }

    /// Returns the connection of a target; nothing where Cluster API has written no kubeconfig for it yet.
    pub(super) async fn try_get(
        &self,
        settings: &Settings,
        name: &Arc<str>,
        target: &Kubernetes,
    ) -> Result<Option<Both>, Fault> {
        self.get_within(settings, name, target, DEPTH_MAX).await
    }

    async fn get_within(
        &self,
        settings: &Settings,
        name: &Arc<str>,
        target: &Kubernetes,
        depth: usize,
    ) -> Result<Option<Both>, Fault> {
        let (access, digest) = match &target.reach {
            Reach::Kubeconfig { file, context, exec } => {
                let text = std::fs::read(file).unwrap_or_default();
                let access = Access::Kubeconfig { file: file.clone(), context: context.clone(), exec: exec.clone() };
                (access, digest(&[&text, format!("{context:?}{exec:?}").as_bytes()]))
            }
            Reach::InCluster => (Access::InCluster, digest(&[b"in-cluster"])),
            Reach::ClusterApi { target: management, namespace, cluster } => {
                let Some(text) = self.kubeconfig(settings, management, namespace, cluster, depth).await? else {
                    return Ok(None);
                };
                let digest = digest(&[text.as_bytes()]);
                (Access::Inline(text.into()), digest)
            }
        };
        if let Some((_, known)) = self.known().get(name).filter(|(known, _)| *known == digest) {
            return Ok(Some(known.clone()));
        }
        let keeper = Server::connect(name, &access, &Identity::default()).await?;
        let settings::Identity { user, groups } = settings.repository.identity.clone();
        let server = match user {
            None => keeper.clone(),
            user => Server::connect(name, &access, &Identity { user, groups }).await?,
        };
        let both = Both { keeper, server };
        self.known().insert(name.clone(), (digest, both.clone()));
        Ok(Some(both))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, (Digest, Both)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the kubeconfig that Cluster API keeps of a cluster, if it is there; it is read anew, since it rotates.
    async fn kubeconfig(
        &self,
        settings: &Settings,
        management: &Arc<str>,
        namespace: &str,
        cluster: &str,
        depth: usize,
    ) -> Result<Option<String>, Fault> {
        let Some(Target::Kubernetes(target)) = settings.named_targets.get(management).filter(|_| depth > 0) else {
            let hint = "name an API server of the settings, which is not behind this one";
            return Err(fault(
                Owner::Operator,
                false,
                format!("the target {management} is no management cluster"),
                hint,
            ));
        };
        let Some(both) = Box::pin(self.get_within(settings, management, target, depth - 1)).await? else {
            return Err(unborn(&target.reach));
        };
        let secret = both.keeper.get(&ObjectPath::secret(namespace, &format!("{cluster}-kubeconfig"))).await?;
        let value = secret.as_ref().and_then(|secret| secret.get("data")?.get("value")?.as_str());
        let Some(value) = value else { return Ok(None) };
        let text = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let wrong = format!("the Secret {namespace}/{cluster}-kubeconfig holds no kubeconfig");
        text.map(Some).ok_or_else(|| fault(Owner::Outside, true, wrong, "Cluster API writes it; let it write it anew"))
    }
}

/// What is told of a target whose kubeconfig Cluster API has not written yet.
fn unborn(reach: &Reach) -> Fault {
    let secret = match reach {
        Reach::ClusterApi { namespace, cluster, .. } => format!("{namespace}/{cluster}-kubeconfig"),
        Reach::Kubeconfig { .. } | Reach::InCluster => "with its kubeconfig".into(),
    };
    let text = format!("the cluster is not there yet: its Secret {secret} is absent");
    fault(Owner::Outside, true, text, "Cluster API writes it once the control plane is there")
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
