//! In: what was written to a target, layer by layer. Out: what we own there, as bytes and back.
//! Guarantee: written ahead of the writes, so an object of ours is always listed; a form of another version is an error.
use crate::decide::document::Site;
use crate::decide::render::OBJECT;
use crate::decide::value::{Digest, Value, digest_of};
use crate::name::{LayerName, ObjectId, PlanId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form that is written; another one is refused.
const FORM: &str = "stratify.dev/inventory/v1";

/// The most bytes of one layer's inventory, decoded: what a Secret of Kubernetes can hold.
pub const BYTES_MAX: usize = 1_048_576;

/// What we own on a cluster, layer by layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By layer.
    pub layers: BTreeMap<LayerName, LayerInventory>,
}

/// What we own of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerInventory {
    /// The layer.
    pub layer: LayerName,
    /// The plan that wrote it last.
    pub plan: PlanId,
    /// The layers that stood before it, so that it can be removed in reverse when no document names it.
    pub after: Vec<LayerName>,
    /// Its objects.
    pub entries: BTreeMap<(Site, ObjectId), Entry>,
}

/// Stands for what was written of an object that is there and is not as it was written: no manifest has this digest.
pub const OTHER: Digest = Digest([0; 32]);

/// What is known of an object that we own, or are about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The digest of the manifest that was written last; none where the write was only intended.
    pub applied: Option<Digest>,
    /// The digest of the manifest whose write was intended last and is not known to be done.
    pub intended: Option<Digest>,
    /// The UID that the target gave it, once it is known.
    pub uid: Option<Arc<str>>,
    /// Whether it is let go of, and not deleted, once nobody wants it: also where no document says so any longer.
    pub kept: bool,
}

/// Returns the digest by which an inventory knows what was written of an object.
pub fn object_digest(manifest: &Value) -> Digest {
    digest_of(OBJECT, manifest)
}

impl LayerInventory {
    /// Returns its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|((site, object), entry)| WireEntry {
            site: if *site == Site::Management { "management".into() } else { "workload".into() },
            group: object.group.to_string(),
            kind: object.kind.to_string(),
            namespace: object.namespace.as_ref().map(ToString::to_string),
            name: object.name.to_string(),
            applied: entry.applied.map(|digest| digest.to_string()),
            intended: entry.intended.map(|digest| digest.to_string()),
            uid: entry.uid.as_ref().map(ToString::to_string),
            kept: entry.kept,
        });
        let wire = Wire {
            form: FORM.into(),
            layer: self.layer.to_string(),
            plan: self.plan.to_string(),
            after: self.after.iter().map(ToString::to_string).collect(),
            entries: entries.collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&wire).expect("its keys are texts");
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Self::encode`] wrote; the error says what was expected.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > BYTES_MAX {
            return Err(format!("expected an inventory of at most {BYTES_MAX} bytes"));
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| format!("expected an inventory: {error}"))?;
        if wire.form != FORM {
            return Err(format!("expected an inventory of the form {FORM}"));
        }
        let after = wire.after.iter().map(|name| LayerName::new(name)).collect::<Result<_, _>>();
        Ok(Self {
            layer: LayerName::new(&wire.layer).map_err(|error| error.to_string())?,
            plan: PlanId::parse(&wire.plan).ok_or("expected a plan's id of 64 hexadecimal digits")?,
            after: after.map_err(|error| error.to_string())?,
            entries: wire.entries.into_iter().map(WireEntry::read).collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    form: String,
    layer: String,
    plan: String,
    after: Vec<String>,
    entries: Vec<WireEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireEntry {
    site: String,
    group: String,
    kind: String,
    namespace: Option<String>,
    name: String,
    applied: Option<String>,
    intended: Option<String>,
    uid: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    kept: bool,
}

impl WireEntry {
    fn read(self) -> Result<((Site, ObjectId), Entry), String> {
        let site = match self.site.as_str() {
            "management" => Site::Management,
            "workload" => Site::Workload,
            _ => return Err("expected the site `management` or `workload`".into()),
        };
        let digest = |text: Option<String>| {
            text.map(|text| Digest::parse(&text).ok_or("expected a digest of 64 hexadecimal digits")).transpose()
        };
        let object = ObjectId {
            group: self.group.into(),
            kind: self.kind.into(),
            namespace: self.namespace.map(Into::into),
            name: self.name.into(),
        };
        let entry = Entry {
            applied: digest(self.applied)?,
            intended: digest(self.intended)?,
            uid: self.uid.map(Into::into),
            kept: self.kept,
        };
        Ok(((site, object), entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_is_read_as_it_was_written() {
        let object = ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: Some("web".into()),
            name: "web".into(),
        };
        let entry = Entry { applied: Some(Digest([1; 32])), intended: None, uid: Some("u".into()), kept: true };
        let layer = LayerName::new("web").expect("it is a label");
        let inventory = LayerInventory {
            layer: layer.clone(),
            plan: PlanId([2; 32]),
            after: vec![layer],
            entries: [((Site::Workload, object), entry)].into(),
        };
        assert_eq!(LayerInventory::decode(&inventory.encode()), Ok(inventory), "nothing is lost");
        assert!(LayerInventory::decode(b"{}").is_err(), "another form is refused");
    }
}
