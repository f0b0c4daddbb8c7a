//! The memory that queries may take.

use std::fs;
use std::sync::{Arc, LazyLock};

use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};

/// What queries take at most, however much memory the machine has.
const MOST_BYTES: usize = 4 << 30;

/// Memory for sorts, joins and aggregates before they spill to disk. All sessions of the process share it, since they share the machine: half of what
/// that has, and 4 GiB at most.
pub(super) fn query_memory() -> Arc<dyn MemoryPool> {
    static POOL: LazyLock<Arc<dyn MemoryPool>> = LazyLock::new(|| {
        // Systems without this file say it in other ways; there 4 GiB it is.
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_bytes(&text));
        Arc::new(FairSpillPool::new(machine.map_or(MOST_BYTES, |bytes| MOST_BYTES.min(bytes / 2))))
    });
    Arc::clone(&POOL)
}

/// The memory of the machine by Linux's `/proc/meminfo`.
fn machine_bytes(meminfo: &str) -> Option<usize> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_machine_is_read() {
        assert_eq!(machine_bytes("MemTotal:        2048 kB\nMemFree:          100 kB\n"), Some(2 << 20));
        assert_eq!(machine_bytes("MemFree: 100 kB\n"), None);
        assert_eq!(machine_bytes(""), None);
    }

    #[test]
    fn sessions_share_it() {
        assert!(Arc::ptr_eq(&query_memory(), &query_memory()));
    }
}
