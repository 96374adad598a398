//! How much Lado has to do: when that is too much, new visitors are told to come back, and sessions that live go on.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Requests whose answers have not left yet.
    pub max_requests: u64,
    /// Bytes of memory that Lado may hold; nothing: four fifths of what its machine or container has.
    pub max_memory: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_requests: 5000, max_memory: None }
    }
}

/// What there is to do at the moment.
#[derive(Debug)]
pub struct Load {
    max_requests: u64,
    max_memory: u64,
    requests: AtomicU64,
    memory: AtomicU64,
    refused: AtomicU64,
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

impl Load {
    pub fn new(config: &Config) -> Arc<Self> {
        let max_memory = config.max_memory.unwrap_or_else(|| there_is() / 5 * 4);
        let [requests, memory, refused] = [0, resident(), 0].map(AtomicU64::new);
        Arc::new(Self { max_requests: config.max_requests, max_memory, requests, memory, refused })
    }

    /// Whether work that can wait should.
    pub fn is_full(&self) -> bool {
        self.requests() > self.max_requests || self.memory() > self.max_memory
    }

    /// Work that can wait was sent away.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Counts a request until the value is dropped.
    pub fn request(self: &Arc<Self>) -> Running {
        self.requests.fetch_add(1, Relaxed);
        Running(self.clone())
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Bytes that are resident.
    pub fn memory(&self) -> u64 {
        self.memory.load(Relaxed)
    }

    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Looks at memory for as long as somebody asks for it.
    pub async fn watch(load: Weak<Self>) {
        let mut every = tokio::time::interval(LOOK);
        let mut full = false;
        loop {
            every.tick().await;
            let Some(load) = load.upgrade() else { return };
            load.memory.store(resident(), Relaxed);
            let before = std::mem::replace(&mut full, load.is_full());
            let (requests, memory) = (load.requests(), load.memory());
            match (before, full) {
                (false, true) => tracing::warn!(requests, memory, "too much to do: new visitors are told to come back"),
                (true, false) => tracing::info!(requests, memory, "new visitors are served again"),
                _ => {}
            }
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Running(Arc<Load>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// This process's resident memory in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    field("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// Memory of the control group, else of the machine; without an end where neither tells.
fn there_is() -> u64 {
    // cgroups(7): one line `0::/system.slice/lado.service`, in a container `0::/`.
    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").trim_end_matches('/');
    let most = std::fs::read_to_string(format!("/sys/fs/cgroup{group}/memory.max"));
    let container = most.ok().and_then(|text| text.trim().parse().ok());
    let machine = field("/proc/meminfo", "MemTotal:");
    [container, machine].into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// A line such as `VmRSS:   1234 kB` (proc(5)), in bytes.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_counted_and_too_much_of_it_is_told() {
        let load = Load::new(&Config { max_requests: 1, max_memory: None });
        let first = load.request();
        assert!(!load.is_full());
        let _second = load.request();
        assert!(load.is_full());
        drop(first);
        assert!(!load.is_full());
    }

    #[test]
    fn memory_is_measured_and_has_an_end() {
        let load = Load::new(&Config::default());
        assert!(load.memory() > 1024 * 1024 && load.max_memory > load.memory());
        assert!(Load::new(&Config { max_requests: 10, max_memory: Some(1024) }).is_full());
    }
}
