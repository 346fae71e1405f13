//! Which columns give way, and how far.

use super::{Column, GAP, Shrink};

/// The columns that are shown on `available` cells, by their places, each with its width.
///
/// First the columns that may be shortened are. Then optional columns go, and the key column is shortened further. Then columns
/// go from the right as far as the first that may be shortened; only then are the others shortened, and go in their turn.
pub(super) fn fit(natural: &[usize], columns: &[Column], available: usize) -> Vec<(usize, usize)> {
    let mut kept: Vec<usize> = (0..natural.len()).collect();
    loop {
        let shown: Vec<Column> = kept.iter().map(|at| columns[*at]).collect();
        let mut widths: Vec<usize> = kept.iter().map(|at| natural[*at]).collect();
        let excess = total(&widths).saturating_sub(available);
        let mut excess = shorten(&mut widths, &shown, excess, |shrink| match shrink {
            Shrink::First(least) | Shrink::Key { wanted: least, .. } => Some(least),
            _ => None,
        });
        let rank = |column: &Column| if let Shrink::Optional(rank) = column.shrink { Some(rank) } else { None };
        let optional = shown.iter().enumerate().filter_map(|(at, column)| Some((rank(column)?, at))).max();
        if let Some((_, at)) = optional.filter(|_| excess > 0) {
            kept.remove(at);
            continue;
        }
        excess = shorten(&mut widths, &shown, excess, |shrink| match shrink {
            Shrink::Key { least, .. } => Some(least),
            _ => None,
        });
        let name = shown.iter().position(|column| matches!(column.shrink, Shrink::First(_)));
        if name.is_none_or(|name| shown.len() <= name + 1) {
            excess = shorten(&mut widths, &shown, excess, |shrink| match shrink {
                Shrink::Second(least) => Some(least),
                _ => None,
            });
        }
        if excess > 0 && kept.len() > 1 {
            kept.pop();
            continue;
        }
        if excess > 0 {
            // Nothing is left to leave out: the last column is cut, whatever it holds.
            widths.iter_mut().for_each(|width| *width = available);
        }
        return kept.into_iter().zip(widths).collect();
    }
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
