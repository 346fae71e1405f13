//! Docker, whose daemon is another one for each trouble.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixListener,
    },
};

use docker_rig::fake_daemon::Answer;

use super::{DOCKER_JOURNAL, Trouble, and, trouble};
use crate::{diagnosis::Expected, host::daemon_answer, units::Units};

const LINKS: Option<&str> = Some("sudo nvidia-ctk system create-dev-char-symlinks --create-all");

/// What depends on Docker, when it was not reached.
const WITHOUT_DOCKER: [Expected; 3] = [
    ("docker-api", "skipped", "Docker was not reached", None),
    ("docker-runtime", "skipped", "Docker did not answer", None),
    ("cgroups", "ok", "Docker did not tell its driver", None),
];

pub(crate) fn of_docker() -> Vec<Trouble> {
    let start = Some("sudo systemctl start docker");
    vec![
        trouble(
            "the socket is gone",
            |host| host.socket = host.path("docker.sock"),
            &and(("docker-socket", "failed", "[dir]/docker.sock is not there, and was named", start), &WITHOUT_DOCKER),
        ),
        trouble(
            "nobody listens",
            |host| {
                host.socket = host.path("docker.sock");
                drop(UnixListener::bind(&host.socket).unwrap());
            },
            &and(("docker-socket", "failed", "connection refused", start), &WITHOUT_DOCKER),
        ),
        trouble(
            "nobody listens, and Docker is not a service of this host",
            |host| {
                host.systemd_tells(&Units::sound().without("docker.service"));
                host.socket = host.path("docker.sock");
                drop(UnixListener::bind(&host.socket).unwrap());
            },
            &and(("docker-socket", "failed", "connection refused", DOCKER_JOURNAL), &WITHOUT_DOCKER),
        ),
        trouble(
            "everyone may use the socket",
            |host| fs::set_permissions(&host.socket, fs::Permissions::from_mode(0o777)).unwrap(),
            &[("docker-socket", "failed", "every user can be root through it", Some("sudo chmod o-rwx [socket]"))],
        ),
        trouble(
            "the socket is a user's",
            |host| chown(&host.socket, Some(54_321), None).unwrap(),
            &[("docker-socket", "warning", "user id 54321:root", Some("sudo chown root [socket]"))],
        ),
        trouble(
            "a group may use Docker, and not read what is kept",
            |host| chown(&host.socket, None, Some(54_321)).unwrap(),
            &[
                ("docker-socket", "ok", "root:54321", None),
                (
                    "state-dir",
                    "warning",
                    "group 54321, which may use Docker, can't read it",
                    Some(
                        "sudo chown root:54321 [dir]/state && sudo chmod 2750 [dir]/state && \
                         sudo chgrp 54321 [dir]/state/workload-inventory.json && \
                         sudo chmod 0640 [dir]/state/workload-inventory.json",
                    ),
                ),
                (
                    "log-dir",
                    "warning",
                    "group 54321, which may use Docker, can't read it",
                    Some(
                        "sudo chown root:54321 [dir]/log && sudo chmod 2750 [dir]/log && \
                         sudo chgrp 54321 [dir]/log/events.jsonl && sudo chmod 0640 [dir]/log/events.jsonl",
                    ),
                ),
            ],
        ),
        trouble(
            "a group may use Docker and read what is kept, but not what is made from now on, nor the event log",
            |host| {
                chown(&host.socket, None, Some(54_321)).unwrap();
                for name in ["state", "log", "state/workload-inventory.json", "log/events.jsonl"] {
                    chown(host.path(name), None, Some(54_321)).unwrap();
                }
                host.mode("log", 0o2750);
                host.mode("log/events.jsonl", 0o600);
            },
            &[
                ("docker-socket", "ok", "root:54321", None),
                (
                    "state-dir",
                    "warning",
                    "new files will not be readable for group 54321",
                    Some("sudo chown root:54321 [dir]/state && sudo chmod 2750 [dir]/state"),
                ),
                (
                    "log-dir",
                    "warning",
                    "group 54321, which may use Docker, can't read [dir]/log/events.jsonl",
                    Some("sudo chgrp 54321 [dir]/log/events.jsonl && sudo chmod 0640 [dir]/log/events.jsonl"),
                ),
            ],
        ),
        trouble(
            "every request is answered with 500",
            |host| host.daemon(|_| Answer::Error(500, "database is locked".to_owned())),
            &[
                ("docker-api", "failed", "database is locked", DOCKER_JOURNAL),
                ("docker-runtime", "skipped", "Docker did not answer", None),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "the daemon is of another age",
            |host| host.daemon(|_| Answer::Json(r#"{"ApiVersion":"9.1","MinAPIVersion":"9.0"}"#.to_owned())),
            &[
                ("docker-api", "failed", "no API version older than 9.0", DOCKER_JOURNAL),
                ("docker-runtime", "skipped", "Docker did not answer", None),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "it does not tell of itself",
            |host| {
                host.daemon(|request| match request {
                    "/v1.41/info" => Answer::Error(500, "no info".to_owned()),
                    other => daemon_answer(other),
                });
            },
            &[
                ("docker-runtime", "failed", "/v1.41/info", DOCKER_JOURNAL),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "containers have kernels of their own",
            |host| host.daemon_informs("DefaultRuntime", "runsc"),
            &[("docker-runtime", "warning", "not seen", Some("docker info --format '{{.DefaultRuntime}}'"))],
        ),
        trouble(
            "nvidia is the default",
            |host| host.daemon_informs("DefaultRuntime", "nvidia"),
            &[("docker-runtime", "ok", "nvidia by default", None)],
        ),
        trouble(
            "containers have no groups",
            |host| host.daemon_informs("CgroupDriver", "none"),
            &[("cgroups", "warning", "no driver", Some("docker info --format '{{.CgroupDriver}}'"))],
        ),
        trouble(
            "links are missing where systemd keeps the groups",
            |host| {
                host.daemon_informs("CgroupDriver", "systemd");
                host.remove("dev/char");
            },
            &[(
                "dev-char-links",
                "failed",
                "takes GPUs from running containers, and so does `systemctl enable`",
                LINKS,
            )],
        ),
        trouble(
            "links are missing, and nobody says who keeps the groups",
            |host| {
                host.socket = host.path("docker.sock");
                host.remove("dev/char");
            },
            &[
                &and(("docker-socket", "failed", "is not there", start), &WITHOUT_DOCKER)[..],
                &[("dev-char-links", "warning", "nvidia-caps/nvidia-cap1, nvidia0, nvidia1 and 1 more", LINKS)],
            ]
            .concat(),
        ),
    ]
}
