//! Which columns give way, and how far.

use super::{Column, GAP, Shrink};

/// The columns that are shown on `available` cells, by their places, each with its width.
///
/// In this order, until it fits: a key column is shortened to what it wants; columns that say the same in every row go; the
/// first that may be shortened are; optional ones go; where there is no key column, columns go from the right as far as the
/// first that may be shortened; the second are shortened, and then the key column further; columns go from the right; and what
/// was to be kept to the last is shortened.
pub(super) fn fit(natural: &[usize], columns: &[Column], available: usize) -> Vec<(usize, usize)> {
    let mut kept: Vec<usize> = (0..natural.len()).collect();
    loop {
        let shown: Vec<Column> = kept.iter().map(|at| columns[*at]).collect();
        let mut widths: Vec<usize> = kept.iter().map(|at| natural[*at]).collect();
        let missing = narrow(&mut widths, &shown, available);
        let gone = match missing {
            None => return kept.into_iter().zip(widths).collect(),
            // Nothing is left to leave out: the last column is cut, whatever it holds.
            Some(_) if kept.len() <= 1 => return kept.into_iter().map(|at| (at, available)).collect(),
            Some(Missing::Column(at)) => at,
            Some(Missing::Cells) => kept.len() - 1,
        };
        kept.remove(gone);
    }
}

/// What more it takes.
enum Missing {
    /// This column has to go.
    Column(usize),
    /// Everything is as narrow as it may be.
    Cells,
}

/// Shortens columns as far as that is their turn; what more it takes, if anything.
fn narrow(widths: &mut [usize], shown: &[Column], available: usize) -> Option<Missing> {
    let mut excess = total(widths).saturating_sub(available);
    let mut shorten_to = |excess: usize, least: fn(Shrink) -> Option<usize>| shorten(widths, shown, excess, least);
    let rightmost = |is: fn(Shrink) -> bool| shown.iter().rposition(|column| is(column.shrink));
    excess = shorten_to(excess, |shrink| if let Shrink::Key { wanted, .. } = shrink { Some(wanted) } else { None });
    if excess == 0 {
        return None;
    }
    if let Some(at) = rightmost(|shrink| shrink == Shrink::Same) {
        return Some(Missing::Column(at));
    }
    excess = shorten_to(excess, |shrink| match shrink {
        Shrink::First(least) | Shrink::Spare { least, .. } => Some(least),
        _ => None,
    });
    if excess == 0 {
        return None;
    }
    let rank = |column: &Column| match column.shrink {
        Shrink::Optional(rank) | Shrink::Spare { rank, .. } => Some(rank),
        _ => None,
    };
    if let Some((_, at)) = shown.iter().enumerate().filter_map(|(at, column)| Some((rank(column)?, at))).max() {
        return Some(Missing::Column(at));
    }
    let keyless = rightmost(|shrink| matches!(shrink, Shrink::Key { .. })).is_none();
    let first = shown.iter().position(|column| matches!(column.shrink, Shrink::First(_)));
    if keyless && first.is_some_and(|first| first + 1 < shown.len()) {
        return Some(Missing::Column(shown.len() - 1));
    }
    excess = shorten_to(excess, |shrink| if let Shrink::Second(least) = shrink { Some(least) } else { None });
    excess = shorten_to(excess, |shrink| if let Shrink::Key { least, .. } = shrink { Some(least) } else { None });
    if excess == 0 {
        return None;
    }
    if let Some(at) = rightmost(|shrink| !matches!(shrink, Shrink::Key { .. } | Shrink::Last(_))) {
        return Some(Missing::Column(at));
    }
    excess = shorten_to(excess, |shrink| if let Shrink::Last(least) = shrink { Some(least) } else { None });
    (excess > 0).then_some(Missing::Cells)
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + widths.len().saturating_sub(1) * usize::from(GAP)
}

/// Takes `excess` cells from the columns that `least` names, the widest first, and returns what could not be taken.
fn shorten(
    widths: &mut [usize],
    columns: &[Column],
    mut excess: usize,
    least: impl Fn(Shrink) -> Option<usize>,
) -> usize {
    while excess > 0 {
        // The widest is brought down to the next one, so that equal columns stay equal.
        let mut shrinkable: Vec<(usize, usize)> = widths
            .iter()
            .enumerate()
            .filter(|(at, width)| least(columns[*at].shrink).is_some_and(|least| **width > least))
            .map(|(at, width)| (*width, at))
            .collect();
        shrinkable.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&(widest, at)) = shrinkable.first() else { break };
        let next = shrinkable.get(1).map_or(0, |(width, _)| *width);
        let floor = least(columns[at].shrink).unwrap_or(widest).max(next.min(widest - 1));
        let taken = excess.min(widest - floor);
        widths[at] -= taken;
        excess -= taken;
    }
    excess
}
