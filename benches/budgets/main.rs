//! In: the ids of budgets, and how many clusters: `cargo bench --bench budgets -- B1 B3 --clusters 1000`.
//! Out: one table. Guarantee: works in a temporary folder, without network; as a test it does nothing.
mod work;
mod engine;
mod replan;
mod table;
mod growth;
mod left;
mod start;
mod live;
mod commits;
mod memory;
mod others;
mod charts;

use std::path::Path;
use table::Row;
use work::{Size, Work};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line asks for.
struct Asked {
    ids: Vec<String>,
    size: Size,
    /// How many commits the long history has.
    commits: usize,
}

impl Asked {
    fn has(&self, id: &str) -> bool {
        self.ids.is_empty() || self.ids.iter().any(|asked| asked.eq_ignore_ascii_case(id))
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [memory::CHILD, source, mirror] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return memory::child(Path::new(source), Path::new(mirror));
    }
    // `cargo test --benches` runs the program too, without this word.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let asked = read(&args);
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    table::print(&run(&asked, scratch.path()));
}

fn read(args: &[String]) -> Asked {
    let mut asked = Asked { ids: Vec::new(), size: Size { clusters: 10_000, layers: 12 }, commits: 1000 };
    let mut args = args.iter().filter(|arg| *arg != "--bench");
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok()).expect("a number follows");
        match arg.as_str() {
            "--clusters" => asked.size.clusters = number(),
            "--layers" => asked.size.layers = number(),
            "--commits" => asked.commits = number(),
            id => asked.ids.push(id.to_owned()),
        }
    }
    asked
}

fn run(asked: &Asked, scratch: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let others = others::Kustomize::measure(&scratch.join("others"), asked.size);
    let is_small = |id| asked.has(id);
    if ["B1", "B3", "B4", "B5", "B11", "B14", "B16", "B17"].into_iter().any(is_small) {
        let work = Work::build(&scratch.join("work"), asked.size);
        let mirror = scratch.join("mirror");
        let fetched = growth::fetch(&work, &mirror);
        rows.push(table::told("-", "first fetch into the mirror", format!("{:.2} s", fetched.as_secs_f64())));
        if asked.has("B1") || asked.has("B14") {
            rows.extend(growth::cold(&work, &mirror, others.as_ref()));
            rows.extend(start::warm(&work, &mirror, &scratch.join("start")));
        }
        if asked.has("B11") {
            rows.extend(memory::measure(&work, &mirror));
        }
        rows.extend(commits::measure(asked, &work, &mirror, scratch, others.as_ref()));
        if asked.has("B14") || asked.has("B16") {
            rows.extend(live::measure(asked, &work, &scratch.join("live")));
        }
    }
    if asked.has("B18") {
        rows.extend(charts::measure(&scratch.join("renders")));
    }
    if asked.has("B2") {
        rows.extend(growth::measure(asked.size, &scratch.join("growth")));
    }
    rows
}
