//! Which container somebody means.

/// Why none is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMeant {
    /// None has this name, or an id that begins so.
    Nobody,
    /// Several ids begin so.
    Several,
}

/// The one of `all` with this name, id, or beginning of an id. `name_and_id` says what they are called.
///
/// # Errors
///
/// When there is none, or more than one id begins so.
pub fn meant<'a, T: Copy>(
    all: impl IntoIterator<Item = T>,
    wanted: &str,
    name_and_id: impl Fn(T) -> (&'a str, &'a str),
) -> Result<T, NotMeant> {
    let mut by_id = Vec::new();
    for one in all {
        let (name, id) = name_and_id(one);
        if name == wanted {
            return Ok(one);
        }
        if !wanted.is_empty() && id.starts_with(wanted) {
            by_id.push(one);
        }
    }
    match by_id[..] {
        [one] => Ok(one),
        [] => Err(NotMeant::Nobody),
        _ => Err(NotMeant::Several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_before_an_id_and_the_beginning_of_one_has_to_be_of_one() {
        let all = [("train", "abc1"), ("abc", "0123"), ("eval", "abc2")];
        let find = |wanted| meant(all, wanted, |one| one).map(|(name, _)| name);
        assert_eq!(
            [find("train"), find("abc"), find("abc2"), find("01")],
            [Ok("train"), Ok("abc"), Ok("eval"), Ok("abc")]
        );
        assert_eq!(
            [find("ab"), find(""), find("x")],
            [Err(NotMeant::Several), Err(NotMeant::Nobody), Err(NotMeant::Nobody)]
        );
    }
}
