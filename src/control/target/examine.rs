//! In: a target of the settings, the kinds that profiles have there. Out: whether it answers, which server it is, which
//! rights are missing.
//! Guarantee: nothing is written: rights are reviewed, not tried.
use super::Targets;
use super::connections::{Both, on_connections};
use super::server_identity::Binding;
use crate::client::kubernetes::{Kinds, Right, Server};
use crate::decide::plan::Uid;
use crate::decide::value::Fault;
use crate::observe::cluster::kubernetes as observe;
use crate::settings::Kubernetes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is done with objects of each kind.
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

/// What is done in all namespaces at once; the rest only where objects are.
const OF_ALL: [&str; 2] = ["list", "watch"];

/// What is done with the Secrets of the record and the inventories.
const BOOK_VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];

/// A kind that profiles have on a target.
#[derive(Clone, Debug, Default)]
pub struct Need {
    /// The plural in paths, where a definition of the profiles says it.
    pub resource: Option<Arc<str>>,
    /// The namespaces of its objects; none for objects without.
    pub namespaces: BTreeSet<Option<Arc<str>>>,
    /// The namespaces in which others' objects of the kind are listed, to tell why one of ours is not well.
    pub listed: BTreeSet<Arc<str>>,
}

/// Kinds, by group and kind.
pub type Needs = BTreeMap<(Arc<str>, Arc<str>), Need>;

/// Verbs that are missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The namespace where they are; none for everywhere.
    pub namespace: Option<Arc<str>>,
    /// The API group.
    pub group: Arc<str>,
    /// The plural in paths.
    pub resource: Arc<str>,
    /// The only name that it is about.
    pub name: Option<Arc<str>>,
    /// The verbs.
    pub verbs: Vec<&'static str>,
    /// Whether it is for what we keep there, which is done as ourselves.
    pub is_own: bool,
}

/// What a target showed.
#[derive(Debug)]
pub struct Examined {
    /// Its version.
    pub version: String,
    /// The UID of its namespace `kube-system`.
    pub uid: Option<Arc<str>>,
    /// Whether its name was bound to that server already; none where it is not known which one it is.
    pub is_bound: Option<bool>,
    /// The rights that are missing.
    pub missing: Vec<Missing>,
    /// What else is wrong.
    pub troubles: Vec<String>,
}

impl Targets {
    /// Examines an API server.
    pub(in super::super) async fn examine(
        &self,
        name: &Arc<str>,
        target: &Kubernetes,
        needs: &Needs,
    ) -> Result<Examined, Fault> {
        let work = async {
            let both = self.servers.get(&self.settings, name, target).await?;
            let version = both.keeper.version().await?;
            let missing = own_rights(&both.keeper, &target.namespace).await?;
            let mut examined = Examined { version, uid: None, is_bound: None, missing, troubles: Vec::new() };
            self.identify(&both, name, target, &mut examined).await;
            let kinds = both.server.refresh_kinds().await?;
            for (kind, need) in needs.iter().filter(|(_, need)| !need.namespaces.is_empty()) {
                rights(&both.server, &kinds, kind, need, &mut examined).await?;
            }
            for (kind, need) in needs {
                examined.missing.extend(listing(&both.server, &kinds, kind, need).await?);
            }
            Ok(examined)
        };
        on_connections(self.connections.as_ref(), work).await
    }

    /// Sees which server it is, and whether it is the one that its name stands for.
    async fn identify(&self, both: &Both, name: &Arc<str>, target: &Kubernetes, examined: &mut Examined) {
        match observe::uid(&both.keeper).await {
            Ok(Uid(uid)) => {
                match Binding::check(&self.settings, name, target, &Uid(uid.clone()), None) {
                    Ok(binding) => examined.is_bound = Some(binding.is_known() || target.uid.is_some()),
                    Err(fault) => examined.troubles.push(fault.to_string()),
                }
                examined.uid = Some(uid);
            }
            // The right that is missing is told by itself.
            Err(_) if !examined.missing.is_empty() => {}
            Err(fault) => examined.troubles.push(fault.to_string()),
        }
    }
}

