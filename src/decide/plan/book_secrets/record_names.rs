//! In: a fleet and, on a server that holds several, a cluster; a layer. Out: the names of their Secrets.
//! Guarantee: the record is the fleet's and the server's own, whatever the cluster is called: a renamed one keeps it.
use super::books::Place;
use crate::name::LayerName;

impl Place {
    /// Returns the name of the record's Secret. Names of fleets, clusters and layers hold no dot, so none is another's.
    pub fn record_name(&self) -> String {
        match &self.cluster {
            None => format!("record.{}", self.fleet),
            Some(cluster) => format!("record.{}.{cluster}", self.fleet),
        }
    }

    /// Returns the name of a layer's Secret.
    pub fn layer_name(&self, layer: &LayerName) -> String {
        match &self.cluster {
            None => format!("layer.{}.{layer}", self.fleet),
            Some(cluster) => format!("layer.{}.{cluster}.{layer}", self.fleet),
        }
    }
}
