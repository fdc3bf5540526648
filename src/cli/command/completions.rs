//! In: a shell's name. Out: the script that completes commands and options in it.
//! Guarantee: knows what `args` declares, and nothing else.
use super::Answer;
use crate::cli::args::{Args, Completions};
use crate::cli::print::Text;
use clap::CommandFactory;
use serde_json::json;

/// Returns the script.
pub(super) fn run(options: &Completions) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Args::command(), "stratify", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let data = json!({ "shell": options.shell.to_string(), "script": script });
    Answer::new(Text::raw(script), data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;
    use clap_complete::Shell;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let answer = run(&Completions { shell: *shell });
            let script = answer.data["script"].as_str().expect("it is a text");
            for command in ["init", "plan", "approve"] {
                assert!(script.contains(command), "{shell} does not learn {command}");
            }
        }
    }
}
