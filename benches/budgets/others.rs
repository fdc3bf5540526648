//! In: one overlay of the same work. Out: how long `kubectl kustomize` takes for it, where it is on this machine.
//! Guarantee: measured in the same run as ours; where it is missing, there is no ratio.
use crate::table::percentile;
use crate::work::{Size, kustomization};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one overlay takes by `kubectl kustomize`.
pub(crate) struct Kustomize(Duration);

impl Kustomize {
    /// Builds one overlay a few times.
    pub(crate) fn measure(folder: &Path, size: Size) -> Option<Self> {
        let overlay = kustomization(folder, size);
        let build = || {
            let start = Instant::now();
            let mut command = Command::new("kubectl");
            let status = command.arg("kustomize").arg(&overlay).stdout(Stdio::null()).status().ok()?;
            status.success().then(|| start.elapsed())
        };
        build()?; // The first one reads the program from disk.
        let times: Option<Vec<Duration>> = (0..5).map(|_| build()).collect();
        Some(Self(percentile(&times?, 50)))
    }

    /// Returns how often as long it takes for so many overlays.
    pub(crate) fn ratio(&self, overlays: usize, ours: Duration) -> String {
        let overlays = u32::try_from(overlays).unwrap_or(u32::MAX);
        let ratio = (self.0 * overlays).as_secs_f64() / ours.as_secs_f64();
        format!("kubectl kustomize {:.0} ms an overlay: {ratio:.0}×", self.0.as_secs_f64() * 1e3)
    }
}
