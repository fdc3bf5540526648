//! In: an address of the web, as the settings have it. Out: whether it may stand there.
//! Guarantee: no credential stands in the settings: an address with a user is none.

/// Whether it is the address of a server: without user, query or fragment.
pub(super) fn is_address(text: &str) -> bool {
    is_address_with_query(text) && !text.contains('?')
}

/// Whether it is an address to post to: without user or fragment.
pub(super) fn is_address_with_query(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '#' | '\\' | '"');
        !host.is_empty() && rest.chars().all(is_plain)
    })
}
