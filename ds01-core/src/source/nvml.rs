//! The NVIDIA Management Library, through `nvml-wrapper`.
