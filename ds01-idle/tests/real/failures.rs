//! Something is wrong: nobody is touched, and the words say what to do.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::{fs::symlink, net::UnixListener},
};

use docker_rig::{
    Container,
    fake_daemon::{Answer, FakeDaemon},
};
use nvml_standin::Code;

use crate::{
    namespace::{inside, mount},
    reaper::{POLICY, Run},
    story::{Story, runs},
    told::{STOPPED, WARNING},
};

/// What a story comes to at the check that would have stopped a container.
struct Trouble {
    story: Story,
    idle: Container,
    said: String,
}

impl Trouble {
    /// A container that was warned.
    fn begin() -> Option<Self> {
        let story = Story::begin()?;
        let idle = story.sitter("idle", &[]);
        story.checks([2, 6, 10]);
        assert_eq!(story.events(), ["idle_warning idle"]);
        Some(Self { story, idle, said: String::new() })
    }

    /// Now something is wrong, so that a check ends with this code, and a preview of one and both ways to look with the same
    /// code and words.
    #[track_caller]
    fn is(&mut self, what: &str, code: i32) {
        let run = Run::of(&mut self.story.check_command(14)).ends_with(code);
        assert_eq!(run.stdout(), "");
        let words = run.stderr();
        self.said.push_str(&format!("== {what}\n{words}"));
        for command in [
            self.story.check_command(14).arg("--dry-run"),
            &mut self.story.command("status", 14),
            self.story.command("explain", 14).arg(self.idle.id()),
        ] {
            let run = Run::of(command).ends_with(code);
            assert_eq!((run.stdout(), run.stderr()), (String::new(), words.clone()), "{command:?}");
        }
    }

    /// All is well again: nobody was touched or told meanwhile, and what was to be done is done.
    #[track_caller]
    fn is_over(&self, minute: u64) {
        assert_eq!(
            (self.story.events(), self.story.done_to(&self.idle)),
            (vec!["idle_warning idle".to_owned()], vec![])
        );
        assert_eq!(self.story.notices(), [format!("{WARNING}: idle")]);
        self.story.check(minute);
        assert_eq!(self.story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
        assert_eq!(self.story.done_to(&self.idle), STOPPED);
    }

    /// What was said, with what differs from run to run made the same.
    fn assert_said(&self, name: &str) {
        let dir = self.story.reaper.policy().ancestors().nth(2).unwrap().display().to_string();
        let text = self.story.plain(&self.said).replace(&dir, "[dir]");
        let filters = [(r"/tmp/[.\w-]+", "[tmp]")];
        insta::with_settings!({ filters => filters, omit_expression => true }, { insta::assert_snapshot!(name, text) });
    }
}

#[test]
fn nvml_is_away() {
    let Some(mut trouble) = Trouble::begin() else { return };
    let gpus = trouble.story.gpus.clone();
    gpus.change(|scenario| *scenario = scenario.clone().fault("nvmlInit", Code::DriverNotLoaded));
    trouble.is("the driver is not loaded", 1);
    gpus.change(|scenario| scenario.faults.clear());
    trouble.is_over(15);
    trouble.assert_said("nvml_is_away");
}

#[test]
fn docker_is_away() {
    let Some(mut trouble) = Trouble::begin() else { return };
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    trouble.story.behind(&socket);
    trouble.is("there is no socket", 1);
    drop(UnixListener::bind(&socket).unwrap());
    trouble.is("nobody listens on it", 1);
    let broken = FakeDaemon::start(|_| Answer::Error(500, "database is locked".to_owned())).unwrap();
    trouble.story.behind(broken.socket());
    trouble.is("it errs", 1);
    trouble.story.directly();
    trouble.is_over(15);
    trouble.assert_said("docker_is_away");
}

#[test]
fn the_policy_is_missing_unreadable_or_unsound() {
    let Some(mut trouble) = Trouble::begin() else { return };
    let policy = trouble.story.reaper.policy();
    fs::remove_file(&policy).unwrap();
    trouble.is("missing", 78);
    symlink("/nonexistent", &policy).unwrap();
    trouble.is("a link to nowhere", 78);
    fs::remove_file(&policy).unwrap();
    fs::create_dir(&policy).unwrap();
    trouble.is("a directory", 78);
    fs::remove_dir(&policy).unwrap();
    trouble.story.reaper.set_policy("defaults: {idle_timeout: soon}\n");
    trouble.is("unsound", 78);
    trouble.story.reaper.set_policy("defaults: [\n");
    trouble.is("no YAML", 78);
    trouble.story.reaper.set_policy(POLICY);
    let exemptions = "exemptions: [{username: ann}]\n";
    trouble.story.reaper.put_beside("lifecycle-exemptions.yaml", exemptions);
    trouble.is("unsound exemptions", 78);
    fs::remove_file(policy.with_file_name("lifecycle-exemptions.yaml")).unwrap();
    trouble.is_over(15);
    trouble.assert_said("policy");
}

/// What was known is lost with it: everything begins anew, and nobody is stopped by what nobody remembers.
#[test]
fn the_state_is_corrupt() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    for (n, bytes) in [&b"{\"schema"[..], b"", b"\xff\x00", br#"{"schema_version":"99"}"#].into_iter().enumerate() {
        let at = u64::try_from(n).unwrap() * 60;
        story.checks([at + 2, at + 6, at + 10]);
        assert_eq!((story.events().len(), story.done_to(&idle)), (n + 1, vec![]));
        fs::write(story.reaper.state_file(), bytes).unwrap();
        let said = story.check(at + 14).stderr();
        assert!(said.contains("idle-state.json: ") && said.contains("set aside as "), "{said}");
        // The journal still tells how long it is idle: it is warned anew, and not stopped.
        let aside = said.split("set aside as ").nth(1).unwrap().split(',').next().unwrap();
        assert_eq!(fs::read(aside).unwrap(), bytes);
        assert_eq!((story.events().len(), story.done_to(&idle)), (n + 2, vec![]));
    }
    assert!(runs(&idle));
}

/// A check that can't be written down does nothing.
#[test]
fn the_disk_is_full() {
    if !inside("failures::the_disk_is_full") {
        return;
    }
    let Some(story) = Story::begin() else { return };
    let state = story.reaper.state_dir();
    fs::create_dir(&state).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=256k,mode=750", "tmpfs"], &state);
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    let before = story.reaper.state();
    let filler = state.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(file);
    let said = story.check_ends(14, 1).stderr();
    assert!(said.starts_with("ds01-idle: can't ") && said.contains(state.to_str().unwrap()), "{said}");
    assert!(said.ends_with("\n  nobody was touched\n"), "{said}");
    assert_eq!((story.events(), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
    assert_eq!(story.reaper.state(), before);
    fs::remove_file(filler).unwrap();
    story.check(15);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);
}

/// Nothing can be written down: so nothing is done.
#[test]
fn the_state_directory_is_not_fit_for_it() {
    let Some(mut trouble) = Trouble::begin() else { return };
    let state = trouble.story.reaper.state_dir();
    let aside = state.with_file_name("aside");
    fs::rename(&state, &aside).unwrap();
    fs::write(&state, "").unwrap();
    trouble.is("a file in its place", 1);
    fs::remove_file(&state).unwrap();
    symlink(&aside, &state).unwrap();
    trouble.is("a link in its place", 1);
    fs::remove_file(&state).unwrap();
    fs::rename(&aside, &state).unwrap();
    trouble.is_over(15);
    trouble.assert_said("state_directory");
}