/// Reviews what we need for ourselves: our Secrets, and to see which cluster it is.
async fn own_rights(server: &Server, namespace: &Arc<str>) -> Result<Vec<Missing>, Fault> {
    let mut missing = Vec::new();
    let identity = Right { group: "", resource: "namespaces", namespace: None, name: Some("kube-system"), verb: "get" };
    if !server.may(identity).await? {
        missing.push(Missing {
            namespace: None,
            group: "".into(),
            resource: "namespaces".into(),
            name: Some("kube-system".into()),
            verbs: vec!["get"],
            is_own: true,
        });
    }
    let books = Right { group: "", resource: "secrets", namespace: Some(namespace), name: None, verb: "" };
    let verbs = refused(server, books, &BOOK_VERBS).await?;
    if !verbs.is_empty() {
        let (group, resource) = ("".into(), "secrets".into());
        missing.push(Missing { namespace: Some(namespace.clone()), group, resource, name: None, verbs, is_own: true });
    }
    Ok(missing)
}

/// Reviews what profiles need of a kind.
async fn rights(
    server: &Server,
    kinds: &Kinds,
    (group, kind): &(Arc<str>, Arc<str>),
    need: &Need,
    examined: &mut Examined,
) -> Result<(), Fault> {
    let served = kinds.get(group, kind).map(|kind| kind.resource.clone());
    let Some(resource) = served.or_else(|| need.resource.clone()) else {
        let of = if group.is_empty() { "the core group" } else { group };
        examined.troubles.push(format!("it serves no kind {kind} of {of}, and no profile defines it"));
        return Ok(());
    };
    let right = Right { group, resource: &resource, namespace: None, name: None, verb: "" };
    let everywhere = refused(server, right, &VERBS).await?;
    let (mut all, some): (Vec<&'static str>, Vec<&'static str>) =
        everywhere.into_iter().partition(|verb| OF_ALL.contains(verb) || need.namespaces.contains(&None));
    // Who may not do it everywhere may do it where the objects are.
    let mut places = Vec::new();
    for namespace in need.namespaces.iter().flatten() {
        let right = Right { namespace: Some(namespace), ..right };
        places.push((Some(namespace.clone()), refused(server, right, &some).await?));
    }
    let is_nowhere = |verb: &&'static str| places.iter().all(|(_, verbs)| verbs.contains(verb));
    let nowhere: Vec<&'static str> = some.iter().copied().filter(is_nowhere).collect();
    for (_, verbs) in &mut places {
        verbs.retain(|verb| !nowhere.contains(verb));
    }
    all.extend(nowhere);
    all.sort_by_key(|verb| VERBS.iter().position(|known| known == verb));
    places.push((None, all));
    for (namespace, verbs) in places.into_iter().filter(|(_, verbs)| !verbs.is_empty()) {
        let (group, resource) = (group.clone(), resource.clone());
        examined.missing.push(Missing { namespace, group, resource, name: None, verbs, is_own: false });
    }
    Ok(())
}

/// Reviews whether objects of a kind may be listed where that tells why ours are not well.
async fn listing(
    server: &Server,
    kinds: &Kinds,
    (group, kind): &(Arc<str>, Arc<str>),
    need: &Need,
) -> Result<Vec<Missing>, Fault> {
    let Some(kind) = kinds.get(group, kind).filter(|_| !need.listed.is_empty()) else { return Ok(Vec::new()) };
    let right = Right { group, resource: &kind.resource, namespace: None, name: None, verb: "list" };
    if server.may(right).await? {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    for namespace in need.listed.iter().filter(|it| !need.namespaces.contains(&Some((*it).clone()))) {
        if !server.may(Right { namespace: Some(namespace), ..right }).await? {
            refused.push(Some(namespace.clone()));
        }
    }
    // One rule for all is easier to give than one for each.
    let places = if refused.len() > 1 && refused.len() == need.listed.len() { vec![None] } else { refused };
    let missing = |namespace| Missing {
        namespace,
        group: group.clone(),
        resource: kind.resource.clone(),
        name: None,
        verbs: vec!["list"],
        is_own: false,
    };
    Ok(places.into_iter().map(missing).collect())
}

/// Returns those of the verbs that the server does not give us.
async fn refused(server: &Server, right: Right<'_>, verbs: &[&'static str]) -> Result<Vec<&'static str>, Fault> {
    let mut refused = Vec::new();
    for verb in verbs {
        if !server.may(Right { verb, ..right }).await? {
            refused.push(*verb);
        }
    }
    Ok(refused)
}
