//! In: the servers of tests/testenv, ids of budgets and their sizes: `cargo bench --features testenv --bench kubernetes --`
//! `B6 --repository 10000`, `B7 --objects 10000`, `B19 --clusters 1000 --servers 3`, `beside --beside 1000`; none for all.
//! Out: one table. Guarantee: real servers, and simulated ones where there are many; requests counted by the server's own
//! log; as a test it does nothing.
mod fleet;
mod beside;
mod load;
mod live;
mod large;
mod memory;
mod scale;
mod watching;

#[path = "../budgets/table.rs"]
#[expect(dead_code, reason = "the other benches use all of it")]
mod table;
#[path = "../budgets/work.rs"]
#[expect(dead_code, reason = "the other benches use all of it")]
mod work;
#[path = "../../tests/testenv/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod testenv;

use fleet::Fleet;
use live::Live;
use table::{Row, told};
use testenv::{Options, Server};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line asks for.
struct Asked {
    ids: Vec<String>,
    /// How many objects are applied in bulk, and watched.
    objects: usize,
    /// How many objects are applied beside others.
    beside: usize,
    /// How many clusters the large repository has.
    repository: usize,
    /// How many clusters are simulated.
    clusters: usize,
    /// How many real servers stand beside them.
    servers: usize,
}

impl Asked {
    fn has(&self, ids: &[&str]) -> bool {
        self.ids.is_empty() || self.ids.iter().any(|asked| ids.iter().any(|id| asked.eq_ignore_ascii_case(id)))
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs the program too, without this word.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    if std::env::var_os("STRATIFY_TESTENV").is_none() {
        return table::print(&[told(
            "-",
            "left out",
            "STRATIFY_TESTENV names no servers: tests/testenv/build makes them",
        )]);
    }
    table::print(&run(&read(&args)));
}

fn read(args: &[String]) -> Asked {
    let mut asked =
        Asked { ids: Vec::new(), objects: 2000, beside: 1000, repository: 1000, clusters: 1000, servers: 1 };
    let mut args = args.iter().filter(|arg| *arg != "--bench");
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok()).expect("a number follows");
        match arg.as_str() {
            "--objects" => asked.objects = number(),
            "--beside" => asked.beside = number(),
            "--repository" => asked.repository = number(),
            "--clusters" => asked.clusters = number(),
            "--servers" => asked.servers = number(),
            id => asked.ids.push(id.to_owned()),
        }
    }
    asked
}

fn run(asked: &Asked) -> Vec<Row> {
    let server = Server::start(Options::default());
    let mut rows = Vec::new();
    if asked.has(&["B6", "B8", "B9", "B10"]) {
        let fleet = Fleet::new(&server, "small", 48);
        let mut live = Live::start(&fleet);
        rows.extend(live.commits(&fleet));
        rows.extend(live.requests(&server, &fleet));
        rows.extend(live.drift(&server, &fleet));
        live.stop();
    }
    if asked.has(&["B6"]) {
        rows.extend(large::measure(&server, asked.repository));
    }
    if asked.has(&["B7"]) {
        let fleet = Fleet::new(&server, "bulk", asked.objects);
        let mut live = Live::start(&fleet);
        rows.extend(live.bulk(&server, &fleet));
        live.stop();
    }
    if asked.has(&["beside"]) {
        rows.extend(beside::measure(&server, asked.beside));
    }
    if asked.has(&["B12"]) {
        rows.extend(memory::measure(&server, asked.objects));
    }
    if asked.has(&["B19"]) {
        let others = (1..asked.servers).map(|_| Server::start(Options::default()));
        let servers: Vec<Server> = std::iter::once(server).chain(others).collect();
        rows.extend(scale::measure(&servers, asked.clusters));
    }
    rows
}
