//! Which columns give way, and how far.

use super::{Column, GAP, Shrink};

/// Narrows `widths` until the table fits `available` cells; columns beyond its new length are left out.
///
/// First the columns that may be shortened are, then columns go from the right as far as the first of those; only then are
/// the others shortened, and go in their turn.
pub(super) fn fit(widths: &mut Vec<usize>, columns: &[Column], available: usize) {
    let natural = widths.clone();
    let name = columns.iter().position(|column| matches!(column.shrink, Shrink::First(_)));
    loop {
        let excess = total(widths).saturating_sub(available);
        let mut excess = shorten(widths, columns, excess, |shrink| match shrink {
            Shrink::First(least) => Some(least),
            Shrink::Second(_) | Shrink::Never => None,
        });
        if name.is_none_or(|name| widths.len() <= name + 1) {
            excess = shorten(widths, columns, excess, |shrink| match shrink {
                Shrink::Second(least) => Some(least),
                Shrink::First(_) | Shrink::Never => None,
            });
        }
        if excess == 0 {
            return;
        }
        if widths.len() <= 1 {
            // Nothing is left to leave out: the last column is cut, whatever it holds.
            widths.iter_mut().for_each(|width| *width = available);
            return;
        }
        let kept = widths.len() - 1;
        widths.clear();
        widths.extend_from_slice(&natural[..kept]);
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
