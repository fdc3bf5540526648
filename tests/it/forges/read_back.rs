//! In: a commit whose statuses a Bitbucket Data Center has. Out: what `statuses` tells of it.
//! Guarantee: those of others, too, where it lists them; else ours, each by its key, and that there may be others.
use super::fleet::Fleet;
use super::others::Other;
use serde_json::json;
use std::fs;

#[test]
fn statuses_on_bitbucket_data_center_are_read_from_its_list_or_each_by_its_key() {
    let center = Other::bitbucket_data_center();
    let url = center.http.url();
    let forge = format!("kind: bitbucket-data-center, repository: OPS/fleet, url: '{url}', tokenFile: token");
    let fleet = Fleet::new(&forge, "");
    fs::write(fleet.path("token"), "dc-token").expect("the scratch folder is ours");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced"]);
    let ci = json!({ "key": "ci/build", "state": "SUCCESSFUL", "url": "https://ci.example", "description": "passed" });
    center.post("ci/build", ci);
    let ours = ["stratify/plan", "stratify/dev", "stratify/prod", "successful", "2/2 clusters synced"];
    let ran = fleet.run(&["statuses", &fleet.checkout.head()]).ends_with(0).says(&ours);
    ran.says(&["ci/build", "passed"]);
    // A newer one may have that list no longer.
    center.kept().lists_no_builds = true;
    let ran = fleet.run(&["statuses"]).ends_with(0).says(&ours);
    let ran = ran.says(&["what others told is not listed by this forge"]);
    assert!(!ran.all().contains("ci/build"), "nobody can ask for what they do not know: {}", ran.all());
    let unknown = fleet.run(&["statuses", &"7".repeat(40)]).ends_with(0);
    unknown.says(&["what others told is not listed"]);
    fs::write(fleet.path("token"), "another").expect("the scratch folder is ours");
    fleet.run(&["statuses"]).ends_with(1).says(&["401", "put a new one where the settings say it is"]);
}
