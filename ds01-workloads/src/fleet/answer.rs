//! The answer of Prometheus' HTTP API to an instant query, read as it comes: only one sample of it is in memory at a time.

use std::{borrow::Cow, fmt, io::Read};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Longer values are cut: a name of four kilobytes tells nobody more than its beginning.
const MOST_CHARS: usize = 512;

/// So many warnings are kept.
const MOST_WARNINGS: usize = 8;

/// One series' newest sample.
#[derive(Debug, Deserialize)]
pub(crate) struct Sample {
    #[serde(default)]
    pub(crate) metric: Labels,
    value: Option<(f64, String)>,
}

/// The labels of a series, the metric's name among them.
#[derive(Debug, Default)]
pub(crate) struct Labels(Vec<(String, String)>);

/// What stands around the samples.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `success` or `error`.
    pub(crate) status: String,
    /// What went wrong: its kind and its words.
    pub(crate) error: Option<(String, String)>,
    pub(crate) warnings: Vec<String>,
}

impl Sample {
    /// Its figure. Prometheus writes it as text, as JSON has neither NaN nor infinity.
    pub(crate) fn value(&self) -> Option<f64> {
        let (_, text) = self.value.as_ref()?;
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

impl Labels {
    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a label; none for an empty one, which Prometheus takes for the same.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(label, value)| *label == name && !value.is_empty()).map(|(_, value)| value)
    }
}

#[cfg(test)]
impl Labels {
    /// These labels.
    pub(crate) fn of(labels: &[(&str, &str)]) -> Self {
        Self(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

#[cfg(test)]
impl Sample {
    /// A sample of these labels.
    pub(crate) fn of(labels: &[(&str, &str)], value: f64) -> Self {
        Self { metric: Labels::of(labels), value: Some((0.0, value.to_string())) }
    }
}

/// Reads an answer, and gives each sample to `take`.
///
/// # Errors
///
/// When it is not the JSON that the API answers with.
pub(crate) fn read(reader: impl Read, mut take: impl FnMut(Sample)) -> Result<Answer, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let answer = Whole(&mut take).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(answer)
}

type Take<'a> = &'a mut dyn FnMut(Sample);

struct Whole<'a>(Take<'a>);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Answer;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Answer, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of Prometheus' API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
        let (mut answer, mut kind, mut words) = (Answer::default(), None, None);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match &*key {
                "status" => answer.status = map.next_value()?,
                "errorType" => kind = Some(map.next_value()?),
                "error" => words = Some(map.next_value()?),
                "warnings" | "infos" => map.next_value_seed(Warnings(&mut answer.warnings))?,
                "data" => map.next_value_seed(Data(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if answer.status.is_empty() {
            return Err(A::Error::missing_field("status"));
        }
        if answer.status != "success" {
            answer.error = Some((kind.map_or_else(|| "error".to_owned(), cut), words.map(cut).unwrap_or_default()));
        }
        Ok(answer)
    }
}

/// The first few, each cut: a table is not to drown in them.
struct Warnings<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Warnings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Warnings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of warnings")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while self.0.len() < MOST_WARNINGS {
            let Some(warning) = seq.next_element()? else { return Ok(()) };
            self.0.push(cut(warning));
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Its beginning, where it is long.
pub(super) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

struct Data<'a>(Take<'a>);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an answer")
    }

    /// An error can come with `"data": null`.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match &*key {
                "resultType" => {
                    let kind: String = map.next_value()?;
                    if kind != "vector" {
                        return Err(A::Error::custom(format!("a vector was expected, and not a {kind}")));
                    }
                }
                "result" => map.next_value_seed(Samples(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Samples<'a>(Take<'a>);

impl<'de> DeserializeSeed<'de> for Samples<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(sample) = seq.next_element()? {
            (self.0)(sample);
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = Vec::with_capacity(12);
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    labels.push((name, cut(value)));
                }
                Ok(Labels(labels))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(Answer, Vec<Sample>), String> {
        let mut samples = Vec::new();
        let answer = read(text.as_bytes(), |sample| samples.push(sample)).map_err(|error| error.to_string())?;
        Ok((answer, samples))
    }

    #[test]
    fn samples_warnings_and_what_a_newer_api_adds() {
        let (answer, samples) = read_text(
            r#"{"status":"success","data":{"resultType":"vector","stats":{"x":1},"result":[
                {"metric":{"__name__":"a","instance":"gpu01:9100","empty":""},"value":[1772452800.1,"4.5"]},
                {"metric":{},"value":[1772452800,"NaN"]},
                {"metric":{"le":"\u001b[2J"},"histogram":[1,{"count":"1"}]}]},
               "warnings":["one store is down"],"infos":["x"],"new":[{}]}"#,
        )
        .unwrap();
        assert_eq!((answer.status.as_str(), answer.warnings.len()), ("success", 2));
        assert_eq!(samples.iter().map(Sample::value).collect::<Vec<_>>(), [Some(4.5), None, None]);
        assert_eq!(samples[0].metric.get("instance"), Some("gpu01:9100"));
        assert_eq!(samples[0].metric.get("empty"), None);
    }

    #[test]
    fn errors_of_the_api_are_answers_and_anything_else_is_none() {
        let (answer, _) =
            read_text(r#"{"status":"error","errorType":"bad_data","error":"parse error","data":null}"#).unwrap();
        assert_eq!(answer.error, Some(("bad_data".to_owned(), "parse error".to_owned())));
        for (text, said) in [
            ("<html>", "expected value"),
            ("{}", "missing field `status`"),
            ("", "EOF"),
            (r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, "not a matrix"),
            (r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1}}]}}"#, "invalid type"),
            (r#"{"status":"success"} {}"#, "trailing"),
        ] {
            let error = read_text(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn few_warnings_are_kept_and_none_is_long() {
        let many = vec![format!("\"{}\"", "w".repeat(4096)); 100].join(",");
        let (answer, _) = read_text(&format!(
            r#"{{"status":"error","error":"{}","warnings":[{many}],"infos":null}}"#,
            "e".repeat(4096)
        ))
        .unwrap();
        assert_eq!(answer.warnings.len(), MOST_WARNINGS);
        let (_, words) = answer.error.unwrap();
        assert!(answer.warnings.iter().chain([&words]).all(|text| text.chars().count() == MOST_CHARS + 1));
        assert!(read_text(r#"{"status":"success","warnings":"x"}"#).unwrap_err().contains("a list of warnings"));
    }

    #[test]
    fn long_values_are_cut() {
        let text = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"name":"{}"}},"value":[0,"1"]}}]}}}}"#,
            "ü".repeat(4096)
        );
        let (_, samples) = read_text(&text).unwrap();
        assert_eq!(samples[0].metric.get("name").unwrap().chars().count(), MOST_CHARS + 1);
    }
}
