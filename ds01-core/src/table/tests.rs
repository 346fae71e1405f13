use anstyle::AnsiColor;
use proptest::prelude::*;

use super::*;

const COLUMNS: [Column; 4] = [
    Column { heading: "USER", align: Align::Left, shrink: Shrink::Second(6) },
    Column { heading: "AGE", align: Align::Right, shrink: Shrink::Never },
    Column { heading: "NAME", align: Align::Left, shrink: Shrink::First(8) },
    Column { heading: "IMAGE", align: Align::Left, shrink: Shrink::First(8) },
];

fn row(texts: [&str; 4]) -> Line {
    Line::Row(texts.into_iter().map(Cell::new).collect())
}

fn plain(width: Option<usize>, lines: &[Line]) -> String {
    render(&COLUMNS, lines, Medium { width, color: false })
}

#[test]
fn columns_are_aligned_and_lines_end_in_no_blanks() {
    let lines = [row(["al", "3m", "a", "img"]), row(["barbara", "12m", "thesis", ""])];
    assert_eq!(
        plain(None, &lines),
        "USER     AGE  NAME    IMAGE\n\
         al        3m  a       img\n\
         barbara  12m  thesis\n"
    );
}

#[test]
fn named_columns_are_shortened_first_then_the_rightmost_is_left_out() {
    let lines = [row(["barbara", "12m", "thesis-training", "registry/thesis:latest"])];
    assert_eq!(
        plain(Some(40), &lines),
        "USER     AGE  NAME          IMAGE\n\
         barbara  12m  thesis-trai…  registry/th…\n"
    );
    assert_eq!(plain(Some(31), &lines), "USER     AGE  NAME\nbarbara  12m  thesis-training\n");
    assert_eq!(plain(Some(22), &lines), "USER     AGE  NAME\nbarbara  12m  thesis-…\n");
    // Another column is shortened only to keep the name.
    assert_eq!(plain(Some(21), &lines), "USER    AGE  NAME\nbarba…  12m  thesis-…\n");
    assert_eq!(plain(Some(12), &lines), "USER     AGE\nbarbara  12m\n");
    assert_eq!(plain(Some(7), &lines), "USER\nbarbara\n");
    assert_eq!(plain(Some(3), &lines), "US…\nba…\n");
}

#[test]
fn optional_columns_go_before_the_key_column_is_shortened() {
    let columns = [
        Column { heading: "NAME", align: Align::Left, shrink: Shrink::Key { wanted: 6, least: 4 } },
        Column { heading: "NET", align: Align::Right, shrink: Shrink::Optional(2) },
        Column { heading: "CPU", align: Align::Right, shrink: Shrink::Optional(1) },
        Column { heading: "NEXT", align: Align::Left, shrink: Shrink::Never },
    ];
    let lines = [row(["thesis", "12K", "3%", "works"])];
    let at = |width| {
        let medium = Medium { width: Some(width), color: false };
        (render(&columns, &lines, medium), left_out(&columns, &lines, medium))
    };
    assert_eq!(at(18), ("NAME    CPU  NEXT\nthesis   3%  works\n".to_owned(), vec!["NET"]));
    assert_eq!(at(13), ("NAME    NEXT\nthesis  works\n".to_owned(), vec!["NET", "CPU"]));
    assert_eq!(at(11), ("NAME  NEXT\nthe…  works\n".to_owned(), vec!["NET", "CPU"]));
    assert_eq!(at(13).1, ["NET", "CPU"]);
    assert_eq!(at(9), ("NAME\nthesis\n".to_owned(), vec!["NET", "CPU", "NEXT"]));
    // What rows are named by stays when everything else goes, wherever it stands.
    let swapped = [columns[3], columns[0]];
    let lines = [Line::Row(["works", "thesis"].map(Cell::new).into())];
    let medium = Medium { width: Some(9), color: false };
    assert_eq!(render(&swapped, &lines, medium), "NAME\nthesis\n");
}

