//! In: sizes: `cargo bench --features testenv --bench forges -- B13 --clusters 10000 --repository 10000 --webhooks 40`.
//! Out: one table. Guarantee: against the stand-in that enforces GitHub's limits, on the loopback; as a test it does nothing.
mod forged;
mod live;
mod posts;
mod webhook;

#[path = "../budgets/table.rs"]
#[expect(dead_code, reason = "the other benches use all of it")]
mod table;
#[path = "../budgets/work.rs"]
#[expect(dead_code, reason = "the other benches use all of it")]
mod work;
#[path = "../budgets/left.rs"]
mod left;
#[path = "../../tests/it/forges/app.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod app;
#[path = "../../tests/it/forges/described.rs"]
mod described;
#[path = "../../tests/it/forges/github.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod github;
#[path = "../../tests/it/forges/http.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod http;

use table::Row;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line asks for.
struct Asked {
    ids: Vec<String>,
    /// How many clusters the largest fleet has whose posts are counted.
    clusters: usize,
    /// How many clusters the repository has in which webhooks are answered.
    repository: usize,
    /// How many webhooks of each kind.
    webhooks: usize,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs the program too, without this word.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    table::print(&run(&read(&args)));
}

fn read(args: &[String]) -> Asked {
    let mut asked = Asked { ids: Vec::new(), clusters: 10_000, repository: 10_000, webhooks: 40 };
    let mut args = args.iter().filter(|arg| *arg != "--bench");
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok()).expect("a number follows");
        match arg.as_str() {
            "--clusters" => asked.clusters = number(),
            "--repository" => asked.repository = number(),
            "--webhooks" => asked.webhooks = number(),
            id => asked.ids.push(id.to_owned()),
        }
    }
    asked
}

fn run(asked: &Asked) -> Vec<Row> {
    if !asked.ids.is_empty() && !asked.ids.iter().any(|id| id.eq_ignore_ascii_case("B13")) {
        return Vec::new();
    }
    // Each target's files are written whole and synced: in memory, what is measured is ours and not the disk's.
    let memory = std::path::Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let scratch = scratch.expect("a temporary folder can be made");
    let mut rows = Vec::new();
    for clusters in [1, 100, 10_000].into_iter().filter(|clusters| *clusters <= asked.clusters) {
        rows.extend(posts::measure(clusters, &scratch.path().join(format!("posts-{clusters}"))));
    }
    rows.extend(webhook::measure(asked, &scratch.path().join("webhook")));
    rows.extend(forged::measure(&scratch.path().join("forged")));
    rows
}
