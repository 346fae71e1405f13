//! How wide and how colourful standard output is.

use std::{env, io};

use clap::ColorChoice;
use rustix::termios::{isatty, tcgetwinsize};

use crate::table::Medium;

/// The width of a terminal that does not know its own.
const USUAL_WIDTH: usize = 80;

/// What a table on standard output has to fit.
pub fn stdout_medium(choice: ColorChoice) -> Medium {
    let width = tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let width = isatty(io::stdout()).then(|| width.filter(|width| *width > 0).unwrap_or(USUAL_WIDTH));
    Medium { width, color: colored(choice) }
}

/// Whether to colour: on a terminal, unless `NO_COLOR` is set or the terminal says that it can't.
pub fn colored(choice: ColorChoice) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            isatty(io::stdout()) && !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}
