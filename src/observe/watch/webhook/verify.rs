//! In: headers, the raw body, the secret of the settings. Out: whether the forge signed it.
//! Guarantee: in constant time, over the bytes as they came; a signature that is missing or empty is a wrong one.
use crate::decide::value::Timestamp;
use crate::settings::ForgeKind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt;

/// How far the time of a signed delivery may be from ours, as Standard Webhooks have it.
const SKEW_MS: u64 = 5 * 60_000;

/// Why a delivery is not the forge's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No signature, or an empty one.
    Unsigned,
    /// A signature of another body or secret.
    Wrong,
    /// It was signed too long ago, or in the future.
    Stale,
    /// There is no secret to sign with.
    NoSecret,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "it is not signed: give the webhook the secret of the settings",
            Self::Wrong => "its signature is wrong",
            Self::Stale => "its time is too far from ours",
            Self::NoSecret => "there is no secret to check it with",
        })
    }
}

/// Checks that the forge signed a delivery with the secret.
pub fn verify(
    kind: ForgeKind,
    secret: &SecretString,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refused> {
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return Err(Refused::NoSecret);
    }
    let key = secret.as_bytes();
    match kind {
        ForgeKind::GitHub => signed(key, &[body], prefixed(header(headers, "x-hub-signature-256")?)?),
        ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter => {
            signed(key, &[body], prefixed(header(headers, "x-hub-signature")?)?)
        }
        // Forgejo sends its own beside Gitea's; of several the first one has to be right.
        ForgeKind::Gitea => {
            let bare = ["x-forgejo-signature", "x-gitea-signature"];
            let found = bare.iter().find_map(|name| header(headers, name).ok());
            match found {
                Some(digits) => signed(key, &[body], digits),
                None => signed(key, &[body], prefixed(header(headers, "x-hub-signature-256")?)?),
            }
        }
        ForgeKind::GitLab if headers.contains_key("webhook-signature") => standard(secret, headers, body, now),
        ForgeKind::GitLab => same(secret, header(headers, "x-gitlab-token")?),
        ForgeKind::AzureDevOps => {
            let given = header(headers, "authorization")?.strip_prefix("Basic ").ok_or(Refused::Unsigned)?;
            let given = STANDARD.decode(given).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let given = given.ok_or(Refused::Wrong)?;
            let (_, password) = given.split_once(':').ok_or(Refused::Wrong)?;
            same(secret, password)
        }
    }
}

/// GitLab's signed form: an identifier, a time and the body, each signature in base64 after its version.
fn standard(secret: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refused> {
    let (id, at) = (header(headers, "webhook-id")?, header(headers, "webhook-timestamp")?);
    let seconds: u64 = at.parse().map_err(|_| Refused::Wrong)?;
    if now.0.abs_diff(seconds.saturating_mul(1_000)) > SKEW_MS {
        return Err(Refused::Stale);
    }
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| Refused::NoSecret)?,
        None => secret.as_bytes().to_vec(),
    };
    let all = header(headers, "webhook-signature")?;
    let signatures = all.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    let is_one = signatures.map(|one| mac(&key, &parts).verify_slice(&one).is_ok()).fold(false, |any, it| any | it);
    if is_one { Ok(()) } else { Err(Refused::Wrong) }
}

/// Returns what stands in a header; one that is empty, or stands twice, is none.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut all = headers.get_all(name).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(Refused::Unsigned) };
    value.to_str().ok().filter(|text| !text.is_empty()).ok_or(Refused::Unsigned)
}

