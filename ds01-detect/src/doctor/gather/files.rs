//! The directories and files that ds01 keeps, looked at and not touched.

use std::{
    fs::{self, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use ds01_core::{
    detect::{
        Inventory,
        inventory::{FILE_NAME, InventoryError},
    },
    idle::journal,
};
use rustix::{fs::OFlags, io::Errno};

use super::super::facts::{FileFacts, Kind, NoInventory, Place, Stat};
use crate::store_args::StoreArgs;

/// Larger files than this are nothing that the detector wrote.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

pub(super) fn facts(store: &StoreArgs) -> FileFacts {
    let inventory_file = store.state_dir.join(FILE_NAME);
    let activity_dir = store.state_dir.join(journal::DIR_NAME);
    let mut facts = FileFacts {
        state: unfollowed(&store.state_dir),
        state_dir: store.state_dir.clone(),
        activity: unfollowed(&activity_dir),
        activity_dir,
        log: Place::Missing,
        events: unfollowed(&store.events_file),
        events_file: store.events_file.clone(),
        inventory: inventory(&inventory_file),
        inventory_place: unfollowed(&inventory_file),
        inventory_file,
    };
    facts.log = unfollowed(facts.log_dir());
    facts
}

/// What is at a path itself, be it a link.
pub(super) fn unfollowed(path: &Path) -> Place {
    place(fs::symlink_metadata(path))
}

/// What a path leads to.
pub(super) fn followed(path: &Path) -> Place {
    place(fs::metadata(path))
}

fn place(metadata: io::Result<Metadata>) -> Place {
    match metadata {
        Ok(metadata) => Place::There(stat(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Place::Missing,
        Err(error) => Place::Unseen(error.to_string()),
    }
}

fn stat(metadata: &Metadata) -> Stat {
    let file_type = metadata.file_type();
    let kind = match () {
        () if file_type.is_file() => Kind::File,
        () if file_type.is_dir() => Kind::Directory,
        () if file_type.is_symlink() => Kind::Link,
        () if file_type.is_socket() => Kind::Socket,
        () => Kind::Other,
    };
    let mode = metadata.mode() & 0o7777;
    Stat { kind, uid: metadata.uid(), gid: metadata.gid(), mode, names: metadata.nlink() }
}

fn inventory(path: &Path) -> Result<Inventory, NoInventory> {
    // A link or a FIFO in its place is nothing that the detector made: the first could lead anywhere, the second hang.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = open.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NoInventory::Missing,
        io::ErrorKind::PermissionDenied => NoInventory::Denied,
        _ if Errno::from_io_error(&error) == Some(Errno::LOOP) => NoInventory::NoFile,
        _ => NoInventory::Unreadable(error.to_string()),
    })?;
    let unreadable = |error: io::Error| NoInventory::Unreadable(error.to_string());
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(NoInventory::NoFile);
    }
    let mut bytes = Vec::new();
    let length = file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > MOST_BYTES {
        return Err(NoInventory::Unusable(InventoryError::Corrupt(format!("larger than {MOST_BYTES} bytes"))));
    }
    Inventory::from_json(&bytes).map_err(NoInventory::Unusable)
}
