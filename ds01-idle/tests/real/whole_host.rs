//! What is shown of a whole host, and a check of everybody on it.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use docker_rig::Container;
use serde_json::{Value, json};

use crate::{
    private::Private,
    pty::on_terminal,
    reaper::{POLICY, Reaper, Run},
    story::{Story, main_pid, runs},
    told::{STOPPED, sorted},
};

/// When it is looked at: a quarter of a minute after what was is whole minutes ago, so that seconds more change no minute.
const LOOK: Duration = Duration::from_secs(60 * 11 + 15);

/// One container of each kind.
struct Cast {
    train: Container,
    idle: Container,
    kept: Container,
    others: Vec<Container>,
    made: Container,
}

impl Cast {
    fn assemble(story: &Story, keep_alive: &str) -> Self {
        let on_1 = story.gpus_option(&[1]);
        let mut others = vec![
            story.sitter("dev", &["--label=devcontainer.local_folder=/home/cara/thesis"]),
            story.sitter("fresh", &["--label=ds01.user=dan"]),
            story.sitter("exporter", &["--label=ds01.monitoring=true"]),
            story.run("web", &["--label=ds01.user=eve"], &[]),
        ];
        others.push(story.run(
            "a-name-that-is-so-long-that-no-table-of-80-columns-has-room-for-it",
            &[
                &on_1,
                "--label=ds01.user=a.very.long.name\u{1b}[31m@students.university.example",
                "--label=com.docker.compose.project=x",
            ],
            &[],
        ));
        let train = story.sitter("train", &["--label=ds01.user=ann"]);
        story.gpus.work(&story.gpu(0), main_pid(&train), 97);
        Self {
            train,
            idle: story.run("idle", &[&on_1, "--label=ds01.user=bob"], &[]),
            kept: story.run("kept", &[&on_1, "--label=ds01.user=bob", keep_alive], &[]),
            made: story.create("made", &["--label=ds01.managed=true", "--label=ds01.user=ann"]),
            others,
        }
    }
}

fn assert_shown(name: &str, story: &Story, text: &str) {
    let dir = story.reaper.policy().parent().unwrap().display().to_string();
    let filters = [
        // Where a test may not look at the host's network, neither may the program.
        (r"(?: \?|0B)  ", "[]  "),
        (r"network +(idle|unknown) .*", "network    [idle, or unknown where it can't be read]"),
        (r"network (unknown|0 bytes)", "network [0 bytes]"),
        (r"\b([1-9]\d*m)\d+s\b", "$1[n]s"),
        (r"\b\d+s ago", "[n]s ago"),
        // On a slow machine, a little of the time falls between two looks.
        (r" 9[89]%", "100%"),
        (r"(?m)^ +For \d+s more nobody could see .*\n", ""),
        (r"(?m)^ +Of that time, .* were observed on its GPUs\.\n", ""),
        (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)( \d\d:\d\d(:\d\d)?| …)", "[time]"),
    ];
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(name, story.plain(text).replace(&dir, "[dir]"));
    });
}

#[test]
fn everybody_is_shown_and_a_check_is_one_of_everybody() {
    let Some(private) = Private::start() else { return };
    let story = Story::alone_on(private.rig());
    let policy = |monitoring: &str| {
        format!("{POLICY}user_overrides:\n  dan: {{policies: {{grace_period: 3h}}}}\nmonitoring: {{{monitoring}}}\n")
    };
    story.reaper.set_policy(&policy("infrastructure_label: my.own"));
    let workspace = tempfile::tempdir().unwrap();
    // Written a little later than it is looked at, by a clock that is ahead: it ends on another day at any time of day.
    let written = SystemTime::now() + Duration::from_secs(60 * 14);
    File::create(workspace.path().join(".keep-alive")).unwrap().set_modified(written).unwrap();
    let cast = Cast::assemble(&story, &format!("--volume={}:/workspace", workspace.path().display()));
    for minute in [2, 6, 10] {
        story.check(minute);
    }
    let long = cast.others.last().unwrap().name();
    let told = [format!("idle_warning {long}"), "idle_warning idle".into(), "raised exporter".into()];
    assert_eq!(sorted(story.events()), told);

    tables(&story);
    as_json(&story, &cast);
    explanations(&story, &cast);
    suspicions(&story, &[("exempt_by_label", "dev"), ("exempt_by_label", "exporter")]);
    // Whom the policy names is none, and a label that it does not trust exempts nobody.
    story.reaper.set_policy(&policy(
        "infrastructure_containers: [exporter], trust_labels: [my.own], infrastructure_label: my.own",
    ));
    suspicions(&story, &[]);
    let dev = Run::of(story.command("explain", LOOK).arg("dev")).ends_with(0).stdout();
    assert!(dev.contains("It is a dev container by devcontainer.*, which the policy does not trust"), "{dev}");
    story.reaper.set_policy(&policy("infrastructure_label: my.own"));

    story.check(14);
    let kinds = ["idle_kill", "gpu_released"];
    for gone in [long, "idle"] {
        let expected: Vec<String> = kinds.iter().map(|kind| format!("{kind} {gone}")).collect();
        assert_eq!(story.events_about(gone)[1..], expected);
    }
    // The dev container has idled for longer than a plain one may by now. That is told once, and nothing comes of it.
    assert_eq!(story.events_about("dev"), ["raised dev"]);
    assert_eq!(story.events_about("exporter"), ["raised exporter"]);
    assert_eq!((story.events().len(), story.notices().len()), (8, 4));
    assert_eq!(story.done_to(&cast.idle), STOPPED);
    let untouched = [&cast.train, &cast.kept].into_iter().chain(&cast.others[..4]);
    for container in untouched {
        assert_eq!((story.done_to(container), runs(container)), (vec![], true), "{}", container.name());
    }
    assert_eq!(story.done_to(&cast.made), [""; 0]);
}

