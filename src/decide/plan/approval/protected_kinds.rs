//! In: an object that ends, the policy. Out: whether its kind is protected, so that its deletion needs approval.
//! Guarantee: `Kind` is of any group, `Kind.group` of that one.
use crate::decide::profile::Policy;
use crate::name::ObjectId;

/// Whether the kind of an object is protected.
pub(super) fn is_protected(object: &ObjectId, policy: &Policy) -> bool {
    policy.protected_kinds.iter().any(|protected| match protected.split_once('.') {
        Some((kind, group)) => *kind == *object.kind && *group == *object.group,
        None => **protected == *object.kind,
    })
}
