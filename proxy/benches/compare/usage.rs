//! What processes take of the machine, from /proc (proc(5)).

use std::{fs, time::Duration};

use rustix::param::{clock_ticks_per_second, page_size};

/// Of several processes together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory in bytes. Pages that processes share count in each; what the kernel holds for sockets in none.
    pub(crate) memory: u64,
    /// Processor time so far, of the processes and of the kernel for them.
    pub(crate) cpu: Duration,
    /// Open file descriptors.
    pub(crate) descriptors: usize,
}

/// A process and its children.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let parent_of = |entry: fs::DirEntry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        (stat(child)?.get(1)?.parse::<u32>().ok()? == pid).then_some(child)
    };
    let children = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(parent_of);
    [pid].into_iter().chain(children).collect()
}

/// What these take; those that have ended take nothing.
pub(crate) fn of(pids: &[u32]) -> Usage {
    let mut sum = Usage::default();
    for pid in pids {
        let pages = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let pages: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
        sum.memory += pages * page_size() as u64;
        let times = stat(*pid).unwrap_or_default();
        let ticks: u64 = times.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        sum.cpu += Duration::from_millis(ticks * 1000 / clock_ticks_per_second());
        sum.descriptors += fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count).unwrap_or_default();
    }
    sum
}

/// The fields of /proc/PID/stat from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}
