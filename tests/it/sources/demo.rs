//! In: the demo, with the real helm and kubectl, and without. Out: its layers of other sources, from commits.
//! Guarantee: by the one command that people run; what cannot be shown is told.
use super::fleet::Shop;
use crate::commands::fixture::Checkout;

#[test]
fn the_demo_adds_upgrades_and_swaps_layers_of_each_source() {
    let shop = Shop::new("    - { name: none, manifests: [none.yaml] }\n");
    let folder = shop.checkout.path("demo").display().to_string();
    let ran = shop.run(&["demo", "--fast", "--keep", &folder]).ends_with(0);
    ran.says(&[
        "9. A Zarf package is added",
        "+ status (added",
        "+ guestbook (added",
        "+ portal (added",
        "+ noticeboard (added",
        "~ guestbook (upgraded",
        "~ noticeboard (upgraded",
        "~ guestbook (replaced",
        "pruned 2 objects  of guestbook on dev-1",
        "That was the whole way",
    ]);
}

#[test]
fn the_demo_says_what_it_leaves_out_without_helm() {
    let scratch = Checkout::empty();
    let folder = scratch.path("demo").display().to_string();
    let ran = scratch.run(&["demo", "--fast", "--keep", &folder]).ends_with(0);
    ran.says(&["+ status (added", "10. to 13. are left out", "are not on PATH", "That was the whole way"]);
}
