//! What `nvml-wrapper` does not offer: instance ids, the oldest process lists, MPS and graphics lists, a list that grows while it is
//! fetched, and memory sizes from drivers without the second version of that call. All calls from this crate into C.
#![allow(unsafe_code, reason = "calls NVML's functions")]

use std::ffi::c_uint;
use std::mem;

use nvml_wrapper::Device;
use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper_sys::bindings::{NvmlLib, nvmlDevice_t, nvmlMemory_t, nvmlReturn_t};

/// Room for so many processes at first. More than a GPU has in practice, so that one call does.
const ROOM: usize = 64;

/// No GPU has more processes than a host has pids; a driver that asks for more room asks in error.
const MOST: usize = 1 << 22;

/// So many calls for one list that keeps growing.
const ATTEMPTS: usize = 5;

/// `NVML_VALUE_NOT_AVAILABLE`, where a number of bytes should be.
const NOT_AVAILABLE: u64 = u64::MAX;

/// A row of a process list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// The pid as the host numbers it.
    pub(super) pid: u32,
    /// The memory it holds, if the driver tells.
    pub(super) memory_bytes: Option<u64>,
}

type Getter<T> = unsafe extern "C" fn(nvmlDevice_t, *mut T) -> nvmlReturn_t;
type Lister<T> = unsafe extern "C" fn(nvmlDevice_t, *mut c_uint, *mut T) -> nvmlReturn_t;

impl Row {
    fn new(pid: u32, bytes: u64) -> Self {
        Self { pid, memory_bytes: (bytes != NOT_AVAILABLE).then_some(bytes) }
    }
}

/// `nvmlDeviceGetGpuInstanceId` of a MIG handle.
pub(super) fn gpu_instance_id(device: &Device<'_>) -> Result<u32, NvmlError> {
    // SAFETY: the function's second parameter is an `unsigned int *`.
    unsafe { get(device, *nvml_sym(lib(device).nvmlDeviceGetGpuInstanceId.as_ref())?) }
}

/// `nvmlDeviceGetComputeInstanceId` of a MIG handle.
pub(super) fn compute_instance_id(device: &Device<'_>) -> Result<u32, NvmlError> {
    // SAFETY: the function's second parameter is an `unsigned int *`.
    unsafe { get(device, *nvml_sym(lib(device).nvmlDeviceGetComputeInstanceId.as_ref())?) }
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// All of it.
    pub(super) total: u64,
    /// What is used, with what the driver keeps for itself.
    pub(super) used: u64,
}

/// `nvmlDeviceGetMemoryInfo`: its first version, which every driver has.
pub(super) fn memory(device: &Device<'_>) -> Result<Memory, NvmlError> {
    // SAFETY: the function's second parameter is an `nvmlMemory_t *`.
    let memory: nvmlMemory_t = unsafe { get(device, *nvml_sym(lib(device).nvmlDeviceGetMemoryInfo.as_ref())?)? };
    Ok(Memory { total: memory.total, used: memory.used })
}

/// `nvmlDeviceGetComputeRunningProcesses`, in the newest version that the driver has.
pub(super) fn compute_processes(device: &Device<'_>) -> Result<Vec<Row>, NvmlError> {
    let lib = lib(device);
    // SAFETY: each function's third parameter is a pointer to the structure whose fields are named here.
    unsafe {
        if let Ok(v3) = &lib.nvmlDeviceGetComputeRunningProcesses_v3 {
            list(device, *v3, |row| Row::new(row.pid, row.usedGpuMemory))
        } else if let Ok(v2) = &lib.nvmlDeviceGetComputeRunningProcesses_v2 {
            list(device, *v2, |row| Row::new(row.pid, row.usedGpuMemory))
        } else {
            let v1 = nvml_sym(lib.nvmlDeviceGetComputeRunningProcesses.as_ref())?;
            list(device, *v1, |row| Row::new(row.pid, row.usedGpuMemory))
        }
    }
}

