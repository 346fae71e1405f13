//! Man pages and shell completions, for packaging.

use std::io;

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

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
            Self::Man => return man_page(command),
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

/// One page for the whole program: a subcommand has a section, where `clap_mangen` would point to a page of its own.
fn man_page(command: Command) -> io::Result<Vec<u8>> {
    let mut command = command.disable_help_subcommand(true);
    // Gives the subcommands their full names.
    command.build();
    let subcommands: Vec<Command> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    if subcommands.is_empty() {
        man.render(&mut page)?;
        return Ok(page);
    }
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for subcommand in subcommands {
        let name = subcommand.get_bin_name().unwrap_or(subcommand.get_name());
        let heading = format!(".SH \"{}\"\n", name.to_uppercase().replace('-', "\\-"));
        let man = Man::new(subcommand);
        let mut section = Vec::new();
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        page.extend(heading.bytes());
        page.extend(String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ").bytes());
    }
    if command.get_after_help().is_some() || command.get_after_long_help().is_some() {
        man.render_extra_section(&mut page)?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn a_subcommand_is_a_section_of_the_one_page() {
        let say = Command::new("say").about("Says it").arg(Arg::new("what").long("what").help("The words"));
        let hidden = Command::new("mutter").hide(true);
        let page = Generate::Man.render(Command::new("a-b").version("1").subcommands([say, hidden])).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.matches(".TH ").count(), 1, "{page}");
        for part in [
            ".SH \"A\\-B SAY\"",
            ".SS SYNOPSIS",
            ".SS DESCRIPTION\nSays it",
            ".SS OPTIONS",
            "\\-\\-what",
            ".SH VERSION",
        ] {
            assert!(page.contains(part), "{part}:\n{page}");
        }
        for part in ["(1)", "mutter", "help of the given"] {
            assert!(!page.contains(part), "{part}:\n{page}");
        }
    }
}
