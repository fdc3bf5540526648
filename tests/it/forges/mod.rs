//! In: forges that stand in for those that cannot run here, each speaking its real protocol. Out: what is posted to them.
//! Guarantee: nobody but the loopback hears of it; what they refuse, they refuse in the forge's own words.
pub(crate) mod http;
pub(crate) mod fleet;
pub(crate) mod github;
mod app;
mod described;
mod gitlab;
mod others;
mod other_pulls;
mod reference;
mod reviews;
mod reviewed;
mod client;
mod checks;
mod hooks;
mod other_hooks;
mod read_back;
mod kills;
mod many;
mod limits;
mod synced;
mod door;
mod pulls;
mod notices;
