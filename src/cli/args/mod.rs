//! In: the process's arguments. Out: one command with its options.
//! Guarantee: a wrong argument does nothing else, and a name that was read has passed its check.
mod change;
mod documents;
mod look;
mod names;
mod pack;
mod run;

pub(crate) use change::{Accept, Adopt, Approve, Pause, Release};
pub(crate) use documents::{
    Encrypt, Export, ExportPalette, Images, Import, ImportPalette, Init, Lint, Lock, Outdated, Render, Schema,
};
pub(crate) use look::{Diff, Doctor, Explain, Forge, Outbox, Plan, Question, Status, Statuses, Values, Why};
pub(crate) use names::CHANGE_DIGITS;
pub(crate) use pack::{Pack, PackCommand, PackDiff, PackLint, PackShow, PackWalk, Pull, Push};
pub(crate) use run::{Completions, Demo, Install, Serve, Sync, Webhook, WebhookTask};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the process was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "stratify",
    version,
    about = "Brings Kubernetes clusters to what a Git repository says, layer by layer",
    after_help = "Exit codes: 0 done, 1 error or wrong usage, 2 changes pending (plan and diff).",
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    infer_long_args = false
)]
pub(crate) struct Args {
    /// What all commands take.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of all commands.
#[derive(Debug, ClapArgs)]
pub(crate) struct Global {
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    /// When to colour text
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// The operator's settings; without any, the embedded defaults
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) settings: Option<PathBuf>,
    /// Work as if started in DIR
    #[arg(id = "work-in", short = 'C', global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Log more to stderr; may be given up to three times
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// For people, with all that is known (status; elsewhere the same as text)
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a small fleet to start from
    Init(Init),
    /// Check all documents and say everything that is wrong
    Lint(Lint),
    /// Resolve the tags, charts, packages and packs of registries that documents name into fleet.lock
    Lock(Lock),
    /// Encrypt a file with age, as SOPS does; `sops` decrypts and edits it
    Encrypt(Encrypt),
    /// Print the objects of a cluster, or of one of its layers
    Render(Render),
    /// List the container images that clusters need, for mirroring them
    Images(Images),
    /// List the packs that are not the newest, or not to be used for long; perhaps commit the newest
    Outdated(Outdated),
    /// Show what a sync would change; exits 2 where something would
    Plan(Plan),
    /// Compare what a cluster has with what it shall have; exits 2 where it differs
    Diff(Diff),
    /// Tell where each value of a cluster comes from
    Explain(Explain),
    /// Print a layer's values as its templates see them, each with who wrote it last
    Values(Values),
    /// Tell what a cluster waits for
    Why(Why),
    /// Bring clusters to a commit, once
    Sync(Sync),
    /// Watch the repositories and keep syncing
    Serve(Serve),
    /// Show what became of a commit, and where the clusters are, as they tell themselves
    Status(Status),
    /// Show what the forge has of a commit
    Statuses(Statuses),
    /// Show what is still to be told to the forge, and why it waits
    Outbox(Outbox),
    /// Ask the forge of the settings
    Forge(Forge),
    /// Let the forge of the settings tell of what happens to the repository
    Webhook(Webhook),
    /// Look whether repository, state and targets can do what a sync needs
    Doctor(Doctor),
    /// Approve a change, by a commit in the work tree
    Approve(Approve),
    /// Let a cluster, or one of its layers, stay as it is, by a commit in the work tree
    Pause(Pause),
    /// Let a cluster, or one of its layers, go on, by a commit in the work tree
    Resume(Pause),
    /// Print Stratify itself as objects of a cluster, or apply them to the current kubeconfig context
    Install(Install),
    /// Let a layer take objects from those who made them, by a commit in the work tree
    Adopt(Adopt),
    /// Let go of a cluster, or of one of its layers, by a commit in the work tree; nothing is deleted
    Release(Release),
    /// Accept a head that does not descend from the last one, or hold a tag that moved
    Accept(Accept),
    /// Write a profile of another tool as one of the fleet
    #[command(subcommand)]
    Import(Import),
    /// Print a profile of the fleet as another tool imports it
    #[command(subcommand)]
    Export(Export),
    /// Put a profile, with its packs, into an OCI registry
    Push(Push),
    /// Take a profile, with its packs, from an OCI registry into the working tree
    Pull(Pull),
    /// Look at packs
    Pack(Pack),
    /// Print the JSON Schema of a kind of document
    Schema(Schema),
    /// Run a whole story on a throw-away fleet
    Demo(Demo),
    /// Print completions for a shell
    Completions(Completions),
}

/// Returns the form of answers that arguments ask for, where they are wrong otherwise.
pub(crate) fn output_of(args: impl Iterator<Item = OsString>) -> Output {
    let mut args = args.map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let value = match &*arg {
            "--output" | "-o" => args.next(),
            _ => ["--output=", "-o="].iter().find_map(|head| arg.strip_prefix(head)).map(ToOwned::to_owned),
        };
        if let Some(output) = value.and_then(|value| Output::from_str(&value, false).ok()) {
            return output;
        }
    }
    Output::Text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_says_what_it_does() {
        for command in Args::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["stratify -C x lint -v --output json", "stratify lint --output json -vC x"] {
            let args = Args::try_parse_from(line.split(' ')).expect("both orders are usual");
            assert_eq!(args.global.output, Output::Json, "{line}");
            assert_eq!(args.global.folder, Some("x".into()), "{line}");
            assert_eq!(args.global.verbose, 1, "{line}");
        }
    }

    #[test]
    fn no_command_takes_a_global_option_for_its_own() {
        let globals: Vec<String> = Args::command().get_arguments().map(|it| it.get_id().to_string()).collect();
        for command in Args::command().get_subcommands() {
            for argument in command.get_arguments() {
                let id = argument.get_id().to_string();
                assert!(!globals.contains(&id), "{} {id} would be read as both", command.get_name());
            }
        }
    }

    #[test]
    fn a_name_that_breaks_its_rule_is_refused() {
        for line in ["why Eu_1", "accept abc", "approve ../x", "approve abc", "sync --cluster a --environment b"] {
            let line = format!("stratify {line}");
            assert!(Args::try_parse_from(line.split(' ')).is_err(), "{line} names nothing");
        }
    }
}
