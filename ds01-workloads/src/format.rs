//! `-o`: in which form the rows are printed.

use std::str::FromStr;

use crate::custom::{self, CustomColumn};

/// The form of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// The table, with all columns if `wide`.
    Table { wide: bool },
    /// The filtered inventory as JSON.
    Json,
    /// The same as YAML.
    Yaml,
    /// A name a line.
    Names,
    /// A short container id or a pid a line.
    Ids,
    /// A table of fields of the inventory.
    Custom(Vec<CustomColumn>),
}

/// What `-o` takes, as help and errors name it.
pub(crate) const FORMATS: &str = "wide, json, yaml, name, custom-columns=HEADING:.field,...";

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("custom-columns", columns)) => custom::parse(columns).map(Self::Custom),
            _ => match text {
                "table" => Ok(Self::Table { wide: false }),
                "wide" => Ok(Self::Table { wide: true }),
                "json" => Ok(Self::Json),
                "yaml" => Ok(Self::Yaml),
                "name" => Ok(Self::Names),
                _ => Err(format!("one of these was expected: {FORMATS}")),
            },
        }
    }
}
