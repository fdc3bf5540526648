//! In: an API server, where the books of a cluster are. Out: which cluster it really is, and its books.
//! Guarantee: the books are of one moment; a server that does not answer gives a fault, not empty books.
use crate::client::kubernetes::{ObjectPath, Server};
use crate::decide::plan::Uid;
use crate::decide::plan::book_secrets::{Books, Place, read_books};
use crate::decide::value::{Fault, Owner, Source, Value};

/// Returns the identity of a cluster: the UID of its namespace `kube-system`, which lives as long as it does.
pub async fn uid(server: &Server) -> Result<Uid, Fault> {
    let namespace = server.get(&ObjectPath::namespace("kube-system")).await?;
    let uid = namespace.as_ref().and_then(|it| it.get("metadata")?.get("uid")?.as_str());
    uid.map(|uid| Uid(uid.into())).ok_or_else(|| {
        let text = format!("could not tell which cluster {} is: it has no namespace kube-system", server.name());
        let hint = Some("an API server makes it when it starts; look whether this is one".into());
        Fault { owner: Owner::Operator, spurious: true, hint, source: Source::Error(text.into()) }
    })
}

/// Reads the record and the inventories of a cluster.
pub async fn books(server: &Server, place: &Place) -> Result<Books, Fault> {
    let secrets: Vec<Value> = server.list(&ObjectPath::secret(&place.namespace, ""), &place.selector()).await?;
    read_books(place, &secrets).map_err(|why| Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some("bring the Secret back as it was; nothing is written to the cluster until then".into()),
        source: Source::Error(format!("could not read the books on {}: {why}", server.name()).into()),
    })
}
