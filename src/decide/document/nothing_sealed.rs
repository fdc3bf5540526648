//! In: the documents of a file that SOPS sealed. Out: those of which nothing is sealed, though somebody meant it.
//! Guarantee: no key is needed to tell, and no value is shown.
use super::codes;
use super::file::File;
use super::yaml::{Kind, Node};
use crate::decide::value::Diagnostic;
use std::sync::Arc;

/// How each value begins that SOPS sealed.
const BEGIN: &str = "ENC[AES256_GCM,";

/// The rules by which SOPS tells what it seals, as it keeps them.
const RULES: [&str; 4] = ["encrypted_regex", "encrypted_suffix", "unencrypted_regex", "unencrypted_suffix"];

/// What says of a manifest what it is, and is never secret.
const ABOUT: [&str; 4] = ["apiVersion", "kind", "metadata", "type"];

/// Returns a warning where nothing of a file that SOPS has sealed is sealed, and for each Secret in it of which nothing is.
pub fn nothing_sealed(documents: &[Arc<File>]) -> Vec<Diagnostic> {
    let is_open = |file: &Arc<File>| Found::of(file.root()) == Found { sealed: false, plain: true };
    if !documents.iter().any(|file| file.root().get("sops").is_some_and(|sops| sops.get("mac").is_some())) {
        return Vec::new();
    }
    let is_any_sealed = documents.iter().any(|file| Found::of(file.root()).sealed);
    let is_secret = |file: &Arc<File>| file.root().get("kind").is_some_and(|kind| kind.text() == "Secret");
    let open = documents.iter().filter(|file| is_open(file));
    open.filter(|file| !is_any_sealed || is_secret(file)).map(said).collect()
}

fn said(file: &Arc<File>) -> Diagnostic {
    let sops = file.root().get("sops");
    let rule = RULES.iter().find_map(|rule| Some((*rule, sops?.get(rule)?)));
    let (why, at) = match rule {
        Some((rule, node)) => (format!(": by its `{rule}` none of its keys is"), node),
        None => (String::new(), sops.unwrap_or(file.root())),
    };
    let message = format!("nothing of `{}` is sealed{why}, and all of it can be read in Git", file.path);
    Diagnostic::warning(codes::SEALED, message).at(file.span(at)).hint(
        "change what is secret in it, and seal it by a pattern that its keys match, such as '^(data|stringData)$'",
    )
}

/// Which values a document has beside what SOPS keeps there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Found {
    sealed: bool,
    plain: bool,
}

impl Found {
    fn of(root: Node<'_>) -> Self {
        let mut found = Self { sealed: false, plain: false };
        let is_manifest = root.get("kind").is_some();
        let is_content = |key: &str| key != "sops" && !(is_manifest && ABOUT.contains(&key));
        root.entries().filter(|(key, _)| is_content(key.text())).for_each(|(_, value)| found.look(value));
        found
    }

    fn look(&mut self, node: Node<'_>) {
        match node.kind() {
            Kind::Map => node.entries().for_each(|(_, value)| self.look(value)),
            Kind::List => node.items().for_each(|item| self.look(item)),
            _ if node.text().is_empty() => {}
            _ if node.text().starts_with(BEGIN) => self.sealed = true,
            _ => self.plain = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{BlobId, RepoPath};

    fn said_of(text: &str) -> Vec<String> {
        let path = RepoPath::new("profiles/apps/secret.yaml").expect("it is inside");
        let documents = File::read_all(&path, BlobId([0; 20]), text.as_bytes()).expect("it is YAML");
        let line = |said: &Diagnostic| format!("{}: {}", said.at.as_ref().expect("it has a place"), said.message);
        nothing_sealed(&documents).iter().map(line).collect()
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_told_at_its_line() {
        let open = "kind: Secret\nstringdata:\n  a: x\nsops:\n  mac: ENC[AES256_GCM,data:x]\n  encrypted_regex: ^stringData$\n";
        let expected = "profiles/apps/secret.yaml:6:20: nothing of `profiles/apps/secret.yaml` is sealed: by its `encrypted_regex` none of its keys is, and all of it can be read in Git";
        assert_eq!(said_of(open), [expected]);
        let sealed = "kind: Secret\nstringData:\n  a: ENC[AES256_GCM,data:x]\nsops:\n  mac: x\n";
        let beside = "kind: ConfigMap\ndata:\n  a: x\nsops:\n  mac: x\n";
        assert!(said_of(sealed).is_empty());
        assert!(said_of(&format!("{sealed}---\n{beside}")).is_empty(), "what is no Secret may be open");
        assert_eq!(said_of(&format!("{sealed}---\n{open}")).len(), 1, "a Secret beside a sealed one");
        assert!(said_of("kind: Secret\nstringData:\n  a: ''\nsops:\n  mac: x\n").is_empty(), "there is nothing in it");
        assert!(said_of("a: b\nsops:\n  mac: x\n")[0].contains("is sealed, and all"), "values");
    }
}
