//! `ds01-idle suspicions`: what looks wrong, for an admin's eyes.

mod json;
mod page;

use std::process::ExitCode;

use ds01_core::cli::console;
use jiff::tz::TimeZone;

use crate::{
    check::{self, Host},
    cli::StatusRequest,
    demo,
    failure::{Failure, exit},
};

pub(crate) fn run(request: &StatusRequest) -> Result<ExitCode, Failure> {
    let checked = match &request.host {
        Some(host) => Host::new(host, None, Vec::new())?.preview()?,
        None => demo::checked()?,
    };
    let failed = check::say_problems(&checked);
    if request.json {
        console::print(&json::document(&checked)?)?;
    } else if checked.blind().is_none() {
        // Of a host that could not be seen nobody can say that nothing looks wrong.
        let medium = console::medium(request.color);
        console::print(page::render(&checked.suspicions, medium, &TimeZone::system()).as_bytes())?;
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}
