//! In: a chart with hooks. Out: when each runs, once for what its layer is.
//! Guarantee: what runs at an installation or an upgrade does; what does not is told.
use super::fleet::Shop;

const LAYER: &str = "    - { name: store, chart: { path: ../../charts/store }, namespace: shop, releaseName: rel";

fn committed() -> Shop {
    let shop = Shop::new(&format!("{LAYER} }}\n"));
    shop.checkout.commit("the store");
    shop
}

#[test]
fn a_plan_tells_what_runs_and_what_does_not() {
    let shop = committed();
    shop.run(&["plan", "--cluster", "one"]).says(&[
        "* Job shop/rel-store-migrate runs before the layer (weight -5), and goes once all is well",
        "* ConfigMap shop/rel-store-done runs after the layer (weight 0)",
        "! the hook pre-delete of ConfigMap rel-store-farewell is not run",
    ]);
}

#[test]
fn a_hook_runs_once_for_what_its_layer_is() {
    let shop = committed();
    let job = || shop.checkout.target("one").join("store/workload/batch/Job/shop/rel-store-migrate.yaml");
    shop.run(&["sync"]).ends_with(0);
    assert!(!job().exists(), "it went once all was well");
    shop.run(&["plan", "--cluster", "one"]).says(&["0 clusters to change, 1 as it should be"]);
    shop.checkout.edit("charts/store/values.yaml", "replicas: 2", "replicas: 4");
    shop.checkout.commit("more of it");
    let plan = shop.run(&["plan", "--cluster", "one"]);
    assert!(
        !plan.out.contains("rel-store-done"),
        "what runs at an installation does not run at an upgrade: {}",
        plan.out
    );
    plan.says(&["* Job shop/rel-store-migrate runs before the layer"]);
    shop.run(&["sync"]).ends_with(0);
    shop.run(&["plan", "--cluster", "one"]).says(&["0 clusters to change, 1 as it should be"]);
}
