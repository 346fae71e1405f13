//! The two long tiers of help. `--info` takes its columns from the columns themselves.

use ds01_core::table::wrapped;

use crate::{cli::type_names, columns::COLUMNS};

/// What detection is and how to read it.
pub(crate) const CONCEPTS: &str = include_str!("concepts.txt");

const INFO: &str = include_str!("info.txt");

/// Lines of the long tiers are no longer than this.
const WIDTH: usize = 80;

/// The full reference.
pub(crate) fn info() -> String {
    let columns: String = COLUMNS
        .iter()
        .map(|column| {
            let wide = if column.wide { " With --wide." } else { "" };
            let about = format!("{}{wide} --sort {}", column.about, column.name);
            wrapped(&format!("  {:<11}", column.layout.heading), &about, WIDTH)
        })
        .collect();
    let types = wrapped("                   ", &type_names().collect::<Vec<_>>().join(", "), WIDTH);
    INFO.replace("{COLUMNS}\n", &columns).replace("{TYPES}\n", &types)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn info_explains_every_option_column_and_type() {
        let info = info();
        let command = Cli::command();
        for option in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let long = format!("--{}", option.get_long().unwrap());
            assert!(info.contains(&long), "{long} is missing");
        }
        for column in COLUMNS {
            assert!(info.contains(&format!("\n  {}", column.layout.heading)), "{} is missing", column.layout.heading);
        }
        assert!(type_names().all(|name| info.contains(name)));
        assert!(!info.contains('{'), "a placeholder is left");
    }

    #[test]
    fn the_long_tiers_fit_a_narrow_terminal() {
        for line in info().lines().chain(CONCEPTS.lines()) {
            assert!(line.chars().count() <= WIDTH, "{line:?}");
        }
    }
}
