use super::*;
use crate::idle::{ContainerFacts, ContainerPolicy, Now, Track, trail};
use crate::{
    idle::test_support::{THRESHOLDS, container_policy, facts, now, on_gpu, policy, seen},
    model::{Reading, Unknown, UnknownKind},
    policy::{Document, PolicyFiles, parse},
};

const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: 3h}\npolicies: {grace_period: 1h}\n";

/// A container that has run for two hours, and was last seen idle.
struct Given {
    now: Now,
    facts: ContainerFacts,
    policy: ContainerPolicy,
    track: Track,
}

impl Given {
    fn new() -> Self {
        let mut track = Track::new(&seen(9_970));
        track.observe(&seen(10_000), &THRESHOLDS);
        Self { now: now(10_000), facts: facts(), policy: container_policy(POLICY), track }
    }

    fn case(&self) -> Case<'_> {
        let Self { now, facts, policy, track } = self;
        Case { now, check: 7, facts, policy, track: Some(track), demand: None, kept: None }
    }

    fn exempt(&mut self, from: &str) {
        let text = format!(
            "exemptions: [{{username: alice, exempt_from: [{from}], reason: a, approved_by: b, expires_on: null}}]\n"
        );
        let document = |name: &str, text: &str| Document { path: name.into(), bytes: text.into() };
        let policy = parse(&PolicyFiles {
            policy: document("limits.yaml", POLICY),
            overrides: None,
            exemptions: Some(document("exemptions.yaml", &text)),
            members: Default::default(),
        });
        self.policy.exemptions = policy.unwrap().policy.exemptions().to_vec();
    }
}

/// A user's own engine is named with its user: that another's is named says nothing of it.
#[test]
fn engines_are_named_each_by_itself() {
    let mut given = Given::new();
    given.policy.engines = policy(&format!("{POLICY}engines: {{reap: [podman, 'docker:1001']}}\n")).engines;
    given.facts.running_for = Reading::Known(Duration::from_secs(7200));
    for (engine, may_act) in
        [("podman", true), ("docker:1001", true), ("docker", false), ("docker:1002", false), ("podman:1001", false)]
    {
        let engine: EngineName = engine.parse().unwrap();
        given.facts.engine = engine.clone();
        let expected = if may_act { Reason::Idle } else { Reason::Engine(engine) };
        assert_eq!(given.case().reason(), expected);
    }
}

/// Makes each rule match, the last one first: whatever later rules say, the earlier one is the reason.
#[test]
fn each_rule_and_their_order() {
    let mut given = Given::new();
    assert_eq!(given.case().reason(), Reason::Idle);

    given.track.observe(&on_gpu(10_000, 50.0), &THRESHOLDS);
    let mut busy = Track::new(&seen(9_970));
    busy.observe(&on_gpu(10_000, 50.0), &THRESHOLDS);
    given.track = busy;
    assert_eq!(given.case().reason(), Reason::NotIdle(Verdict::GpuActive));

    given.facts.running_for = Reading::Known(Duration::from_secs(3_599));
    assert_eq!(given.case().reason(), Reason::Grace(Duration::from_secs(1)));

    given.exempt("idle_timeout");
    assert_eq!(given.case().reason(), Reason::OwnerExempt);
    given.policy.resolved.limits.idle_timeout.value = None;
    assert_eq!(given.case().reason(), Reason::NoIdleLimit);

    given.facts.running_for = Reading::Known(Duration::from_secs(3 * 3600));
    assert_eq!(given.case().reason(), Reason::OverRuntime(Duration::from_secs(3 * 3600)));

    given.facts.engine = EngineName::PODMAN;
    assert_eq!(given.case().reason(), Reason::Engine(EngineName::PODMAN));
    given.facts.labels.insert("ds01.protected".to_owned(), "true".to_owned());
    assert_eq!(given.case().reason(), Reason::Infrastructure("label ds01.protected".to_owned()));

    given.facts.origin = Origin::Unknown;
    assert_eq!(given.case().reason(), Reason::OriginUnknown);

    given.facts.has_gpu = Some(false);
    assert_eq!(given.case().reason(), Reason::NoGpu);
    given.facts.has_gpu = None;
    assert_eq!(given.case().reason(), Reason::GpuAccessUnknown("not read".to_owned()));
    given.facts.answered = false;
    assert_eq!(given.case().reason(), Reason::NotTold(EngineName::PODMAN));
}

#[test]
fn whoever_is_exempt_from_run_time_is_still_judged_by_idleness() {
    let mut given = Given::new();
    given.facts.running_for = Reading::Known(Duration::from_secs(9_999_999));
    given.exempt("max_runtime");
    assert_eq!(given.case().reason(), Reason::Idle);
}

#[test]
fn infrastructure_by_name_and_by_label() {
    let mut given = Given::new();
    given.policy.monitoring.infrastructure_containers.push("train".to_owned());
    assert_eq!(given.case().reason(), Reason::Infrastructure("name train".to_owned()));
    given.policy.monitoring.infrastructure_containers.clear();
    for (label, value, protects) in [
        ("ds01.protected", "", true),
        ("ds01.protected", "false", false),
        ("ds01.monitoring", "true", true),
        ("ds01.monitoring", "false", false),
        ("ds01.monitoring", "", false),
    ] {
        given.facts.labels = [(label.to_owned(), value.to_owned())].into();
        let protected = matches!(given.case().reason(), Reason::Infrastructure(_));
        assert_eq!(protected, protects, "{label}={value:?}");
    }
}

#[test]
fn an_unknown_start_is_as_late_as_it_can_be() {
    let mut given = Given::new();
    given.facts.running_for = Unknown::new(UnknownKind::Denied, "/proc/1/stat").into();
    assert_eq!(given.case().ran_for(), Duration::from_secs(30), "observed for so long");
    assert_eq!(given.case().reason(), Reason::Grace(Duration::from_secs(3_570)));
}

#[test]
fn nothing_observed_is_no_evidence() {
    let given = Given::new();
    let case = Case { track: None, ..given.case() };
    assert_eq!(case.reason(), Reason::NotIdle(Verdict::NoEvidence));
}

#[test]
fn the_trail_says_every_rule_and_where_each_threshold_stands() {
    let mut given = Given::new();
    let steps = trail(&given.case());
    assert_eq!(steps.iter().map(|step| step.rule).collect::<Vec<_>>(), Rule::ORDER);
    assert_eq!(steps.iter().filter(|step| step.matched).count(), 1);
    let step = |rule| steps.iter().find(|step| step.rule == rule).unwrap();
    let grace = &step(Rule::Grace).settings[0];
    assert_eq!((grace.name, grace.value.to_string()), ("grace_period", "1h".to_owned()));
    assert_eq!(grace.place.as_ref().unwrap().to_string(), "limits.yaml:2");
    assert_eq!(step(Rule::MaxRuntime).finding.as_deref(), Some("it has run for 2h"));
    let idle = step(Rule::Idle).finding.as_deref().unwrap();
    assert_eq!(idle, "idle; GPU 0 %, CPU 0.0 % of one core, network 0B, nothing started; idle for 30s");

    given.facts.answered = false;
    let steps = trail(&given.case());
    assert!(steps[0].matched && steps[1..].iter().all(|step| step.finding.is_none() && !step.matched));
}
