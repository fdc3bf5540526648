//! In: deliveries that Gitea signs itself. Out: looks, long before the next poll.
//! Guarantee: the poll is an hour away, so that nothing else can be why.
use super::Hosted;
use serde_json::json;

#[test]
fn gitea_tells_of_a_push_by_its_own_signed_delivery() {
    let hosted = Hosted::new("hook", "listen: 127.0.0.1:0");
    let first = hosted.fleet.checkout.head();
    let _served = hosted.fleet.serve();
    let url = format!("http://{}/webhooks/fleet", hosted.fleet.door());
    hosted.until(&first, "stratify/prod", "success");
    let hook = |secret: &str| {
        let config = json!({ "url": url, "content_type": "json", "secret": secret });
        let body = json!({ "type": "gitea", "active": true, "events": ["push", "pull_request"], "config": config });
        hosted.gitea.api(&hosted.owner.token, "POST", &hosted.path("/hooks"), &body).done()
    };
    hook("of-somebody-else");
    let right = hook("of-the-webhook");
    hosted.fleet.checkout.edit("clusters/prod/us-1/cluster.yaml", "replicas: 3", "replicas: 4");
    let second = hosted.fleet.checkout.commit("more replicas");
    hosted.push("main");
    assert_eq!(hosted.until(&second, "stratify/prod", "success"), "2/2 clusters synced");
    let test = hosted.path(&format!("/hooks/{}/tests", right["id"]));
    assert_eq!(hosted.gitea.api(&hosted.owner.token, "POST", &test, &json!(null)).code, 204, "Gitea's own test passes");
}
