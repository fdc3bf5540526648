//! In: a right, such as to patch Deployments. Out: whether the server gives it to us, and which version it has.
//! Guarantee: a review writes nothing; a server that did not answer has refused nothing.
use super::error::{ApiError, Trouble};
use super::server::{Call, Server};
use crate::decide::value::Value;
use http::Method;
use serde_json::json;

/// A right on the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right<'a> {
    /// The API group, empty for the core group.
    pub group: &'a str,
    /// The plural in paths.
    pub resource: &'a str,
    /// The namespace; none for all of them, and for kinds without.
    pub namespace: Option<&'a str>,
    /// The name; none for any.
    pub name: Option<&'a str>,
    /// What is done.
    pub verb: &'a str,
}

const JSON: &str = "application/json";

impl Server {
    /// Asks for the server's version, as `v1.37.2`.
    pub async fn version(&self) -> Result<String, ApiError> {
        let attempt = "get /version".to_owned();
        let call = Call { method: Method::GET, uri: "/version".into(), body: None, accept: JSON, attempt };
        let answer = self.call(&call).await?.value;
        let version = answer.get("gitVersion").and_then(Value::as_str).map(str::to_owned);
        version.ok_or_else(|| malformed(&call, "expected a version"))
    }

    /// Asks whether the server gives us a right.
    pub async fn may(&self, right: Right<'_>) -> Result<bool, ApiError> {
        let Right { group, resource, namespace, name, verb } = right;
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "group": group,
                "resource": resource,
                "namespace": namespace.unwrap_or_default(),
                "name": name.unwrap_or_default(),
                "verb": verb,
            } },
        });
        let uri = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let attempt = format!("review the right to {verb} {resource}");
        let body = Some((body.to_string(), JSON));
        let call = Call { method: Method::POST, uri: uri.into(), body, accept: JSON, attempt };
        let answer = self.call(&call).await?.value;
        let allowed = answer.get("status").and_then(|status| status.get("allowed")).and_then(Value::as_bool);
        allowed.ok_or_else(|| malformed(&call, "expected a review with its status"))
    }
}

fn malformed(call: &Call, why: &str) -> ApiError {
    ApiError { attempt: call.attempt.clone(), trouble: Trouble::Malformed(why.into()) }
}
