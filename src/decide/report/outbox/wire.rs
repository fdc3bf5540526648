//! In: a row of the outbox. Out: its bytes, and back.
//! Guarantee: what was on its way is wanted again after a restart; a form of another version is an error.
use super::super::status::{Context, Status};
use super::row::{Key, Row};
use crate::decide::value::Timestamp;
use crate::name::CommitId;
use serde::{Deserialize, Serialize};

/// The form that is written; another one is refused.
const FORM: &str = "stratify.dev/outbox/v1";

/// The most bytes of a row: three statuses, each below 64 KiB and escaped once more, and names.
const BYTES_MAX: usize = 524_288;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    form: String,
    forge: String,
    repository: String,
    commit: String,
    context: String,
    posted: Option<String>,
    wanted: Option<String>,
    refused: Option<(String, String)>,
    verdicts: u8,
    begun: u64,
    touched: u64,
    posted_at: u64,
    tries: u32,
    not_before: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_current: bool,
}

/// Returns the bytes of a row.
pub(super) fn encode(key: &Key, row: &Row) -> Vec<u8> {
    let wire = Wire {
        form: FORM.into(),
        forge: key.forge.to_string(),
        repository: key.repository.to_string(),
        commit: key.commit.to_string(),
        context: key.context.to_string(),
        posted: row.posted.as_ref().map(Status::encode),
        wanted: row.wanted.as_ref().or(row.flying.as_ref()).map(Status::encode),
        refused: row.refused.as_ref().map(|(status, why)| (status.encode(), why.to_string())),
        verdicts: row.verdicts,
        begun: row.begun.0,
        touched: row.touched.0,
        posted_at: row.posted_at.0,
        tries: row.tries,
        not_before: row.not_before.0,
        is_current: row.is_current,
    };
    serde_json::to_vec(&wire).expect("its keys are texts")
}

/// Reads what [`encode`] wrote; the error says what was expected.
pub(super) fn decode(bytes: &[u8]) -> Result<(Key, Row), String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("expected a row of the outbox of at most {BYTES_MAX} bytes"));
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(|error| format!("expected a row of the outbox: {error}"))?;
    if wire.form != FORM {
        return Err(format!("expected a row of the form {FORM}"));
    }
    let key = Key {
        forge: wire.forge.into(),
        repository: wire.repository.into(),
        commit: CommitId::parse(&wire.commit).ok_or("expected a commit of 40 hexadecimal digits")?,
        context: Context::parse(&wire.context).ok_or("expected a context that begins with `stratify`")?,
    };
    let status = |line: Option<String>| line.map(|line| Status::decode(&line)).transpose();
    let refused = wire.refused.map(|(line, why)| Status::decode(&line).map(|status| (status, why.into()))).transpose();
    let row = Row {
        posted: status(wire.posted)?,
        wanted: status(wire.wanted)?,
        refused: refused?,
        verdicts: wire.verdicts,
        touched: Timestamp(wire.touched),
        posted_at: Timestamp(wire.posted_at),
        tries: wire.tries,
        not_before: Timestamp(wire.not_before),
        is_current: wire.is_current,
        ..Row::new(Timestamp(wire.begun))
    };
    Ok((key, row))
}
