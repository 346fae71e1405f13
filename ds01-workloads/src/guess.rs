//! What somebody typed who does not know the flags yet: which flag it may have been meant for.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{
    CONSOLE,
    cli::{commands, type_names},
};

/// Says what is wrong with the command line, as clap does, and what may have been meant.
pub(crate) fn explain(error: clap::Error) -> ExitCode {
    let word = match (error.kind(), error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word)), _) => word,
        // The flag before it stops clap from looking at the word at all.
        (ErrorKind::ArgumentConflict, Some(ContextValue::String(word)), _) if !commands().any(|name| name == *word) => {
            word
        }
        (ErrorKind::UnknownArgument, _, Some(ContextValue::String(word))) if !word.starts_with('-') => word,
        _ => error.exit(),
    };
    CONSOLE.say(format_args!("there is no command `{word}`\n{}\nsee ds01-workloads --help", meant(word)));
    // As clap's own errors.
    ExitCode::from(2)
}

/// What `word` may have been meant for.
fn meant(word: &str) -> String {
    let gpu = word.strip_prefix("gpu").map(|rest| rest.trim_start_matches([':', '=', '-']));
    let flag = match word {
        "ps" | "ls" | "list" | "get" | "show" | "status" | "containers" | "workloads" | "pods" | "processes" => {
            return "the table is what ds01-workloads shows without a command".to_owned();
        }
        "gpu" | "gpus" => "--gpu-only shows what has a GPU, and --gpu 0 what has GPU 0".to_owned(),
        "idle" => return "who is idle is shown by ds01-idle".to_owned(),
        "doctor" => return "the doctor is ds01-detect doctor".to_owned(),
        "fleet" | "hosts" | "cluster" | "nodes" => "--fleet shows all hosts in one table".to_owned(),
        "scan" | "live" => "--live scans now".to_owned(),
        "event" | "log" | "logs" | "history" => "ds01-workloads events shows what happened".to_owned(),
        "usage" | "accounting" | "hours" | "month" | "stats" | "top-users" => {
            "ds01-workloads report shows who held and used how much".to_owned()
        }
        "picture" | "gantt" | "graph" | "chart" => "ds01-workloads timeline draws who had which GPU when".to_owned(),
        "help" => "--help shows all flags, and --info explains them".to_owned(),
        "watch" | "top" => "--watch shows the table again and again".to_owned(),
        "all" => "--all shows stopped containers too".to_owned(),
        "wide" | "json" | "yaml" | "name" => format!("-o {word} prints that form"),
        "user" | "users" => "--by-user groups by user, and --user NAME shows one user's".to_owned(),
        _ if gpu.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) => {
            format!("--gpu {} shows what has this GPU", gpu.unwrap_or_default())
        }
        _ if word.starts_with(|c: char| c.is_ascii_digit()) => format!("--gpu {word} shows what has this GPU"),
        _ if type_names().any(|name| name == word) => format!("--type {word} shows this type"),
        _ => format!("--user {word} shows this user's workloads, and ds01-idle explain {word} explains a container"),
    };
    format!("did you mean this? {flag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guess_names_the_right_flag() {
        for (word, flag) in [
            ("gpu0", "--gpu 0 "),
            ("gpu:1", "--gpu 1 "),
            ("0:1", "--gpu 0:1 "),
            ("gpus", "--gpu-only"),
            ("compose", "--type compose"),
            ("alice", "--user alice"),
            ("json", "-o json"),
            ("watch", "--watch"),
            ("logs", "ds01-workloads events"),
            ("ps", "without a command"),
            ("hosts", "--fleet"),
            ("gpustat", "--user gpustat"),
        ] {
            assert!(meant(word).contains(flag), "{word}: {}", meant(word));
        }
    }
}
