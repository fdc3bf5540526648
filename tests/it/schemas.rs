//! In: the program's schemas. Out: whether those beside the example are the same.
//! Guarantee: editors are told what the program reads; `STRATIFY_BLESS=1` writes them anew.
use std::fs;
use std::path::Path;
use stratify::decide::document::kind::DocumentKind;
use stratify::decide::document::schema;

#[test]
fn the_examples_schemas_are_the_programs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("example-repo/schemas");
    for kind in DocumentKind::ALL {
        let file = folder.join(format!("{}.json", kind.name().to_lowercase()));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema(kind)).expect("its keys are texts"));
        if std::env::var_os("STRATIFY_BLESS").is_some() {
            fs::write(&file, &text).expect("the folder can be written to");
        }
        let found = fs::read_to_string(&file).expect("each kind has a schema beside the example");
        assert_eq!(found, text, "{} is what the program reads", file.display());
    }
}
