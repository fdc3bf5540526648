//! In: a record or an inventory, and the Secret that was read. Out: it is written over that one, or somebody was there first.
//! Guarantee: compare-and-swap by resourceVersion; an answer that did not come is unknown.
use super::answer::{answer, is_stale};
use super::target::{Target, version_of};
use crate::client::kubernetes::{ApiError, Deletion, ObjectPath, Propagation};
use crate::decide::plan::secret::{Book, inventory_secret, record_secret};
use crate::decide::plan::{LayerInventory, Why};
use crate::decide::profile::Record;
use crate::decide::rollout::Answer;
use crate::decide::value::{Map, Value};

/// Writes a record; gives the answer, and the Secret as it is then.
pub async fn write_record(target: &Target, record: &Record, over: Option<&Book>) -> (Answer, Option<Book>) {
    let secret = record_secret(&target.place, record, over);
    put(target, &target.place.record_name(), &secret, over).await
}

/// Writes an inventory; one without entries is removed.
pub async fn write_inventory(
    target: &Target,
    inventory: &LayerInventory,
    over: Option<&Book>,
) -> (Answer, Option<Book>) {
    let name = target.place.layer_name(&inventory.layer);
    if inventory.entries.is_empty() {
        return remove(target, &name, over).await;
    }
    let secret = inventory_secret(&target.place, &target.cluster, inventory, over);
    put(target, &name, &secret, over).await
}

async fn put(target: &Target, name: &str, secret: &Value, over: Option<&Book>) -> (Answer, Option<Book>) {
    let namespace = &target.place.namespace;
    let written = match over {
        Some(_) => target.keeper.replace(&ObjectPath::secret(namespace, name), secret).await,
        None => create(target, secret).await,
    };
    match written {
        Ok(written) => (Answer::Written { version: version_of(&written), uid: None }, Some(Book::of(&written))),
        Err(error) if is_stale(&error) || error.is_absent(name) => {
            let why = format!("another writer was there first: {error}");
            (Answer::Refused(Why::Conflict(why)), over.cloned())
        }
        Err(error) => (answer(&error), over.cloned()),
    }
}

/// The first Secret of a cluster brings our namespace along.
async fn create(target: &Target, secret: &Value) -> Result<Value, ApiError> {
    let namespace = &*target.place.namespace;
    let path = ObjectPath::secret(namespace, "");
    match target.keeper.create(&path, secret).await {
        Err(error) if error.is_absent(namespace) => {
            let metadata: Map = [("name", Value::string(namespace))].into_iter().collect();
            let made: Map = [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata.into())]
                .into_iter()
                .collect();
            match target.keeper.create(&ObjectPath::namespace(""), &made.into()).await {
                Err(error) if error.reason() != "AlreadyExists" => Err(error),
                _ => target.keeper.create(&path, secret).await,
            }
        }
        created => created,
    }
}

async fn remove(target: &Target, name: &str, over: Option<&Book>) -> (Answer, Option<Book>) {
    let gone = || Answer::Written { version: crate::decide::plan::Version("".into()), uid: None };
    let Some(book) = over else { return (gone(), None) };
    let deletion = Deletion { uid: &book.uid, version: &book.version, propagation: Propagation::Background };
    match target.keeper.delete(&ObjectPath::secret(&target.place.namespace, name), deletion).await {
        Ok(_) => (gone(), None),
        Err(error) if is_stale(&error) => {
            (Answer::Refused(Why::Conflict(format!("another writer was there first: {error}"))), over.cloned())
        }
        Err(error) => (answer(&error), over.cloned()),
    }
}
