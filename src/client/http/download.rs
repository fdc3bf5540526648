//! In: an address, what the settings allow. Out: the bytes that stand there.
//! Guarantee: each address, of each redirect too, is one that the settings allow, and so is the address of the host that it
//! resolves to, which is the one that is connected to; what is read is bounded; no credential goes to another prefix.
use super::chain;
use crate::client::secret::{docker_login, secret};
use crate::decide::value::{Fault, Owner, Source};
use crate::settings::{AllowedSource, Credentials, covering};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::RANGE;
use reqwest::{Method, Url, redirect};
use secrecy::ExposeSecret;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long one answer may take: the largest charts and indexes come in seconds.
const DEADLINE: Duration = Duration::from_mins(2);

/// How many redirects are followed: a release page of a forge needs two.
const REDIRECTS_MAX: usize = 5;

/// Fetches what stands at an address; more than `bytes_max` is an error. Blocks.
pub fn download(address: &str, allowed: &[AllowedSource], bytes_max: u64) -> Result<Vec<u8>, Fault> {
    body(address, follow(address, allowed, 0)?, bytes_max)
}

/// Asks for what stands at an address, from a byte on; redirects are followed where the settings allow each. Blocks.
pub fn follow(address: &str, allowed: &[AllowedSource], from: u64) -> Result<Response, Fault> {
    let mut address = address.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        let response = ask(&address, allowed, from)?;
        let status = response.status();
        if !status.is_redirection() {
            return Ok(response);
        }
        let next = response.headers().get("location").and_then(|next| next.to_str().ok());
        let next = next.and_then(|next| Url::parse(&address).ok()?.join(next).ok());
        let Some(next) = next else {
            return Err(outside(&address, &format!("it answers {status} without a place to go to"), false));
        };
        address = next.into();
    }
    Err(outside(&address, &format!("more than {REDIRECTS_MAX} redirects lead on"), false))
}

fn ask(address: &str, allowed: &[AllowedSource], from: u64) -> Result<Response, Fault> {
    let Some((place, source)) = covering(allowed, address) else {
        return Err(not_allowed(address, "no prefix under `sources` of the settings covers it"));
    };
    let address = &*place;
    let url = Url::parse(address).map_err(|error| not_allowed(address, &error.to_string()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let host = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
    let mut request = Allowed::by(source, &url)?.request(Method::GET, url);
    if from > 0 {
        request = request.header(RANGE, format!("bytes={from}-"));
    }
    let login = match &source.credentials {
        Credentials::TokenFile(file) => {
            request = request.bearer_auth(secret(file)?.expose_secret());
            None
        }
        Credentials::Basic { user, password_file } => Some((user.clone(), secret(password_file)?)),
        Credentials::DockerConfig(file) => docker_login(file, &host)?,
        Credentials::None | Credentials::Ssh { .. } => None,
    };
    if let Some((user, password)) = login {
        request = request.basic_auth(user, Some(password.expose_secret()));
    }
    request.send().map_err(|error| outside(address, &chain(&error.without_url()), true))
}

/// A host that a prefix of the settings allows, at the one address that it was found at.
pub struct Allowed(Client);

impl Allowed {
    /// Finds the host of an address that a prefix covers.
    pub fn by(source: &AllowedSource, url: &Url) -> Result<Self, Fault> {
        let address = url.as_str();
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return Err(not_allowed(address, "it is no address of HTTP"));
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let place = resolved(address, host, port, source.is_private)?;
        client(source, host, place).map(Self).map_err(|why| outside(address, &why, false))
    }

    /// Begins a request, without a credential.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url)
    }
}

fn client(source: &AllowedSource, host: &str, place: SocketAddr) -> Result<Client, String> {
    // reqwest comes without a provider; a second call changes nothing.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(DEADLINE)
        .no_proxy()
        .resolve(host, place)
        .user_agent(concat!("stratify/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = &source.authority {
        let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
        builder = builder.tls_certs_only(found.ok_or_else(|| format!("{} is no certificate in PEM", file.display()))?);
    }
    builder.build().map_err(|error| chain(&error))
}

/// Returns where a host is; one place that is not allowed among others is enough to refuse it.
fn resolved(address: &str, host: &str, port: u16, is_private: bool) -> Result<SocketAddr, Fault> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let places: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|error| outside(address, &format!("its host is not known: {error}"), true))?
        .collect();
    if let Some(place) = places.iter().find(|place| is_never(place.ip())) {
        return Err(not_allowed(address, &format!("its host is at {}, which is never asked", place.ip())));
    }
    if let Some(place) = places.iter().find(|place| !is_private && is_within(place.ip())) {
        let why = format!("its host is at {}, on a private network or this machine", place.ip());
        let hint = "if that is right, set `private: true` at its prefix under `sources` of the settings";
        return Err(Fault { hint: Some(hint.into()), ..not_allowed(address, &why) });
    }
    places.first().copied().ok_or_else(|| outside(address, "its host has no address", true))
}

