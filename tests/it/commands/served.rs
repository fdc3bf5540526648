//! In: a process that serves, and commands beside it. Out: what they answer while it does the work.
//! Guarantee: the real program twice, on a real repository; nothing waits for a time to pass.
use super::fixture::{Checkout, Ran};
use serde_json::json;
use std::process::{Child, Stdio};

const EU: &str = "clusters/prod/eu-1/cluster.yaml";
const US: &str = "clusters/prod/us-1/cluster.yaml";

/// A process that serves; it ends with the test.
struct Served(Child);

impl Served {
    fn start(fleet: &Checkout) -> Self {
        let mut command = fleet.command(&["serve"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program was built");
        Self::once_it_listens(fleet, child)
    }

    fn once_it_listens(fleet: &Checkout, child: Child) -> Self {
        let mut served = Self(child);
        while !fleet.path(".stratify/serve.sock").exists() {
            assert!(served.0.try_wait().expect("it is a child").is_none(), "it serves");
            std::thread::yield_now();
        }
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().expect("it is a child");
        self.0.wait().expect("it is a child");
    }
}

/// Starts a process that serves, and returns its log after two syncs of what is synced already.
fn log_of(fleet: &Checkout, args: &[&str]) -> String {
    let log = fleet.path(".stratify/log");
    let mut command = fleet.command(args);
    let file = std::fs::File::create(&log).expect("the folder is ours");
    let child = command.stdout(Stdio::null()).stderr(file).spawn().expect("the program was built");
    let served = Served::once_it_listens(fleet, child);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0);
    drop(served);
    std::fs::remove_file(fleet.path(".stratify/serve.sock")).expect("a process that is killed leaves it");
    std::fs::read_to_string(&log).expect("it was written")
}

#[test]
fn the_log_is_for_people_unless_data_is_asked_for_and_says_nothing_twice() {
    let fleet = Checkout::synced();
    let log = log_of(&fleet, &["serve"]);
    assert!(log.contains("serving") && !log.contains('{') && !log.contains('\u{1b}'), "a file is read, too:\n{log}");
    let ended = log.lines().filter(|line| line.contains("ended") && line.contains("eu-1")).count();
    assert_eq!(ended, 1, "what is as it was is not told again:\n{log}");
    let log = log_of(&fleet, &["serve", "--output", "json"]);
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "programs read each line: {line}");
    }
}

/// A change of one cluster and a mistake in another, as a sync tells them.
fn change(fleet: &Checkout) -> Ran {
    fleet.edit(EU, "podCidr:", "podCidrx:");
    fleet.edit(US, "replicas: 3", "replicas: 4");
    fleet.commit("a mistake and a change");
    fleet.run(&["sync"])
}

#[test]
fn a_sync_beside_serve_waits_and_answers_as_one_of_its_own() {
    let (alone, beside) = (Checkout::synced(), Checkout::synced());
    let _served = Served::start(&beside);
    beside.run(&["sync"]).ends_with(0).says(&["us-1: synced", "eu-1: synced"]);
    let (own, asked) = (change(&alone).ends_with(1), change(&beside).ends_with(1));
    // The heads differ by the time of their commits.
    let lines = |ran: &Ran| ran.out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&asked), lines(&own), "the same is told");
    assert_eq!(asked.err, own.err, "so are the mistakes, with their lines");
    let said = ["now: eu-1: invalid: 1 error", &beside.head(), "stratify/prod     failure  1/2 clusters synced"];
    beside.run(&["status"]).ends_with(0).says(&said);
    beside.edit(EU, "podCidrx:", "podCidr:");
    beside.commit("the mistake is undone");
    beside.run(&["sync", "--cluster", "eu-1"]).ends_with(0).says(&["eu-1: synced"]);
    beside.run(&["sync", "--cluster", "eu-9"]).ends_with(1).says(&["the fleet has no cluster eu-9", "eu-1"]);
    beside.run(&["sync", "--environment", "none"]).ends_with(1).says(&["there are dev, prod, staging"]);
    beside.run(&["sync", "--no-wait"]).ends_with(0).says(&["`stratify serve` runs here", "it looks at 4 clusters"]);
}

#[test]
fn a_branch_that_was_rewritten_is_told_by_every_command_beside_serve() {
    let fleet = Checkout::synced();
    let synced = fleet.head();
    let _served = Served::start(&fleet);
    fleet.run(&["sync"]).ends_with(0);
    fleet.git(&["commit", "--quiet", "--amend", "-m", "another history"]);
    let rewritten = fleet.head();
    let held = ["the branch was rewritten", &format!("stratify accept {rewritten}")];
    fleet.run(&["sync"]).ends_with(1).says(&held);
    fleet.run(&["status", &synced]).ends_with(0).says(&held).says(&["now: held: "]);
    fleet.run(&["accept", &rewritten]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0).says(&[&format!("head {rewritten}"), "eu-1: synced"]);
    let (_, answer) = fleet.json(&["status"]);
    assert_eq!((&answer["held"], &answer["head"]), (&json!(null), &json!(rewritten)), "it is taken");
}

#[test]
fn what_a_hand_changes_in_a_folder_is_put_back_though_nothing_else_happens() {
    let fleet = Checkout::synced();
    let served = Served::start(&fleet);
    // It has come to rest; nothing is asked of it from here on.
    fleet.run(&["sync"]).ends_with(0);
    let file = fleet.target("eu-1").join("cni/kube-system/ConfigMap_cilium-config.yaml");
    let before = std::fs::read(&file).expect("it was applied");
    std::fs::write(&file, [before.as_slice(), b"# a hand\n"].concat()).expect("it is ours");
    let begin = std::time::Instant::now();
    // The next poll, which would find it too, is far off.
    while std::fs::read(&file).is_ok_and(|now| now != before) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(15), "it is seen by its event alone");
        std::thread::yield_now();
    }
    drop(served);
}