fn tables(story: &Story) {
    let status = || story.command("status", LOOK);
    let (narrow, code) = on_terminal(status().arg("--color=never"), 80);
    assert_eq!(code, 0);
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max();
    assert!(widest(&narrow) <= Some(80), "{narrow}");
    let (wide, _) = on_terminal(status().arg("--color=never"), 200);
    let piped = Run::of(&mut status()).ends_with(0);
    assert_eq!(piped.stderr(), "");
    assert_shown("status_80", story, &narrow);
    insta::allow_duplicates! { assert_shown("status_200", story, &wide) }
    // Where nothing has to be cut, all is the same.
    insta::allow_duplicates! { assert_shown("status_200", story, &piped.stdout()) }

    // The same with colour on a terminal, and none in a pipe.
    let (colored, _) = on_terminal(&status(), 200);
    assert!(colored.contains("\u{1b}["), "{colored}");
    assert_eq!(without_colour(&colored).lines().count(), wide.lines().count());
    assert!(!piped.stdout().contains('\u{1b}'));
    // No command at all is status.
    let mut bare = Reaper::bare();
    bare.args(status().get_args().skip(1));
    assert_eq!(Run::of(&mut bare).ends_with(0).stdout().lines().count(), piped.stdout().lines().count());
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
}

fn as_json(story: &Story, cast: &Cast) {
    let output = Run::of(story.command("status", LOOK).arg("--json")).ends_with(0).stdout();
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&told["judged"], &told["high_demand"]), (&json!(true), &json!(false)));
    assert_eq!(told["demand"], json!({ "assigned": 2, "total": 2 }));
    let of = |container: &Container| {
        let containers = told["containers"].as_array().unwrap();
        containers.iter().find(|entry| entry["id"] == container.id()).unwrap().clone()
    };
    let train = of(&cast.train);
    assert_eq!((&train["signals"]["gpu"], &train["next"]), (&json!({ "active": 97.0 }), &json!("works")));
    assert_eq!(
        (&train["user"], &train["type"], &train["gpus"]),
        (&json!("ann"), &json!("docker"), &json!([story.gpu(0)]))
    );
    let idle = of(&cast.idle);
    assert_eq!((&idle["signals"]["gpu"], &idle["reason"]), (&json!({ "idle": 0.0 }), &json!("idle")));
    assert_eq!((&idle["idle_limit_seconds"], &idle["run_limit_seconds"]), (&json!(540), &json!(172_800)));
    assert!((550..600).contains(&idle["idle_seconds"].as_u64().unwrap()), "{idle}");
    let mut shown: Vec<&str> =
        told["containers"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    shown.sort_unstable();
    let long = cast.others[4].name();
    assert_eq!(shown, [long, "dev", "exporter", "fresh", "idle", "kept", "made", "train"]);
    assert!(!output.contains('\u{1b}'));
}

/// What looks wrong, for people and for programs.
fn suspicions(story: &Story, expected: &[(&str, &str)]) {
    let command = || story.command("suspicions", LOOK);
    let output = Run::of(command().arg("--json")).ends_with(0).stdout();
    let told: Value = serde_json::from_str(&output).unwrap();
    let of = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let found: Vec<(String, String)> =
        told["suspicions"].as_array().unwrap().iter().map(|one| (of(one, "kind"), of(one, "container"))).collect();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(kind, name)| ((*kind).into(), (*name).into())).collect();
    assert_eq!((found, &told["judged"]), (expected.clone(), &json!(true)), "{output}");

    let (narrow, code) = on_terminal(command().arg("--color=never"), 80);
    assert_eq!((code, narrow.lines().map(|line| line.chars().count()).max() <= Some(80)), (0, true), "{narrow}");
    let heads = narrow.lines().filter(|line| line.starts_with("exempt by its own label: ")).count();
    assert_eq!(heads, expected.len(), "{narrow}");
    let last = if expected.is_empty() {
        "Nothing looks wrong."
    } else {
        "2 suspicions, for you to judge: nobody is stopped for one."
    };
    assert_eq!(narrow.lines().next_back().map(str::trim_end), Some(last), "{narrow}");
}

fn explanations(story: &Story, cast: &Cast) {
    let explain =
        |container: &Container| Run::of(story.command("explain", LOOK).arg(container.name())).ends_with(0).stdout();
    assert_shown("explain_idle", story, &explain(&cast.idle));
    assert_shown("explain_train", story, &explain(&cast.train));
    assert!(explain(&cast.kept).contains("Nothing happens until "), "{}", explain(&cast.kept));
    assert_shown("explain_made", story, &explain(&cast.made));
    // Each setting of a judged container stands there with its file and line.
    let told = explain(&cast.idle);
    let policy = story.reaper.policy().display().to_string();
    assert!(told.contains(&format!("idle_timeout = 9m (container type docker, {policy}:")), "{told}");
}
