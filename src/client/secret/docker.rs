//! In: a file as `docker login`, `helm registry login` and `oras login` write it, a host. Out: the user and the password for it.
//! Guarantee: only what stands under exactly that host is used; no program is run that the file names.
use super::secret;
use crate::decide::value::{Fault, Owner, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::path::Path;

/// Returns the login for a host; nothing where the file has none.
pub fn docker_login(file: &Path, host: &str) -> Result<Option<(String, SecretString)>, Fault> {
    let text = secret(file)?;
    let wrong = |why: &str, hint: &str| Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some(hint.into()),
        source: Source::Error(format!("could not take a login for {host} from {}: {why}", file.display()).into()),
    };
    let config: Value = serde_json::from_str(text.expose_secret())
        .map_err(|_| wrong("it is no JSON", "name a file as `docker login` writes it"))?;
    let Some(login) = entry(&config, host) else {
        let is_helped = config.get("credHelpers").is_some_and(|helpers| helpers.get(host).is_some());
        if is_helped || config.get("credsStore").is_some() {
            let why = "it names a program that knows the login, and none is run";
            return Err(wrong(why, "write `auths` with `auth` for the host, or use `user` and `passwordFile`"));
        }
        return Ok(None);
    };
    let auth = login.get("auth").and_then(Value::as_str).unwrap_or_default();
    let decoded = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.as_deref().and_then(|text| text.split_once(':'));
    match decoded {
        Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned().into()))),
        None => {
            Err(wrong("its `auth` is no user and password", "log in with a user and a password, or a token as one"))
        }
    }
}

/// Docker itself writes an address there, in older files.
fn entry<'a>(config: &'a Value, host: &str) -> Option<&'a Value> {
    let found = config.get("auths")?.as_object()?.iter().find(|(key, _)| {
        let key = key.strip_prefix("https://").unwrap_or(key);
        key.split('/').next() == Some(host)
    });
    found.map(|(_, login)| login).filter(|login| login.get("auth").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_that_of_the_host_alone() {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let file = folder.path().join("config.json");
        let write = |text: &str| std::fs::write(&file, text).expect("there is room");
        write(
            r#"{"auths":{"https://registry.example.org/v1/":{"auth":"YWRhOm9wZW46c2VzYW1l"},"empty.example.org":{}}}"#,
        );
        let login = |host: &str| docker_login(&file, host).map_err(|fault| fault.to_string());
        let (user, password) = login("registry.example.org").expect("it is right").expect("it is there");
        assert_eq!((user.as_str(), password.expose_secret()), ("ada", "open:sesame"), "the first colon parts them");
        for host in ["example.org", "registry.example.org:5000", "empty.example.org"] {
            assert!(login(host).expect("it is right").is_none(), "{host} has none");
        }
        write(r#"{"auths":{"a.example.org":{}},"credsStore":"desktop"}"#);
        let refused = login("a.example.org").expect_err("no program is run");
        assert!(refused.contains("none is run"), "{refused}");
        write(r#"{"auths":{"a.example.org":{"auth":"%"}}}"#);
        assert!(login("a.example.org").is_err(), "what cannot be read is told");
    }
}
