//! The allocator of the command, and of the benches, which measure it. A program that uses the library chooses its own.
//!
//! The C library keeps what each thread has freed for that thread. The engine's many threads take turns at large batches, so statistics over a
//! million items held twice the memory that any of them used.

#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One arena for each processor, not four: what one thread has freed is there for the next. Freed memory goes back to the system after a second, not
/// after ten: one statement's is not held while the next one runs. jemalloc reads this C string by its name when the process starts;
/// `_RJEM_MALLOC_CONF` in the environment overrides it.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &[u8; 53] = b"narenas_ratio:1,dirty_decay_ms:1000,muzzy_decay_ms:0\0";
