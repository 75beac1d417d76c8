//! The folder that a disk tier lives in, as the few verbs it needs: the seam at which tests put a disk that fails.

#[cfg(test)]
pub(crate) mod simulated;

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whoever holds a lock on this file may write to the folder. It is empty, and stays.
const LOCK: &str = "lock";
/// What is stored is nobody else's to read: it may have been sent to some clients only.
const PRIVATE: u32 = 0o600;

/// A folder of files. Every verb may fail, and may block for as long as the disk does.
pub(crate) trait Folder: Debug + Send + Sync {
    /// Takes the folder for this process alone, making it if need be (but not its parents: a disk that is not mounted
    /// must not be made up for on the disk beneath). [`io::ErrorKind::WouldBlock`] while another process has it.
    fn take(&self) -> io::Result<Box<dyn Lease>>;

    /// The names of the files, in no order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A new empty file, in the place of one that has the name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn Blob>>;

    /// A file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn Blob>>;

    /// Removes a file. Whoever has it open can read on.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Bytes of a file; 0 if it is not there.
    fn bytes_of(&self, name: &str) -> u64;

    /// Where others may keep files in it; none if it is not of the file system.
    fn path(&self) -> Option<&Path>;

    /// Makes what was created and removed outlast a loss of power.
    fn sync(&self) -> io::Result<()>;
}

/// The right to write to a folder, until it is dropped.
pub(crate) trait Lease: Send {
    /// Whether the path still leads to the folder that was taken: it may have been removed, replaced or unmounted.
    fn is_valid(&self) -> bool;
}

/// An open file. Reads and writes say where; nobody's position is moved.
pub(crate) trait Blob: Debug + Send + Sync {
    /// Writes all of it. After an error any part of it may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills all of it.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Bytes from its start to its end.
    fn length(&self) -> io::Result<u64>;
    /// Cuts it off.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Makes its bytes outlast a loss of power.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub(crate) struct OnDisk {
    path: PathBuf,
}

impl OnDisk {
    pub(crate) fn new(path: &Path) -> Self {
        OnDisk { path: path.to_owned() }
    }
}

impl Folder for OnDisk {
    fn take(&self) -> io::Result<Box<dyn Lease>> {
        match fs::DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = self.path.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(PRIVATE).open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        Ok(Box::new(Flock { path, file }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
        fs::read_dir(&self.path)?.filter_map(|entry| name(entry).transpose()).collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        let mut options = OpenOptions::new();
        let file =
            options.create(true).truncate(true).read(true).write(true).mode(PRIVATE).open(self.path.join(name))?;
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        let path = self.path.join(name);
        // On a disk that has become read-only what is stored can still be served.
        let file = OpenOptions::new().read(true).write(true).open(&path).or_else(|_| File::open(&path))?;
        Ok(Arc::new(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn bytes_of(&self, name: &str) -> u64 {
        fs::metadata(self.path.join(name)).map_or(0, |metadata| metadata.len())
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// A lock (flock) that ends with the process, however that ends.
#[derive(Debug)]
struct Flock {
    path: PathBuf,
    file: File,
}

impl Lease for Flock {
    fn is_valid(&self) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(held), Ok(named)) => identity(held) == identity(named),
            _ => false,
        }
    }
}

impl Blob for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
