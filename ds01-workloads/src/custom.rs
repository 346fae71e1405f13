//! `-o custom-columns=`: any field of the inventory as a column, as kubectl does it.

use ds01_core::{
    detect::Inventory,
    table::{self, Align, Cell, Column, Line, Medium, Shrink},
};
use serde_json::Value;

use crate::row::{Key, Row};

/// What stands where an entry has no such field.
const NONE: &str = "<none>";

/// A column: its heading, and the way to its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomColumn {
    heading: String,
    path: Vec<Step>,
}

/// One step on the way into an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
    /// Every item of a list.
    Items,
}

/// Reads `NAME:.name,GPU:.gpus[0]`.
///
/// # Errors
///
/// What is wrong with it, and what was expected.
pub(crate) fn parse(text: &str) -> Result<Vec<CustomColumn>, String> {
    let column = |part: &str| {
        let (heading, path) = part
            .split_once(':')
            .filter(|(heading, path)| !heading.is_empty() && !path.is_empty())
            .ok_or_else(|| format!("HEADING:.field was expected, as in NAME:.name, and not `{part}`"))?;
        Ok(CustomColumn { heading: heading.to_owned(), path: steps(path)? })
    };
    text.split(',').map(column).collect()
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("`{path}` is no way to a field; .gpus[0], .gpus[*] and .config.image are");
    let mut steps = Vec::new();
    // kubectl takes {.name} too.
    let path = path.trim_start_matches('{').trim_end_matches('}');
    for part in path.trim_start_matches('.').split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return Err(wrong());
        }
        steps.push(Step::Field(name.to_owned()));
        while !rest.is_empty() {
            let (item, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wrong)?;
            steps.push(if item == "*" { Step::Items } else { Step::Item(item.parse().map_err(|_| wrong())?) });
            rest = after;
        }
    }
    Ok(steps)
}

/// The table of these columns, a line for each row.
pub(crate) fn table(
    columns: &[CustomColumn],
    rows: &[Row],
    inventory: &Inventory,
    headers: bool,
    medium: Medium,
) -> Result<String, serde_json::Error> {
    let entries: Vec<Value> = rows.iter().map(|row| entry(row, inventory)).collect::<Result<_, _>>()?;
    let cell = |entry: &Value, column: &CustomColumn| Cell::new(&text(entry, &column.path));
    let lines: Vec<Line> =
        entries.iter().map(|entry| Line::Row(columns.iter().map(|column| cell(entry, column)).collect())).collect();
    // Headings are the caller's own text: the table makes them safe like any cell.
    let heads = Line::Row(columns.iter().map(|column| Cell::new(&column.heading)).collect());
    let lines: Vec<Line> = headers.then_some(heads).into_iter().chain(lines).collect();
    let layouts = vec![Column { heading: "", align: Align::Left, shrink: Shrink::First(8) }; columns.len()];
    let text = table::render(&layouts, &lines, medium);
    // The table's own headings are empty: theirs is the first line.
    Ok(text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()))
}

/// What `--json` has of this row.
fn entry(row: &Row, inventory: &Inventory) -> Result<Value, serde_json::Error> {
    let found = match &row.key {
        Key::Container(id) => inventory.containers.get(id).map(serde_json::to_value),
        Key::Process { pid, .. } => {
            let listed = inventory.host_processes.get(pid).or_else(|| inventory.pending_processes.get(pid));
            listed.map(serde_json::to_value)
        }
        Key::Dead(pid) => inventory.dead_processes.get(pid).map(serde_json::to_value),
        // Of the fleet, which has no inventory.
        Key::User(_) | Key::Host(_) => None,
    };
    found.unwrap_or(Ok(Value::Null))
}

fn text(entry: &Value, path: &[Step]) -> String {
    let mut found = vec![entry];
    for step in path {
        found = match step {
            Step::Field(name) => found.into_iter().filter_map(|value| value.get(name)).collect(),
            Step::Item(number) => found.into_iter().filter_map(|value| value.get(number)).collect(),
            Step::Items => found.into_iter().filter_map(Value::as_array).flatten().collect(),
        };
    }
    let words: Vec<String> = found
        .into_iter()
        .filter(|value| !value.is_null())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
        .collect();
    if words.is_empty() { NONE.to_owned() } else { words.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_fields_items_and_all_items() {
        let entry = serde_json::json!({"name": "x", "gpus": ["GPU-1", "GPU-2"], "pid": null, "stale": true,
            "gpu_processes": [{"pid": 7}, {"pid": 8}]});
        let at = |path: &str| text(&entry, &parse(&format!("X:{path}")).unwrap()[0].path);
        assert_eq!([at(".name"), at("name"), at("{.name}")], ["x"; 3]);
        assert_eq!([at(".gpus[1]"), at(".gpus[*]"), at(".gpu_processes[*].pid")], ["GPU-2", "GPU-1,GPU-2", "7,8"]);
        assert_eq!([at(".pid"), at(".nothing"), at(".name.x"), at(".gpus[9]")], [NONE; 4]);
        assert_eq!([at(".stale"), at(".gpus")], ["true", r#"["GPU-1","GPU-2"]"#]);
    }

    #[test]
    fn what_is_no_column_is_said() {
        for (text, said) in [
            ("", "HEADING:.field was expected"),
            ("NAME", "HEADING:.field was expected"),
            ("NAME:.name,", "HEADING:.field was expected"),
            ("X:.", "is no way to a field"),
            ("X:.gpus[", "is no way to a field"),
            ("X:.gpus[a]", "is no way to a field"),
        ] {
            assert!(parse(text).unwrap_err().contains(said), "{text}: {:?}", parse(text));
        }
    }
}
