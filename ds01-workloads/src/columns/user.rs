//! USER: whose it is.

use ds01_core::table::{Cell, Shrink};

use super::column::{Column, words};

pub(super) const COLUMN: Column = Column {
    name: "user",
    layout: words("USER", Shrink::First(8)),
    wide: false,
    measured: false,
    about: "The owner: from labels, paths under /home, or the user id of the main process. Who names nobody is unknown. \
            --wide says since when the name service does not say that name any more, where it does not. --json has the signal that decided, as user_source.",
    cell: |row| Cell::new(&row.user),
    compare: |a, b| a.user.cmp(&b.user),
};
