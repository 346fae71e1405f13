//! Which programs in `/etc/ds01/notify.d` are run.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::text::sanitize;

/// The most hooks of one host.
const MOST: usize = 16;

/// What lies in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// The names of those that are run, in their order.
    pub names: Vec<String>,
    /// Why others are not, in words.
    pub refused: Vec<String>,
}

/// The hooks in `dir`, which have to belong to `trusted` (root, but in tests). No directory is no hooks.
pub fn hooks(dir: &Path, trusted: u32) -> Hooks {
    let mut hooks = Hooks::default();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return hooks,
        Err(error) => {
            hooks.refused.push(format!("{}: {error}", dir.display()));
            return hooks;
        }
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    for name in names {
        match usable(dir, &name, trusted) {
            Ok(_) if hooks.names.len() >= MOST => {
                hooks.refused.push(format!("{}: {MOST} hooks are enough", dir.join(&name).display()));
                break;
            }
            Ok(_) => hooks.names.push(name),
            Err(why) => hooks.refused.push(why),
        }
    }
    hooks
}

/// Names of hooks are parts of file names: plain ones only, and none that an editor or a package leaves behind.
pub(crate) fn is_hook_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

/// The path of the hook of this name, or why it is not run.
pub(super) fn usable(dir: &Path, name: &str, trusted: u32) -> Result<PathBuf, String> {
    let path = dir.join(name);
    let refused = |path: &Path, why: &str| format!("{}: {why}", sanitize(&path.display().to_string()));
    let look = |path: &Path| fs::symlink_metadata(path).map_err(|error| refused(path, &error.to_string()));
    let safe = |path: &Path, metadata: &fs::Metadata| {
        if metadata.uid() != trusted {
            return Err(refused(path, &format!("it belongs to user id {}; run: chown root", metadata.uid())));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(refused(path, "others than its owner can write to it; run: chmod go-w"));
        }
        Ok(())
    };
    if !is_hook_name(name) {
        return Err(refused(&path, "a hook's name has letters, digits, `_` and `-` only, at most 64"));
    }
    let of_dir = look(dir)?;
    if !of_dir.is_dir() {
        return Err(refused(dir, "this is no directory, and a link is not followed"));
    }
    safe(dir, &of_dir)?;
    let of_file = look(&path)?;
    if !of_file.is_file() {
        return Err(refused(&path, "this is not a regular file, and a link is not followed; copy the program here"));
    }
    safe(&path, &of_file)?;
    if of_file.mode() & 0o111 == 0 {
        return Err(refused(&path, "it can't be executed; run: chmod +x, or take it away"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn file(dir: &Path, name: &str, mode: u32) {
        fs::write(dir.join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_what_its_owner_alone_can_change_is_run_and_the_rest_is_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        file(dir, "webhook", 0o755);
        file(dir, "mail", 0o755);
        file(dir, "open", 0o775);
        file(dir, "README", 0o644);
        file(dir, "mail.dpkg-dist", 0o755);
        symlink(dir.join("mail"), dir.join("link")).unwrap();
        let found = hooks(dir, me());
        assert_eq!(found.names, ["mail", "webhook"]);
        let words = found.refused.join("\n");
        for expected in [
            "README: it can't be executed",
            "link: this is not a regular",
            "mail.dpkg-dist: a hook's name",
            "open: others than",
        ] {
            assert!(words.contains(expected), "{words}");
        }
        assert_eq!(found.refused.len(), 4);
    }

    #[test]
    fn nothing_is_run_from_a_directory_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        file(dir, "mail", 0o755);
        assert_eq!(hooks(dir, me() + 1).names, [""; 0]);
        fs::set_permissions(dir, fs::Permissions::from_mode(0o775)).unwrap();
        assert!(hooks(dir, me()).refused[0].contains("others than its owner can write"));
        assert_eq!(hooks(&dir.join("none"), me()), Hooks::default());
    }
}