/// `nvmlDeviceGetMPSComputeRunningProcesses`, in the newest version that the driver has. A driver that has none, or says
/// that there is no such list here, has no MPS clients to tell of.
pub(super) fn mps_processes(device: &Device<'_>) -> Result<Vec<Row>, NvmlError> {
    let lib = lib(device);
    // SAFETY: each function's third parameter is a pointer to the structure whose fields are named here.
    let rows = unsafe {
        if let Ok(v3) = &lib.nvmlDeviceGetMPSComputeRunningProcesses_v3 {
            list(device, *v3, |row| Row::new(row.pid, row.usedGpuMemory))
        } else if let Ok(v2) = &lib.nvmlDeviceGetMPSComputeRunningProcesses_v2 {
            list(device, *v2, |row| Row::new(row.pid, row.usedGpuMemory))
        } else if let Ok(v1) = &lib.nvmlDeviceGetMPSComputeRunningProcesses {
            list(device, *v1, |row| Row::new(row.pid, row.usedGpuMemory))
        } else {
            return Ok(Vec::new());
        }
    };
    or_none(rows)
}

/// `nvmlDeviceGetGraphicsRunningProcesses`, in the newest version that the driver has; none where there is no such list, as
/// for MPS.
pub(super) fn graphics_processes(device: &Device<'_>) -> Result<Vec<Row>, NvmlError> {
    let lib = lib(device);
    // SAFETY: each function's third parameter is a pointer to the structure whose fields are named here.
    let rows = unsafe {
        if let Ok(v3) = &lib.nvmlDeviceGetGraphicsRunningProcesses_v3 {
            list(device, *v3, |row| Row::new(row.pid, row.usedGpuMemory))
        } else if let Ok(v2) = &lib.nvmlDeviceGetGraphicsRunningProcesses_v2 {
            list(device, *v2, |row| Row::new(row.pid, row.usedGpuMemory))
        } else if let Ok(v1) = &lib.nvmlDeviceGetGraphicsRunningProcesses {
            list(device, *v1, |row| Row::new(row.pid, row.usedGpuMemory))
        } else {
            return Ok(Vec::new());
        }
    };
    or_none(rows)
}

fn or_none(rows: Result<Vec<Row>, NvmlError>) -> Result<Vec<Row>, NvmlError> {
    match rows {
        Err(NvmlError::NotSupported | NvmlError::FunctionNotFound) => Ok(Vec::new()),
        rows => rows,
    }
}

fn lib<'nvml>(device: &Device<'nvml>) -> &'nvml NvmlLib {
    device.nvml().lib()
}

/// Asks a function for one value.
///
/// # Safety
///
/// `T` is the plain C type that the function writes.
unsafe fn get<T: Copy>(device: &Device<'_>, function: Getter<T>) -> Result<T, NvmlError> {
    // SAFETY: zeros are a valid `T`; the device's handle comes from the library that the function is of, which is loaded
    // and initialised for as long as the device exists; the function writes one `T`.
    unsafe {
        let mut value: T = mem::zeroed();
        nvml_try(function(device.handle(), &raw mut value))?;
        Ok(value)
    }
}

/// Asks a function for a list, again with more room while it says that there was too little.
///
/// # Safety
///
/// `T` is the plain C type of the rows that the function writes.
unsafe fn list<T: Copy>(
    device: &Device<'_>,
    function: Lister<T>,
    row: impl Fn(&T) -> Row,
) -> Result<Vec<Row>, NvmlError> {
    let mut room = ROOM;
    for _ in 0..ATTEMPTS {
        let mut count = c_uint::try_from(room).unwrap_or(c_uint::MAX);
        // SAFETY: as in `get`; `count` says how many rows there is room for.
        let (rows, result) = unsafe {
            let mut rows: Vec<T> = vec![mem::zeroed(); count as usize];
            let result = nvml_try(function(device.handle(), &raw mut count, rows.as_mut_ptr()));
            (rows, result)
        };
        match result {
            Ok(()) => return Ok(rows.iter().take(count as usize).map(row).collect()),
            // Twice what is needed now: it is growing.
            Err(NvmlError::InsufficientSize(_)) => room = (count as usize).max(room).saturating_mul(2).min(MOST),
            Err(error) => return Err(error),
        }
    }
    Err(NvmlError::InsufficientSize(None))
}
