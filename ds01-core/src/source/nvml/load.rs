//! Finding and initialising the library.

use std::path::Path;

use nvml_wrapper::error::NvmlError;

use crate::source::{FailureKind, SourceError, SourceName};

/// The names under which a driver installs its library. Without a development package there is only the first.
const NAMES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/// Loads and initialises the library named by the admin, or the driver's.
///
/// By `nvmlInit_v2`, which every driver has, without flags: it touches no GPU, so that one that is in trouble does not
/// keep the others from being read, and it fails on a host whose driver finds no GPU at all. `NVML_INIT_FLAG_NO_GPUS`
/// would turn that failure into a host that has none, and what was known of its GPUs would be forgotten.
pub(super) fn load(named: Option<&Path>) -> Result<nvml_wrapper::Nvml, SourceError> {
    if let Some(path) = named {
        return init(path).map_err(|error| failed(path, &error));
    }
    load_first(&NAMES)
}

/// Loads and initialises the first of these that there is.
fn load_first(names: &[&str]) -> Result<nvml_wrapper::Nvml, SourceError> {
    for name in names.iter().map(Path::new) {
        match init(name) {
            Err(error) if is_missing(name, &error) => {}
            result => return result.map_err(|error| failed(name, &error)),
        }
    }
    let detail = format!("the dynamic linker does not find {}", names.join(" or "));
    Err(SourceError::absent(SourceName::Nvml, detail))
}

fn init(library: &Path) -> Result<nvml_wrapper::Nvml, NvmlError> {
    nvml_wrapper::Nvml::builder().lib_path(library.as_os_str()).init()
}

fn failed(library: &Path, error: &NvmlError) -> SourceError {
    let kind = match error {
        _ if is_missing(library, error) => FailureKind::Missing,
        NvmlError::NoPermission => FailureKind::Denied,
        NvmlError::LibloadingError(error) if error.to_string().ends_with("Permission denied") => FailureKind::Denied,
        _ => FailureKind::Erred,
    };
    let detail = match error {
        NvmlError::LibloadingError(error) => error.to_string(),
        _ => format!("{}: nvmlInit_v2: {error}", library.display()),
    };
    SourceError::failed(SourceName::Nvml, kind, detail)
}

/// Whether the library itself was not found. The dynamic linker has no codes for what went wrong, only these words, and
/// it has the same words for a library that the library needs, after that one's name.
fn is_missing(library: &Path, error: &NvmlError) -> bool {
    let NvmlError::LibloadingError(error) = error else {
        return false;
    };
    let message = error.to_string();
    message.starts_with(&format!("{}: ", library.display())) && message.ends_with("No such file or directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_under_any_name_is_absence() {
        let error = load_first(&["libds01-no-such.so.1", "libds01-no-such.so"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nvml: not on this host: the dynamic linker does not find libds01-no-such.so.1 or libds01-no-such.so"
        );
    }
}
