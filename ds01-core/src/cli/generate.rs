//! Man pages and shell completions, for packaging.

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
