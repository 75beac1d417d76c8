//! What a store is told at start and at each reload, and why it may refuse.

use crate::disk::{BYTES_MIN, DiskOptions};
use std::path::PathBuf;

/// The zones of a store, in the order in which they are reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Each zone has its own budget: one zone never evicts the objects of another.
    pub zones: Vec<ZoneOptions>,
}

/// One zone: a name that requests choose it by, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneOptions {
    /// What `CacheKey::user_tag` must say for a request to use this zone.
    pub name: String,
    /// Bytes of memory for everything the zone holds: bodies, headers, keys, the index, and bodies still being written.
    pub memory_bytes: u64,
    /// A longer body is passed through to its clients and not kept.
    pub max_object_bytes: u64,
    /// Where objects are kept that memory has no room for, and that outlive the process.
    pub disk: Option<DiskOptions>,
}

/// Why a set of options cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Two zones have one name, so a request could not say which it means.
    #[error("zone `{zone}` is given twice; hint: give each zone its own name")]
    DuplicateZone {
        /// The name that is there twice.
        zone: String,
    },
    /// A zone that can hold nothing.
    #[error("zone `{zone}` has {field} 0; hint: leave the zone out where nothing is to be kept")]
    Zero {
        /// The zone's name.
        zone: String,
        /// Which of its limits is 0.
        field: &'static str,
    },
    /// An object of the permitted size could never be kept.
    #[error(
        "zone `{zone}` permits objects of {max_object_bytes} bytes in {memory_bytes} bytes of memory; \
         hint: raise memory_bytes or lower max_object_bytes"
    )]
    ObjectLargerThanZone {
        /// The zone's name.
        zone: String,
        /// The largest body it is asked to keep.
        max_object_bytes: u64,
        /// All the memory it is given.
        memory_bytes: u64,
    },
    /// Two zones would write over each other.
    #[error("zones `{zone}` and `{other}` both have the folder {}; hint: give each its own", folder.display())]
    SharedFolder {
        /// The earlier zone.
        zone: String,
        /// The later one.
        other: String,
        /// The folder of both.
        folder: PathBuf,
    },
    /// There would be no room for the segments that a log takes.
    #[error("zone `{zone}` has {bytes} bytes of disk; hint: give it {BYTES_MIN} at least, or no disk")]
    DiskTooSmall {
        /// The zone's name.
        zone: String,
        /// What it is given.
        bytes: u64,
    },
}

impl Options {
    /// Refuses what could not be meant.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        for (at, zone) in self.zones.iter().enumerate() {
            if self.zones[..at].iter().any(|earlier| earlier.name == zone.name) {
                return Err(OptionsError::DuplicateZone { zone: zone.name.clone() });
            }
            for (field, value) in [("memory_bytes", zone.memory_bytes), ("max_object_bytes", zone.max_object_bytes)] {
                if value == 0 {
                    return Err(OptionsError::Zero { zone: zone.name.clone(), field });
                }
            }
            if let Some(disk) = &zone.disk {
                let has_it = |earlier: &&ZoneOptions| earlier.disk.as_ref().is_some_and(|it| it.folder == disk.folder);
                if let Some(earlier) = self.zones[..at].iter().find(has_it) {
                    let (zone, other) = (earlier.name.clone(), zone.name.clone());
                    return Err(OptionsError::SharedFolder { zone, other, folder: disk.folder.clone() });
                }
                if disk.bytes < BYTES_MIN {
                    return Err(OptionsError::DiskTooSmall { zone: zone.name.clone(), bytes: disk.bytes });
                }
            }
            if zone.max_object_bytes > zone.memory_bytes {
                return Err(OptionsError::ObjectLargerThanZone {
                    zone: zone.name.clone(),
                    max_object_bytes: zone.max_object_bytes,
                    memory_bytes: zone.memory_bytes,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskOptions, Options, OptionsError, ZoneOptions};

    fn zone(name: &str, memory_bytes: u64, max_object_bytes: u64) -> ZoneOptions {
        ZoneOptions { name: name.to_owned(), memory_bytes, max_object_bytes, disk: None }
    }

    #[test]
    fn no_zone_at_all_is_a_store_that_keeps_nothing() {
        assert_eq!(Options { zones: vec![] }.check(), Ok(()));
    }

    #[test]
    fn each_refusal_names_the_zone_and_what_to_do() {
        let refused = |zones| Options { zones }.check().expect_err("must be refused");
        assert_eq!(
            refused(vec![zone("pages", 10, 1), zone("pages", 10, 1)]).to_string(),
            "zone `pages` is given twice; hint: give each zone its own name"
        );
        assert_eq!(refused(vec![zone("a", 0, 1)]), OptionsError::Zero { zone: "a".into(), field: "memory_bytes" });
        assert_eq!(refused(vec![zone("a", 1, 0)]), OptionsError::Zero { zone: "a".into(), field: "max_object_bytes" });
        let on_disk = |name, bytes| ZoneOptions {
            disk: Some(DiskOptions { folder: "/srv/cache".into(), bytes }),
            ..zone(name, 10, 1)
        };
        assert_eq!(
            refused(vec![on_disk("a", 1 << 30), on_disk("b", 1 << 30)]).to_string(),
            "zones `a` and `b` both have the folder /srv/cache; hint: give each its own"
        );
        assert!(refused(vec![on_disk("a", 1 << 20)]).to_string().contains("give it 16777216 at least"));
        assert!(refused(vec![zone("a", 9, 10)]).to_string().contains("objects of 10 bytes in 9 bytes of memory"));
    }
}
