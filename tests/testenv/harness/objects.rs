//! In: objects as JSON. Out: they are on a server, or what the server has of them.
//! Guarantee: any kind that the server knows; the harness's own field manager.
use super::kubeconfig::USER_AGENT;
use super::server::Server;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, ApiCapabilities, Scope};
use serde_json::Value;

impl Server {
    /// Applies an object as an administrator, and returns what the server makes of it.
    pub(crate) async fn apply(&self, object: &Value) -> DynamicObject {
        let name = text(object, "/metadata/name");
        let api = self.api_of(object).await;
        let applied = api.patch(name, &PatchParams::apply(USER_AGENT).force(), &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("{} {name}: {error}", text(object, "/kind")))
    }

    /// Returns what the server has of an object, by its kind, its name and its namespace.
    pub(crate) async fn try_find(&self, object: &Value) -> Option<DynamicObject> {
        let name = text(object, "/metadata/name");
        self.api_of(object).await.get_opt(name).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the door to the objects of this one's kind and namespace.
    pub(crate) async fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        let client = self.client().await;
        let version = text(object, "/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, text(object, "/kind"));
        let (resource, capabilities) = self.discover(&client, &kind).await;
        match capabilities.scope {
            Scope::Cluster => Api::all_with(client, &resource),
            Scope::Namespaced => Api::namespaced_with(client, text(object, "/metadata/namespace"), &resource),
        }
    }

    /// Returns what the server tells of a kind. A definition is established before discovery tells of it, so one that is not
    /// known yet is waited for.
    async fn discover(&self, client: &kube::Client, kind: &GroupVersionKind) -> (ApiResource, ApiCapabilities) {
        let mut found = None;
        self.eventually(&format!("the server tells of {kind:?}"), async || {
            found = discovery::pinned_kind(client, kind).await.ok();
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {object}"))
}