fn prefixed(text: &str) -> Result<&str, Refused> {
    // `sha1=` is not taken: it is what old receivers were left with.
    text.strip_prefix("sha256=").ok_or(Refused::Wrong)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn signed(key: &[u8], parts: &[&[u8]], digits: &str) -> Result<(), Refused> {
    let given = from_hex(digits).ok_or(Refused::Wrong)?;
    mac(key, parts).verify_slice(&given).map_err(|_| Refused::Wrong)
}

/// Compares two texts by their HMACs: the time tells neither where they differ nor how long the secret is.
fn same(secret: &str, given: &str) -> Result<(), Refused> {
    let given = mac(b"stratify webhook", &[given.as_bytes()]).finalize().into_bytes();
    mac(b"stratify webhook", &[secret.as_bytes()]).verify_slice(&given).map_err(|_| Refused::Wrong)
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let value = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |two: &[u8]| match two {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).expect("it is printable");
        all.iter().map(|(name, text)| (http::HeaderName::from_static(name), value(text))).collect()
    }

    fn check(kind: ForgeKind, secret: &str, all: &[(&'static str, &str)], body: &str) -> Result<(), Refused> {
        verify(kind, &secret.to_owned().into(), &headers(all), body.as_bytes(), NOW)
    }

    const SECRET: &str = "It's a Secret to Everybody";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn github_signs_as_its_documentation_shows() {
        let signature = format!("sha256={HEX}");
        let of = |headers: &[(&'static str, &str)], body: &str| check(ForgeKind::GitHub, SECRET, headers, body);
        assert_eq!(of(&[("x-hub-signature-256", &signature)], "Hello, World!"), Ok(()), "its own example");
        assert_eq!(of(&[("x-hub-signature-256", &signature)], "Hello, World"), Err(Refused::Wrong), "another body");
        assert_eq!(of(&[], "Hello, World!"), Err(Refused::Unsigned), "no signature");
        for wrong in ["", "sha256=", "sha256=75", &format!("sha1={HEX}"), HEX, &signature[..70], "sha256=é"] {
            let found = match HeaderValue::from_str(wrong) {
                Ok(_) => of(&[("x-hub-signature-256", wrong)], "Hello, World!"),
                Err(_) => Err(Refused::Unsigned),
            };
            assert!(found.is_err(), "{wrong:?} is no signature");
        }
        let twice = [("x-hub-signature-256", signature.as_str()), ("x-hub-signature-256", "sha256=00")];
        let mut both = headers(&twice[..1]);
        both.append("x-hub-signature-256", HeaderValue::from_static("sha256=00"));
        let found = verify(ForgeKind::GitHub, &SECRET.to_owned().into(), &both, b"Hello, World!", NOW);
        assert_eq!(found, Err(Refused::Unsigned), "of two nobody knows which counts");
        assert_eq!(
            check(ForgeKind::GitHub, "", &twice[..1], "Hello, World!"),
            Err(Refused::NoSecret),
            "an empty secret"
        );
    }

    #[test]
    fn gitea_and_forgejo_sign_with_bare_digits() {
        for name in ["x-gitea-signature", "x-forgejo-signature"] {
            assert_eq!(check(ForgeKind::Gitea, SECRET, &[(name, HEX)], "Hello, World!"), Ok(()), "{name}");
            assert_eq!(check(ForgeKind::Gitea, SECRET, &[(name, "")], "Hello, World!"), Err(Refused::Unsigned));
        }
        let hub = format!("sha256={HEX}");
        let all = [("x-gitea-signature", ""), ("x-hub-signature-256", hub.as_str())];
        assert_eq!(check(ForgeKind::Gitea, SECRET, &all, "Hello, World!"), Ok(()), "either one");
        let bitbucket = check(ForgeKind::BitbucketCloud, SECRET, &[("x-hub-signature", &hub)], "Hello, World!");
        assert_eq!(bitbucket, Ok(()), "Bitbucket has the old name and the new digest");
    }

    #[test]
    fn gitlab_sends_the_secret_or_signs_with_the_time() {
        let of = |token: &str| check(ForgeKind::GitLab, SECRET, &[("x-gitlab-token", token)], "{}");
        assert_eq!(of(SECRET), Ok(()));
        assert_eq!(of("It's a Secret to Everybodx"), Err(Refused::Wrong));
        assert_eq!(of(""), Err(Refused::Unsigned));
        let parts: [&[u8]; 5] = [b"msg_1", b".", b"1800000000", b".", b"{}"];
        let signature = format!("v1,{}", STANDARD.encode(mac(b"key", &parts).finalize().into_bytes()));
        let secret = format!("whsec_{}", STANDARD.encode("key"));
        let all = |at: &'static str| {
            let headers =
                [("webhook-id", "msg_1"), ("webhook-timestamp", at), ("webhook-signature", signature.as_str())];
            check(ForgeKind::GitLab, &secret, &headers, "{}")
        };
        assert_eq!(all("1800000000"), Ok(()));
        assert_eq!(all("1800000001"), Err(Refused::Wrong), "the time is signed");
        assert_eq!(all("1700000000"), Err(Refused::Stale), "an old delivery is not played again");
    }

    #[test]
    fn azure_sends_a_password() {
        let of = |text: &str| {
            let header = format!("Basic {}", STANDARD.encode(text));
            check(ForgeKind::AzureDevOps, SECRET, &[("authorization", &header)], "{}")
        };
        assert_eq!(of(&format!("hook:{SECRET}")), Ok(()), "any user");
        assert_eq!(of("hook:other"), Err(Refused::Wrong));
        assert_eq!(of("no colon"), Err(Refused::Wrong));
        assert_eq!(check(ForgeKind::AzureDevOps, SECRET, &[], "{}"), Err(Refused::Unsigned));
    }
}
