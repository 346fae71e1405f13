//! Where the page is written.

use std::path::Path;

use ds01_core::store::{Store, StoreError};

/// Writes a file as a whole, in place of one that is there. A link in its place is replaced and never followed, and nothing
/// is written into a directory that others can write to: they could choose what is overwritten.
pub(super) fn save(file: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let unsafe_path = |why: &str| StoreError::Unsafe { path: file.to_owned(), why: why.to_owned() };
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| unsafe_path("this is no name for a file; name one, such as gpus.html"))?;
    let dir = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Store::open_existing(dir)?.replace(name, bytes)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn a_link_is_replaced_and_where_it_leads_nothing_changes() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("page.html"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        save(&link, b"<p>").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&link).unwrap(), "<p>");
        assert!(!link.symlink_metadata().unwrap().is_symlink());
        save(&link, b"<p>again").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "<p>again");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn nothing_is_written_where_others_can_write() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(save(&dir.path().join("page.html"), b""), Err(StoreError::Unsafe { .. })));
        assert!(matches!(save(Path::new("/"), b""), Err(StoreError::Unsafe { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
