//! `/proc`, cgroupfs and the user database.
