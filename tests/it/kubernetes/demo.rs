//! In: a real API server. Out: the demo's way to it, from its first commit to its last.
//! Guarantee: what it leaves is what it says.
use super::fleet::{config_map, read};
use crate::commands::fixture::Checkout;
use crate::testenv::{Server, User};

#[tokio::test]
async fn the_demo_goes_its_way_on_an_api_server() {
    let server = Server::shared();
    let kubeconfig = server.kubeconfig_file(User::ADMIN).display().to_string();
    let scratch = Checkout::empty();
    let folder = scratch.path("demo").display().to_string();
    let ran = scratch.run(&["demo", "--kubernetes", &kubeconfig, "--fast", "--keep", &folder]);
    ran.ends_with(0).says(&["5. Grace approves it", "stratify/dev success", "That was the way to an API server"]);
    assert!(config_map(server, "stratify-demo", "extra").await.is_some(), "the layer that stays");
    assert_eq!(config_map(server, "stratify-demo", "page").await, None, "the layer that was removed");
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/visitors.demo.stratify.dev";
    assert_eq!(read(server, definition).await, None, "its definition went after its objects");
}
