//! In: the demo, whose dev cluster is not pinned. Out: a layer of each source on it, from commits: added, upgraded, swapped.
//! Guarantee: what needs a program that this machine does not have is left out, and it is said what it would have shown.
use super::{DEV, Failure, Show};
use crate::cli::command::demo::scratch::ADA;
use crate::cli::print::Text;
use crate::settings::Settings;

const CHART: &str = "charts/guestbook/Chart.yaml";
const PROFILE: &str = "profiles/charts/profile.yaml";

/// Shows packages, charts and packs of others.
pub(super) fn story(show: &mut Show<'_>) -> Result<(), Failure> {
    let package = show.scratch.change(DEV, "dev-1: a status page", ADA, |text| {
        text.replace("    - name: edge\n", "    - name: edge\n    - { name: packages }\n")
    })?;
    show.step(
        "9. A Zarf package is added to dev-1: its variables are filled, its actions would never run",
        package,
        &[],
    )?;
    let programs = Settings::embedded(&show.scratch.root).programs;
    if programs.find_helm().is_none() || programs.find_kustomize().is_none() {
        return left_out(show);
    }
    let joined = show.scratch.change(DEV, "dev-1: a guestbook, a portal, a noticeboard", ADA, |text| {
        text.replace("    - { name: packages }\n", "    - { name: packages }\n    - { name: charts }\n")
    })?;
    show.step("10. A profile joins dev-1: a Helm chart, a kustomization, a pack of Palette", joined, &[])?;
    let upgraded = show.scratch.change(CHART, "guestbook 0.5.0", ADA, |text| {
        text.replace("version: 0.4.0", "version: 0.5.0").replace("appVersion: \"2.1\"", "appVersion: \"2.2\"")
    })?;
    show.step("11. The chart is upgraded: only its layer is rendered anew", upgraded, &[])?;
    let pack = show
        .scratch
        .change(PROFILE, "noticeboard 1.1.0", ADA, |text| text.replace("noticeboard@1.0.0", "noticeboard@1.1.0"))?;
    show.step(
        "12. The pack is upgraded: the preset and all that the profile says go over to its new version",
        pack,
        &[],
    )?;
    let swap = show.scratch.change(DEV, "dev-1: visitors instead of the guestbook", ADA, |text| {
        let chart = "    - name: guestbook\n      replaceWith: { chart: { path: ../../../charts/visitors } }\n";
        text.replace("  layers:\n", &format!("  layers:\n{chart}"))
    })?;
    show.step("13. The chart is swapped for another one: it is there before the objects of the old one go", swap, &[])?;
    Ok(())
}

fn left_out(show: &Show<'_>) -> Result<(), Failure> {
    let mut text = Text::default();
    text.line("");
    text.line(
        "10. to 13. are left out, since helm, or kustomize and kubectl, are not on PATH. With them, dev-1 would get",
    );
    text.line("    a Helm chart, a kustomization and a pack of Palette; the chart and the pack would be upgraded, and");
    text.line("    the chart swapped for another one. Install them, and run it again.");
    show.say(&text)
}
