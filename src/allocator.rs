//! The allocator of the command, and of the benches, which measure it. A program that uses the library chooses its own.
//!
//! The C library keeps what each thread has freed for that thread. The engine's many threads take turns at large batches, so statistics over a
//! million items held twice the memory that any of them used.

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
