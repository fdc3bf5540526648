//! In: the example repository. Out: what each of its clusters renders to.
//! Guarantee: the example has no diagnostic, and what it renders changes only on purpose.
use crate::fleet::{Files, line};

#[test]
fn the_example_has_no_diagnostic() {
    let files = Files::folder("example-repo");
    let said: Vec<String> = files.fleet.index.said().iter().map(line).collect();
    assert!(said.is_empty(), "documents:\n{}", said.join("\n"));
    for cluster in files.clusters() {
        match files.render(&cluster) {
            Ok((layers, warnings)) => {
                let warnings: Vec<String> = warnings.iter().map(line).collect();
                assert!(warnings.is_empty(), "{cluster}:\n{}", warnings.join("\n"));
                assert!(layers.layers.len() >= 5, "{cluster} has its infrastructure and add-ons");
            }
            Err(errors) => panic!("{cluster}:\n{}", errors.iter().map(line).collect::<Vec<_>>().join("\n")),
        }
    }
}
