//! How much memory a process has, as the kernel says.

use std::fs;

/// In bytes; None for what the kernel does not tell this process.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// All that is in memory, also what it shares with others.
    pub resident: Option<u64>,
    /// What it shares is divided by those who share it. Of another process only a server that never was root learns this.
    pub proportional: Option<u64>,
}

impl Memory {
    pub fn of(process: u32) -> Self {
        Self {
            resident: field(&format!("/proc/{process}/status"), "VmRSS:"),
            proportional: field(&format!("/proc/{process}/smaps_rollup"), "Pss:"),
        }
    }
}

fn field(file: &str, name: &str) -> Option<u64> {
    kibibytes(&fs::read_to_string(file).ok()?, name).map(|number| number * 1024)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_by_name() {
        let text = "VmHWM:\t    9000 kB\nVmRSS:\t    4321 kB\nThreads:\t1\n";
        assert_eq!(kibibytes(text, "VmRSS:"), Some(4321));
        assert_eq!(kibibytes(text, "Pss:"), None);
        assert_eq!(kibibytes(text, "Threads:"), None);
    }

    #[test]
    fn this_process_has_some() {
        let memory = Memory::of(std::process::id());
        assert!(memory.resident > Some(100_000));
        assert!(memory.proportional <= memory.resident);
    }
}
