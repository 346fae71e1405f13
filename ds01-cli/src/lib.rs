//! What the command lines of ds01's programs have in common: shell completions and man pages, made by each program from
//! the definitions that its `--help` is made from.
//!
//! Packaging asks each program for them with the hidden option `--generate`:
//!
//! ```sh
//! ds01-workloads --generate man > ds01-workloads.1
//! ds01-workloads --generate completions-bash > ds01-workloads.bash
//! ```

use std::io;

use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// What `--generate` can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// A man page, in roff.
    Man,
    /// Completions for bash.
    CompletionsBash,
    /// Completions for zsh.
    CompletionsZsh,
    /// Completions for fish.
    CompletionsFish,
}

impl Generate {
    /// The file's content.
    ///
    /// # Errors
    ///
    /// None that a sound command definition can cause; the signature is the generators'.
    pub fn render(self, mut command: Command) -> io::Result<Vec<u8>> {
        let shell = match self {
            Self::Man => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                return Ok(page);
            }
            Self::CompletionsBash => Shell::Bash,
            Self::CompletionsZsh => Shell::Zsh,
            Self::CompletionsFish => Shell::Fish,
        };
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut script);
        Ok(script)
    }
}
