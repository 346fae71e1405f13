//! `ds01-idle notify --test USER`: tries whether notices reach somebody.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use ds01_core::{
    cli::console,
    duration::whole_seconds,
    idle::{Channel, Channels, Delivery, Message, Others, notice::test_notice, try_notices},
    outbox::{Ended, Entry, Standing},
    policy::Way,
    source::{Clock, ProcessSource, SystemClock, proc::ProcFs},
    text::sanitize,
};

use crate::{
    CONSOLE,
    check::load_policy,
    cli::NotifyRequest,
    failure::{Failure, exit},
    people,
};

/// So long a check that is under way is waited for.
const FOR_A_CHECK: Duration = Duration::from_secs(60);

/// Between two looks at what became of it with hooks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

const PROC: &str = "/proc";

pub(crate) fn run(request: &NotifyRequest) -> Result<ExitCode, Failure> {
    if users::get_effective_uid() != 0 {
        return Err(Failure::NotRoot("only root can write to other users' terminals; run: sudo ds01-idle notify"));
    }
    let notify = load_policy(&request.config)?.notify;
    let user = request.user.as_str();
    let others = if request.wall { Others::EachTerminal } else { Others::Silent };
    let channels = people::channels(&notify, &request.config, &request.state_dir, PROC.into(), others);
    if (channels.people.user_id)(user).is_none() {
        CONSOLE.say(format_args!("this host knows no user {}", sanitize(user)));
    }
    let host = ProcFs::new(PROC).host().map_or_else(|_| "this host".to_owned(), |host| host.name);
    let text = test_notice(user, &host);
    let message = Message::to(user, &text, SystemClock.now());
    let deliveries = try_notices(&request.state_dir, FOR_A_CHECK, &channels, &message, request.wall)?;
    let mut arrived = deliveries.iter().any(Delivery::is_delivered);
    let said = deliveries.iter().map(ToString::to_string);
    let said: Vec<String> = said.chain(unused(&channels, request.wall, &deliveries)).collect();
    say(&said)?;
    if let Some(entry) = channels.in_outbox(&message).map_err(Failure::Deliver)? {
        arrived |= wait_for_hooks(&channels, &entry, request.wait)?;
        channels.outbox.take_back(&entry).map_err(Failure::Deliver)?;
    }
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn say(lines: &[String]) -> Result<(), Failure> {
    lines.iter().try_for_each(|line| Ok(console::print(format!("{}\n", sanitize(line)).as_bytes())?))
}

/// Why channels are not used.
fn unused(channels: &Channels, wall: bool, used: &[Delivery]) -> Vec<String> {
    let ways = channels.notify.channels.all();
    let is_way = |way: &Way| ways.contains(way);
    let off = || "no notice takes this way (notify.channels in the policy)".to_owned();
    let quiet = || "nothing is written to terminals for this user (quiet in notify.users)".to_owned();
    let why = |channel| match channel {
        Channel::Terminals if is_way(&Way::Terminals) => quiet(),
        Channel::Wall if !wall => "nobody else is told without --wall".to_owned(),
        Channel::Wall if !channels.notify.wall => "off (notify.wall in the policy)".to_owned(),
        Channel::Wall if is_way(&Way::Wall) => quiet(),
        Channel::Hooks if channels.outbox.hooks().names.is_empty() => {
            format!("there is no program in {}", channels.outbox.hooks.display())
        }
        Channel::Login if is_way(&Way::Login) => "not installed".to_owned(),
        Channel::Terminals | Channel::Wall | Channel::Hooks | Channel::Login => off(),
    };
    [Channel::Terminals, Channel::Wall, Channel::Hooks, Channel::Login]
        .into_iter()
        .filter(|channel| !used.iter().any(|delivery| delivery.channel == *channel))
        .map(|channel| format!("{channel}: not used: {}", why(channel)))
        .collect()
}

/// Says what becomes of it with each hook, as soon as that is known; whether it arrived through one. A first failure is an
/// answer: the hook would be tried again for a day.
fn wait_for_hooks(channels: &Channels, entry: &Entry, limit: Duration) -> Result<bool, Failure> {
    let end = Instant::now() + limit;
    let mut waiting = entry.hooks.clone();
    let mut arrived = false;
    loop {
        let mut still = Vec::new();
        for hook in waiting {
            let became = match channels.outbox.standing(entry, &hook) {
                Standing::Untried => {
                    still.push(hook);
                    continue;
                }
                Standing::Ended(Ended::Delivered(place)) => {
                    arrived = true;
                    format!("told {} at {place}", entry.user.as_deref().unwrap_or_default())
                }
                Standing::Retried(why) | Standing::Ended(Ended::Failed(why)) => format!("failed: {why}"),
            };
            say(&[format!("hook:{hook}: {became}")])?;
        }
        waiting = still;
        if waiting.is_empty() || Instant::now() >= end {
            break;
        }
        thread::sleep(LOOK_AGAIN);
    }
    for hook in waiting {
        let limit = whole_seconds(limit);
        say(&[format!("hook:{hook}: no answer within {limit}; see systemctl status ds01-notify.path ds01-notify")])?;
    }
    Ok(arrived)
}