#[test]
fn what_says_the_same_everywhere_goes_first_and_what_is_looked_for_stays_whole_longest() {
    let columns = [
        Column { heading: "NAME", align: Align::Left, shrink: Shrink::Key { wanted: 6, least: 4 } },
        Column { heading: "USER", align: Align::Left, shrink: Shrink::First(4) },
        Column { heading: "STATUS", align: Align::Left, shrink: Shrink::Same },
        Column { heading: "IMAGE", align: Align::Left, shrink: Shrink::Spare { least: 5, rank: 1 } },
        Column { heading: "NEXT", align: Align::Left, shrink: Shrink::Last(5) },
    ];
    let texts = ["thesis-9", "barbara", "running", "busybox", "stop in 4h"];
    let lines = [Line::Row(texts.into_iter().map(Cell::new).collect())];
    let row = |width| {
        let medium = Medium { width: Some(width), color: false };
        render(&columns, &lines, medium).lines().nth(1).map(ToOwned::to_owned).unwrap()
    };
    assert_eq!(row(46), "thesis…  barbara  running  busybox  stop in 4h");
    assert_eq!(row(44), "thesis-9  barbara  busybox  stop in 4h");
    assert_eq!(row(36), "thesi…  barbara  busybox  stop in 4h");
    assert_eq!(row(31), "thesi…  bar…  busy…  stop in 4h");
    assert_eq!(row(27), "thesi…  barbara  stop in 4h");
    assert_eq!(row(20), "thesis-9  stop in 4h");
    assert_eq!(row(16), "the…  stop in 4h");
    assert_eq!(row(12), "the…  stop …");
    assert_eq!(row(9), "thesis-9");
}

#[test]
fn the_last_column_stays_whatever_it_is() {
    for shrink in [Shrink::Same, Shrink::Optional(1), Shrink::Spare { least: 5, rank: 1 }, Shrink::Last(5)] {
        let columns = [Column { heading: "IMAGE", align: Align::Left, shrink }];
        let lines = [Line::Row(vec![Cell::new("busybox")])];
        let medium = Medium { width: Some(4), color: false };
        assert_eq!(render(&columns, &lines, medium), "IMA…\nbus…\n", "{shrink:?}");
    }
}

#[test]
fn wide_and_combining_characters_keep_columns_aligned() {
    let lines = [row(["训练", "1m", "e\u{301}te\u{301}", "x"]), row(["ab", "1m", "ete", "x"])];
    assert_eq!(
        plain(None, &lines),
        "USER  AGE  NAME  IMAGE\n\
         训练   1m  e\u{301}te\u{301}   x\n\
         ab     1m  ete   x\n"
    );
    // A wide character that would be cut in half is left out.
    assert_eq!(plain(Some(4), &[row(["训练训", "", "", ""])]), "USER\n训…\n");
}

#[test]
fn text_is_escaped_and_only_styles_reach_the_terminal() {
    let red = Cell::new("\u{1b}[2Jx\ny").styled(AnsiColor::Red.on_default());
    let lines = [Line::Span(red)];
    let one = [COLUMNS[0]];
    assert_eq!(render(&one, &lines, Medium { width: None, color: false }), "USER\n\\x1b[2Jx\\ny\n");
    assert_eq!(
        render(&one, &lines, Medium { width: None, color: true }),
        "\u{1b}[1mUSER\u{1b}[0m\n\u{1b}[38;5;1m\\x1b[2Jx\\ny\u{1b}[39m\n"
    );
}

#[test]
fn a_wide_character_does_not_fit_into_one_cell() {
    let one = [Column { heading: "N", align: Align::Left, shrink: Shrink::Never }];
    let narrow = Medium { width: Some(1), color: false };
    for line in [Line::Row(vec![Cell::new("\u{7ec3}")]), Line::Span(Cell::new("\u{7ec3}"))] {
        let drawn = render(&one, &[line], narrow);
        assert!(drawn.lines().all(|line| width(line) <= 1), "{drawn:?}");
    }
}

proptest! {
    #[test]
    fn a_row_is_one_line_and_fits(
        texts in prop::collection::vec(prop::array::uniform4("\\PC{0,30}"), 0..5),
        available in 1usize..90,
    ) {
        let lines: Vec<Line> = texts.iter().map(|t| row([&t[0], &t[1], &t[2], &t[3]])).collect();
        let out = plain(Some(available), &lines);
        prop_assert_eq!(out.lines().count(), lines.len() + 1);
        for line in out.lines() {
            prop_assert!(width(line) <= available, "{:?} is wider than {}", line, available);
        }
        // Given all the room it wants, nothing is shortened.
        prop_assert_eq!(plain(Some(10_000), &lines), plain(None, &lines));
    }
}