/// Addresses that clouds answer with credentials at, and such as are no host's.
fn is_never(ip: IpAddr) -> bool {
    match plain(ip) {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() || ip == METADATA,
    }
}

/// Where some clouds answer with credentials over IPv6.
const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn is_within(ip: IpAddr) -> bool {
    match plain(ip) {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

/// Addresses behind the translation of providers, 100.64.0.0/10.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && (64..128).contains(&second)
}

/// An address of IPv4 may come in the dress of IPv6.
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

fn body(address: &str, response: Response, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let status = response.status();
    if !status.is_success() {
        return Err(outside(address, &format!("it answers {status}"), status.is_server_error()));
    }
    let mut bytes = Vec::new();
    let read = response.take(bytes_max + 1).read_to_end(&mut bytes);
    read.map_err(|error| outside(address, &format!("it was cut off: {error}"), true))?;
    if bytes.len() as u64 > bytes_max {
        return Err(outside(address, &format!("it sends more than {bytes_max} bytes"), false));
    }
    Ok(bytes)
}

fn not_allowed(address: &str, why: &str) -> Fault {
    Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some("allow it under `sources` of the settings, or name another one".into()),
        source: Source::Error(format!("could not fetch {address}: {why}").into()),
    }
}

fn outside(address: &str, why: &str, spurious: bool) -> Fault {
    Fault {
        owner: Owner::Outside,
        spurious,
        hint: None,
        source: Source::Error(format!("could not fetch {address}: {why}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_within_are_told_from_those_outside() {
        for (ip, never, within) in [
            ("169.254.169.254", true, false),
            ("::ffff:169.254.169.254", true, false),
            ("fd00:ec2::254", true, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("10.1.2.3", false, true),
            ("100.64.0.1", false, true),
            ("fd12::1", false, true),
            ("0.0.0.0", true, false),
            ("93.184.216.34", false, false),
        ] {
            let ip: IpAddr = ip.parse().expect("it is an address");
            assert_eq!((is_never(ip), is_within(ip)), (never, within), "{ip}");
        }
    }

    #[test]
    fn what_no_prefix_covers_is_not_asked_for() {
        let refused = download("https://charts.example.org/index.yaml", &[], 10).expect_err("nothing is allowed");
        assert!(refused.to_string().contains("no prefix under `sources`"), "{refused}");
        let source = |prefix: &str| AllowedSource { prefix: prefix.into(), ..AllowedSource::default() };
        for (address, why) in [
            ("http://127.0.0.1:1/index.yaml", "on a private network or this machine"),
            ("http://169.254.169.254/latest/meta-data", "which is never asked"),
            ("http://[::1]:1/index.yaml", "on a private network or this machine"),
        ] {
            let prefix = address.rsplit_once('/').map_or(address, |(prefix, _)| prefix);
            let refused = download(address, &[source(prefix)], 10).expect_err("it is within");
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }
}
