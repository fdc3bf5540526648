//! In: a `HorizontalPodAutoscaler`, of any version. Out: its health.
//! Guarantee: healthy only when it can scale what it is for; metrics that are not there yet may come with a later layer.
use super::Health;
use super::view::{Condition, View};
use crate::decide::value::Value;
use serde::Deserialize;

/// Where version 1, which has no conditions, shows those of the versions after it.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// A condition in that annotation.
#[derive(Deserialize)]
struct Wire {
    r#type: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

pub(super) fn assess(view: View<'_>) -> Health {
    if let Some(text) = view.annotation(CONDITIONS) {
        let read: Result<Vec<Wire>, _> = serde_json::from_str(text);
        let Ok(read) = read else { return Health::InProgress("its conditions are not readable".into()) };
        let status = Value::map([("conditions", Value::list(read.iter().map(value).collect()))].into_iter().collect());
        return judge(view.conditions_of(View(&status)));
    }
    judge(view.conditions_of(view.part("status")))
}

fn value(wire: &Wire) -> Value {
    let Wire { r#type, status, reason, message } = wire;
    let fields = [("type", r#type), ("status", status), ("reason", reason), ("message", message)];
    Value::map(fields.into_iter().map(|(key, text)| (key, Value::string(text))).collect())
}

fn judge<'a>(conditions: impl Iterator<Item = Condition<'a>>) -> Health {
    let mut is_able = None;
    for condition in conditions {
        match condition.name {
            "ScalingActive" if condition.is_false() && !may_come(condition.reason) => {
                return Health::InProgress(condition.words());
            }
            "AbleToScale" => is_able = Some(condition),
            _ => {}
        }
    }
    match is_able {
        Some(able) if able.is_true() => Health::Current,
        Some(able) => Health::InProgress(able.words()),
        None => Health::InProgress("no controller has seen it yet".into()),
    }
}

/// Whether it is as wanted although it does not scale just now: what it is for is scaled to nothing, or it has no metrics.
fn may_come(reason: &str) -> bool {
    reason == "ScalingDisabled" || reason.starts_with("FailedGet")
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn condition(name: &str, status: &str, reason: &str) -> Value {
        json!({"type": name, "status": status, "reason": reason})
    }

    #[test]
    fn it_must_be_able_to_scale() {
        let with = |conditions: Value| json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "status": {"conditions": conditions}});
        let able = condition("AbleToScale", "True", "ReadyForNewScale");
        assert_eq!(health(with(json!([able]))), 'C');
        assert_eq!(health(with(json!([condition("AbleToScale", "False", "FailedGetScale")]))), 'I');
        assert_eq!(health(with(json!([able, condition("ScalingActive", "False", "FailedGetResourceMetric")]))), 'C');
        assert_eq!(health(with(json!([able, condition("ScalingActive", "False", "InvalidSelector")]))), 'I');
        assert_eq!(health(with(json!([able, condition("ScalingActive", "False", "ScalingDisabled")]))), 'C');
        assert_eq!(health(with(json!([able, condition("ScalingLimited", "True", "TooManyReplicas")]))), 'C');
        assert_eq!(health(with(json!([]))), 'I', "nobody has seen it");
    }

    #[test]
    fn version_1_tells_it_in_an_annotation() {
        let with = |text: &str| json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1", "metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions": text}}});
        assert_eq!(health(with(&json!([condition("AbleToScale", "True", "")]).to_string())), 'C');
        assert_eq!(health(with(&json!([condition("AbleToScale", "False", "")]).to_string())), 'I');
        assert_eq!(health(with("[")), 'I', "nobody can read it");
    }
}
