//! Which container somebody means.

use super::EngineName;

/// Why none is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMeant {
    /// None has this name, or an id that begins so.
    Nobody,
    /// Several engines have one of this name, or several ids begin so.
    Several,
}

/// How a container is called: its name, its full id, and the engine that holds it.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Its name. Users' text.
    pub name: &'a str,
    /// All digits of its id.
    pub id: &'a str,
    /// Its engine.
    pub engine: &'a EngineName,
}

/// The one of `all` with this name, id, or beginning of an id; with an engine before it, as in `podman/train`, the one of that
/// engine's. `called` says what they are called.
///
/// What runs on users' own daemons is meant only where nothing of root's engines is called so: nobody gets between an admin and a
/// container by giving his own the same name.
///
/// # Errors
///
/// When there is none, when containers of two engines have this name, or when more than one id begins so.
pub fn meant<'a, T: Copy>(
    all: impl IntoIterator<Item = T>,
    wanted: &str,
    called: impl Fn(T) -> Called<'a>,
) -> Result<T, NotMeant> {
    let (engine, wanted) = match wanted.split_once('/') {
        Some((engine, name)) => (Some(engine), name),
        None => (None, wanted),
    };
    let (mut by_name, mut by_id) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for one in all {
        let Called { name, id, engine: its } = called(one);
        if engine.is_some_and(|engine| engine != its.as_str()) || wanted.is_empty() {
            continue;
        }
        let of_a_user = usize::from(its.owner().is_some());
        if name == wanted {
            by_name[of_a_user].push(one);
        } else if id.starts_with(wanted) {
            by_id[of_a_user].push(one);
        }
    }
    let [[roots_by_name, users_by_name], [roots_by_id, users_by_id]] = [by_name, by_id];
    let first = [roots_by_name, roots_by_id, users_by_name, users_by_id].into_iter().find(|found| !found.is_empty());
    match first.as_deref() {
        Some([one]) => Ok(*one),
        Some(_) => Err(NotMeant::Several),
        None => Err(NotMeant::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(all: &'a [(&'a str, &'a str, EngineName)], wanted: &str) -> Result<&'a str, NotMeant> {
        let called = |one: &'a (&'a str, &'a str, EngineName)| Called { name: one.0, id: one.1, engine: &one.2 };
        meant(all, wanted, called).map(|one| one.1)
    }

    #[test]
    fn a_name_goes_before_an_id_and_the_beginning_of_one_has_to_be_of_one() {
        let docker = EngineName::DOCKER;
        let all = [("train", "abc1", docker.clone()), ("abc", "0123", docker.clone()), ("eval", "abc2", docker)];
        let found = ["train", "abc", "abc2", "01"].map(|wanted| find(&all, wanted));
        assert_eq!(found, [Ok("abc1"), Ok("0123"), Ok("abc2"), Ok("0123")]);
        let found = ["ab", "", "x"].map(|wanted| find(&all, wanted));
        assert_eq!(found, [Err(NotMeant::Several), Err(NotMeant::Nobody), Err(NotMeant::Nobody)]);
    }

    #[test]
    fn an_engine_before_it_tells_two_of_one_name_apart_and_a_users_own_is_in_nobodys_way() {
        let own: EngineName = "docker:1001".parse().unwrap();
        let all = [
            ("train", "a1", EngineName::DOCKER),
            ("train", "a2", EngineName::PODMAN),
            ("train", "a3", own.clone()),
            ("eval", "b1", EngineName::DOCKER),
            ("eval", "b2", own.clone()),
            ("b1", "c1", own.clone()),
            ("mine", "d1", own),
        ];
        assert_eq!(find(&all, "train"), Err(NotMeant::Several));
        let found = ["podman/train", "docker/train", "docker:1001/train", "docker/a"].map(|wanted| find(&all, wanted));
        assert_eq!(found, [Ok("a2"), Ok("a1"), Ok("a3"), Ok("a1")]);
        assert_eq!(
            ["eval", "b", "b1", "mine", "c1"].map(|wanted| find(&all, wanted)),
            ["b1", "b1", "b1", "d1", "c1"].map(Ok)
        );
        assert_eq!(find(&all, "lab/train"), Err(NotMeant::Nobody));
    }
}
