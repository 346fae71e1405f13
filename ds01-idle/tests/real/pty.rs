//! A program on a pseudo-terminal.

use std::{io::Read, path::Path, process::Command};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// What a command prints on a terminal of so many columns, and its exit code.
pub(crate) fn on_terminal(command: &Command, columns: u16) -> (String, u32) {
    let size = PtySize { cols: columns, rows: 24, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut on_it = CommandBuilder::new(command.get_program());
    on_it.env_clear();
    on_it.args(command.get_args());
    for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        on_it.env(name, value);
    }
    // Or it begins in HOME, which need not be a directory.
    on_it.cwd(command.get_current_dir().unwrap_or(Path::new("/")));
    on_it.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(on_it).unwrap();
    // The end of the output is when nobody has the terminal open any more.
    drop(pair.slave);
    let mut output = Vec::new();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        output.extend_from_slice(&buffer[..count]);
    }
    let ended = child.wait().unwrap();
    (String::from_utf8(output).unwrap().replace("\r\n", "\n"), ended.exit_code())
}
