//! In: the outbox. Out: what waits in it and why, as programs read it.
//! Guarantee: the same while a process serves and after it.
use super::super::notices::table;
use super::OUTBOX;
use crate::client::store::Store;
use crate::decide::report::outbox::{Key, Outbox, Row};
use crate::decide::value::Fault;
use serde_json::{Value as Json, json};

/// Returns what the outbox of an earlier process still has to post, to the forge and to these receivers.
pub fn waiting_in<'a>(store: &Store, receivers: impl Iterator<Item = &'a str>) -> Result<Json, Fault> {
    let of = |table: &str| -> Result<Vec<Json>, Fault> {
        let rows = store.all(table)?;
        let (outbox, _) = Outbox::restore(rows.iter().map(|(_, row)| row.as_slice()));
        Ok(rows_of(&outbox))
    };
    let mut notices = Vec::new();
    for receiver in receivers {
        notices.extend(of(&table(receiver))?);
    }
    Ok(json!({ "rows": of(OUTBOX)?, "notices": notices }))
}

/// Returns what waits, and what is never taken.
pub(in crate::control) fn rows_of(outbox: &Outbox) -> Vec<Json> {
    outbox.iter().filter_map(|(key, row)| one(key, row)).collect()
}

fn one(key: &Key, row: &Row) -> Option<Json> {
    let refused = row.refused.as_ref().map(|(_, why)| why.to_string());
    let status = row.waiting();
    if status.is_none() && refused.is_none() {
        return None;
    }
    let (tries, not_before) = row.refusals();
    Some(json!({
        "forge": &*key.forge,
        "repository": &*key.repository,
        "commit": key.commit.to_string(),
        "context": key.context.as_str(),
        "state": status.map(|status| status.state.to_string()),
        "text": status.map(crate::decide::report::Status::text),
        "tries": tries,
        "notBefore": not_before.0,
        "refused": refused,
    }))
}
