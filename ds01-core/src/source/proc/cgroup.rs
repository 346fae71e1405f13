//! Which containers a process runs in, from the text of its `/proc/PID/cgroup`.

use crate::model::{ContainerId, UsersGroup};

use super::group::Place;

/// The containers that the cgroups in `text` belong to, the outermost first; none for a process of the host.
///
/// `text` is a whole `/proc/PID/cgroup`: one line `ID:CONTROLLERS:PATH` for each hierarchy. Each part of a path names a
/// container, or does not:
///
/// | part | written by | |
/// |---|---|---|
/// | `<id>` | Docker and containerd with the cgroupfs driver, Kubernetes | a container |
/// | `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope` | the systemd driver | a container |
/// | `crio-<id>`, `libpod-<id>` | CRI-O, Podman with the cgroupfs driver | a container |
/// | `kubepods-....slice:cri-containerd:<id>` | a systemd name given to the cgroupfs driver | a container |
/// | `libpod-conmon-<id>.scope`, `crio-conmon-<id>` | conmon, which watches over a container from outside | not in it |
/// | `<id>-<random>.service` | Podman's health checks: `podman` itself, on the host | not in it |
/// | `..._pod_<id>.slice`, `libpod_pod_<id>` | a Podman pod, which is no container | not one |
/// | `var-lib-...-<id>-merged.mount` | systemd's unit for a mount | not one |
///
/// An id is 64 hexadecimal digits in lower case, no more and no fewer. `BuildKit` inside the Docker daemon names its
/// cgroups otherwise (`buildkit/<25 letters>`): such a build step is a process of the host.
///
/// **Several ids on one line** are containers in a container: the last is the innermost, whatever systemd slices follow it.
/// All are told, as the host's engine knows the outer one only. **Lines that differ**: an inner engine may make cgroups in
/// some hierarchies only, and on a hybrid host the `0::` line can name `containerd.service` beside right v1 lines. The
/// numbers of hierarchies mean nothing, so the line with the deepest nesting wins, and the last of several equals.
///
/// Whoever may make cgroups may give them any name: root in a privileged container below that container, and any user below
/// their own `user@.service`, by `systemd-run --user --scope --unit=docker-<id>`. Here, only names count that nobody but root
/// could choose ([`Place::proven`]); [`users_group`] has the others.
pub(super) fn containers_of(places: &[Place<'_>]) -> Vec<ContainerId> {
    deepest(places.iter().map(|place| containers_in(place.proven())))
}

/// The user's own group that a process runs below, with the containers that names in it tell of: a container of an engine that the
/// user runs, or a lie. None for who runs in a container by a name that counts.
pub(super) fn users_group(places: &[Place<'_>]) -> Option<UsersGroup> {
    if !containers_of(places).is_empty() {
        return None;
    }
    let below = places.iter().filter_map(|place| Some((place.user()?, containers_in(place.chosen()))));
    let (uid, containers) = below.max_by_key(|(uid, ids)| (ids.len(), uid.is_some()))?;
    Some(UsersGroup { uid, containers })
}

/// Of hierarchies that differ, the one with the deepest nesting; of several equals the last.
fn deepest(all: impl Iterator<Item = Vec<ContainerId>>) -> Vec<ContainerId> {
    all.filter(|ids| !ids.is_empty()).max_by_key(Vec::len).unwrap_or_default()
}

/// The containers that the parts of a path tell of, the outermost first.
fn containers_in(parts: &[&str]) -> Vec<ContainerId> {
    parts.iter().filter_map(|part| container_name(part)).map(|(_, id)| id).collect()
}

/// The id that one part of a cgroup path says its processes run in, with what stands before it.
pub(super) fn container_name(part: &str) -> Option<(&str, ContainerId)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (engine, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    let monitor = engine == "conmon" || engine.ends_with("-conmon");
    if monitor { None } else { Some((engine, id.parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{model::Proof, source::proc::group::places};

    const A: &str = "4f1d0c7e9b2a6538d1e0f7c4b3a29586e7d4c1b0a9f8e7d6c5b4a39281706f5e";
    const B: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// What the paths alone tell: to whom the directories belong can't be read.
    fn containers(text: &str) -> Vec<ContainerId> {
        containers_of(&places(text, |_, _| Vec::new()))
    }

    fn found(text: &str) -> Option<String> {
        containers(text).pop().map(String::from)
    }

    #[test]
    fn captured_files() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/proc/cgroup");
        let mut wrong = Vec::new();
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // All captures hold the id `A`, if any, as the right answer.
            let expected = if is_contained(&name) { Some(A.to_owned()) } else { None };
            if found(&text) != expected {
                wrong.push((name, found(&text)));
            }
            seen += 1;
        }
        assert_eq!(wrong, []);
        assert!(seen >= 40, "only {seen} captures in {folder}");
    }

    /// Whether a capture is of a process in a container whose name counts. In a container of the user's own, or a group that is
    /// named like one, it is in the user's group; Slurm, LXC and systemd know no ids.
    fn is_contained(name: &str) -> bool {
        let without = ["host-", "user-", "forged-", "v1-slurm", "v2-slurm", "v1-lx", "v2-lx", "hybrid-lx"];
        !without.iter().any(|kind| name.starts_with(kind))
    }

    #[test]
    fn a_name_that_a_user_chose_is_no_container_of_the_hosts() {
        for below in [
            format!("user.slice/docker-{A}.scope"),
            format!("docker-{A}.scope/x"),
            A.to_owned(),
            format!("app.slice/libpod-{A}.scope/container"),
            format!("kubepods.slice/kubepods-pod44c76ce5.slice/cri-containerd-{A}.scope"),
        ] {
            let text = format!("0::/user.slice/user-1000.slice/user@1000.service/{below}\n");
            let places = places(&text, |_, _| Vec::new());
            assert_eq!(containers_of(&places), [], "{below}");
            let group = users_group(&places).unwrap();
            assert_eq!((group.uid, group.containers), (Some(1000), vec![A.parse().unwrap()]), "{below}");
        }
    }

    #[test]
    fn a_container_whose_directory_is_a_users_has_its_name_from_root() {
        use crate::source::proc::group::Owner;

        let owners = [0, 100_000, 100_000, 100_000].map(|uid| Owner { uid, shared: false });
        let text = format!("0::/system.slice/docker-{B}.scope/docker/{A}\n");
        let places = places(&text, |_, parts| owners[..parts.len()].to_vec());
        assert_eq!(containers_of(&places), [B.parse().unwrap()], "what it makes in its own group is its own affair");
        assert_eq!(users_group(&places), None);
        assert_eq!(places[0].proof, Proof::Cgroup);
    }

    #[test]
    fn one_hierarchy_that_a_user_may_write_proves_nothing_beside_the_others() {
        let text = format!(
            "3:cpu:/user.slice\n1:name=systemd:/user.slice/user-7.slice/user@7.service/docker-{A}.scope\n0::/user.slice\n"
        );
        let places = places(&text, |_, _| Vec::new());
        assert_eq!(containers_of(&places), []);
        assert_eq!(users_group(&places).unwrap().uid, Some(7));
    }

    #[test]
    fn names_with_64_digits_that_are_no_ids() {
        for name in [
            format!("{A}00"),
            format!("00{A}"),
            format!("docker-{A}00.scope"),
            A.to_uppercase(),
            A[1..].to_owned(),
            format!("{A}.service"),
            format!("{A}-58e3c1f2a7.service"),
            format!("machine-libpod_pod_{A}.slice"),
            format!("libpod_pod_{A}"),
            format!("var-lib-docker-overlay2-{A}-merged.mount"),
            format!("libpod-conmon-{A}.scope"),
            format!("crio-conmon-{A}.scope"),
            format!("crio-conmon-{A}"),
            format!("conmon-{A}"),
        ] {
            assert_eq!(found(&format!("0::/system.slice/{name}\n")), None, "{name}");
            assert_eq!(found(&format!("0::/docker/{B}/{name}\n")), Some(B.to_owned()), "{name} in a container");
        }
    }

    #[test]
    fn a_container_in_a_container_tells_both() {
        let ids = containers(&format!("0::/docker/{B}/system.slice/docker-{A}.scope/init"));
        assert_eq!(ids.iter().map(ContainerId::as_str).collect::<Vec<_>>(), [B, A]);
    }

    #[test]
    fn the_hierarchy_with_the_deepest_nesting_decides_wherever_it_stands() {
        let (outer, inner) = (format!("/docker/{B}"), format!("/docker/{B}/docker/{A}"));
        for lines in [
            format!("3:cpu:{outer}\n2:memory:{inner}\n0::/\n"),
            format!("3:cpu:{inner}\n2:memory:{outer}\n0::{outer}\n"),
            format!("1:name=systemd:{inner}\n0::/system.slice/containerd.service\n"),
        ] {
            assert_eq!(found(&lines), Some(A.to_owned()), "{lines}");
        }
    }

    #[test]
    fn of_equal_lines_the_last_decides() {
        assert_eq!(found(&format!("2:cpu:/docker/{B}\n1:name=systemd:/docker/{A}\n0::/\n")), Some(A.to_owned()));
    }

    #[test]
    fn an_empty_file_and_lines_without_a_path_are_the_host() {
        for text in ["", "\n", ":", "::", "0:", "0::", A, &format!("{A}:{A}\n")] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    fn id() -> impl Strategy<Value = String> {
        "[0-9a-f]{64}"
    }

    /// A path part as engines and systemd write it, with the id in its place.
    fn shape() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "ID",
            "docker-ID.scope",
            "cri-containerd-ID.scope",
            "crio-ID.scope",
            "crio-ID",
            "libpod-ID.scope",
            "libpod-ID",
            "nerdctl-ID.scope",
            "kubepods-burstable-pod44c76ce5_f953_4bd3_bc89_12621681af49.slice:cri-containerd:ID",
        ])
        .prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            containers(&text);
        }

        #[test]
        fn any_lines_are_survived(text in "([0-9]{1,2}:[a-z,=]{0,9}:(/[0-9a-f:.-]{0,70}){0,4}\n){0,4}") {
            containers(&text);
        }

        #[test]
        fn a_planted_id_is_found(
            id in id(),
            outer in prop::option::of(id()),
            shape in shape(),
            above in prop::collection::vec("[a-z@0-9_.-]{1,30}", 0..4),
            below in prop::collection::vec("[a-z@0-9_.-]{1,30}", 0..3),
            others in prop::collection::vec("[1-9]:(cpu|memory|name=systemd):/[a-z./]{0,30}", 0..5),
            at in any::<prop::sample::Index>(),
        ) {
            let mut parts: Vec<String> = outer.into_iter().chain(above).collect();
            parts.push(shape.replace("ID", &id));
            parts.extend(below);
            let mut lines = others;
            lines.insert(at.index(lines.len() + 1), format!("0::/{}", parts.join("/")));
            prop_assert_eq!(found(&lines.join("\n")), Some(id));
        }
    }
}
