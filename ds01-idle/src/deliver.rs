//! `ds01-idle deliver`: gives notices to hooks, as a user who is trusted with nothing else.

use std::{process::ExitCode, thread, time::Duration};

use ds01_core::{
    cli::places,
    outbox::{Deliverer, LIMIT, Outbox},
    source::{Clock, SystemClock},
};

use crate::{
    CONSOLE,
    cli::DeliverRequest,
    failure::{Failure, exit},
};

/// While something waits to be tried again, new notices are looked for so often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Until nothing is left to be done. What comes in after that starts it again.
pub(crate) fn run(request: &DeliverRequest) -> Result<ExitCode, Failure> {
    let Outbox { dir, results, hooks, trusted } = places::outbox(&request.config, &request.state_dir);
    let deliverer = Deliverer::open(&dir, &results, hooks, trusted, LIMIT).map_err(Failure::Deliver)?;
    let deliverer = deliverer.with_first_pause(request.first_pause);
    loop {
        let round = deliverer.round(&|| SystemClock.now()).map_err(Failure::Deliver)?;
        round.said.iter().for_each(|line| CONSOLE.say(line));
        if round.trouble {
            return Ok(ExitCode::from(exit::FAILED));
        }
        let Some(next) = round.next else { return Ok(ExitCode::SUCCESS) };
        let left = Duration::try_from(next.duration_since(SystemClock.now())).unwrap_or_default();
        thread::sleep(left.clamp(Duration::from_millis(100), LOOK_AGAIN));
    }
}
