//! `public_view`: what everybody on the host is shown of its GPUs.

use serde::{Deserialize, Serialize};

use super::reader::{Entry, Reader};

/// What everybody on the host is shown of its GPUs, without membership in any group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicView {
    /// Who holds each GPU, in which container, since when and until when.
    Full,
    /// The same without the names of containers.
    #[default]
    Owners,
    /// The same without the names of people: that a GPU is held, and for how long.
    Anonymous,
    /// Nothing.
    Off,
}

impl PublicView {
    const ALL: [Self; 4] = [Self::Full, Self::Owners, Self::Anonymous, Self::Off];

    /// Its word in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Owners => "owners",
            Self::Anonymous => "anonymous",
            Self::Off => "off",
        }
    }
}

/// Where it can't be read, nothing is shown: an admin who wrote it meant something, and it may have been less.
pub(crate) fn read(reader: &mut Reader<'_>, entry: Entry<'_>) -> PublicView {
    let given = reader.scalar(entry);
    let named = given.and_then(|given| PublicView::ALL.into_iter().find(|view| view.as_str() == given.text));
    named.unwrap_or_else(|| {
        if given.is_some() {
            let message = "`public_view` is none of full, owners, anonymous and off";
            reader.error(entry.at, message, "write one of them: `owners` shows who holds which GPU");
        }
        PublicView::Off
    })
}
