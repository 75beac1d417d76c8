//! A disk in memory that fails on demand: it is full, or broken, or gone, or its process is killed in the middle of a write.

use crate::disk::files::{Blob, Folder, Lease};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// One process's view of a disk. A view from before a crash can do nothing any more.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    disk: Arc<Mutex<Disk>>,
    life: u64,
}

#[derive(Debug)]
struct Disk {
    files: BTreeMap<String, Arc<Mutex<Content>>>,
    random: StdRng,
    life: u64,
    /// The life that holds the lock, and in which incarnation of the folder.
    held: Option<(u64, u64)>,
    incarnation: u64,
    changes: u64,
    crash_at: Option<u64>,
    room: Option<u64>,
    writes_fail: bool,
    reads_fail: bool,
    is_gone: bool,
}

#[derive(Debug, Default, Clone)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

/// What to do to a disk.
impl Simulated {
    pub(crate) fn new(seed: u64) -> Self {
        let disk = Disk {
            files: BTreeMap::new(),
            random: StdRng::seed_from_u64(seed),
            life: 0,
            held: None,
            incarnation: 0,
            changes: 0,
            crash_at: None,
            room: None,
            writes_fail: false,
            reads_fail: false,
            is_gone: false,
        };
        Simulated { disk: Arc::new(Mutex::new(disk)), life: 0 }
    }

    /// Lets the process die at so many changes from now: a write is torn, anything else does not happen.
    pub(crate) fn crash_after(&self, changes: u64) {
        let mut disk = self.lock();
        disk.crash_at = Some(disk.changes + changes);
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.lock().life != self.life
    }

    /// The next process. What the one before had written is there, for the kernel had it.
    pub(crate) fn restart(&self) -> Self {
        let mut disk = self.lock();
        if disk.life == self.life {
            disk.life += 1;
        }
        (disk.held, disk.crash_at) = (None, None);
        let life = disk.life;
        drop(disk);
        Simulated { disk: Arc::clone(&self.disk), life }
    }

    /// The next process, after the power was lost: of what was not synced some is there, and some is zeros.
    pub(crate) fn restart_without_power(&self) -> Self {
        let mut disk = self.lock();
        let Disk { files, random, .. } = &mut *disk;
        for content in files.values() {
            let mut content = content.lock().unwrap();
            let (synced, length) = (content.synced, content.bytes.len());
            let kept = random.random_range(synced.min(length)..=length);
            content.bytes.truncate(kept);
            for block in content.bytes[synced.min(kept)..].chunks_mut(4096) {
                if random.random_bool(0.2) {
                    block.fill(0);
                }
            }
        }
        drop(disk);
        self.restart()
    }

    /// Leaves so much room for what is written from now on, or any amount.
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.lock().room = room;
    }

    pub(crate) fn fail(&self, writes: bool, reads: bool) {
        let mut disk = self.lock();
        (disk.writes_fail, disk.reads_fail) = (writes, reads);
    }

    /// Takes the folder away with all that is in it, so that it cannot be made again.
    pub(crate) fn vanish(&self) {
        let mut disk = self.lock();
        disk.files.clear();
        disk.incarnation += 1;
        (disk.is_gone, disk.held) = (true, None);
    }

    /// Lets the folder be made again.
    pub(crate) fn come_back(&self) {
        self.lock().is_gone = false;
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().files.values().map(|content| content.lock().unwrap().bytes.len() as u64).sum()
    }

    /// Changes one byte of a file.
    pub(crate) fn damage(&self, name: &str, at: usize) {
        self.lock().files[name].lock().unwrap().bytes[at] ^= 0x40;
    }

    /// The bytes of a file.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        self.lock().files[name].lock().unwrap().bytes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// The disk, if this process may use it.
    fn alive(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.lock();
        if disk.life != self.life {
            return Err(io::Error::other("this process has been killed"));
        }
        if disk.is_gone {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(disk)
    }

    /// The disk, for a change that happens; none, once, if it is where the process dies.
    fn change(&self) -> io::Result<Result<MutexGuard<'_, Disk>, MutexGuard<'_, Disk>>> {
        let mut disk = self.alive()?;
        disk.changes += 1;
        if disk.crash_at.is_some_and(|at| disk.changes >= at) {
            disk.life += 1;
            return Ok(Err(disk));
        }
        if disk.writes_fail {
            return Err(io::Error::other("the disk is broken"));
        }
        Ok(Ok(disk))
    }

    fn simple_change(&self) -> io::Result<MutexGuard<'_, Disk>> {
        self.change()?.map_err(|_dead| io::Error::other("killed"))
    }
}

impl Folder for Simulated {
    fn take(&self) -> io::Result<Box<dyn Lease>> {
        let mut disk = self.simple_change()?;
        if disk.held.is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let held = (self.life, disk.incarnation);
        disk.held = Some(held);
        drop(disk);
        Ok(Box::new(Held { folder: self.clone(), held }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.alive()?.files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        let content = Arc::<Mutex<Content>>::default();
        self.simple_change()?.files.insert(name.to_owned(), Arc::clone(&content));
        Ok(Arc::new(SimulatedFile { folder: self.clone(), content }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        let content = self.alive()?.files.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { folder: self.clone(), content }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.simple_change()?.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn bytes_of(&self, name: &str) -> u64 {
        self.lock().files.get(name).map_or(0, |content| content.lock().unwrap().bytes.len() as u64)
    }

    fn path(&self) -> Option<&Path> {
        None
    }

    fn sync(&self) -> io::Result<()> {
        self.alive().map(drop)
    }
}

struct Held {
    folder: Simulated,
    held: (u64, u64),
}

impl Lease for Held {
    fn is_valid(&self) -> bool {
        self.folder.alive().is_ok_and(|disk| disk.held == Some(self.held))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut disk = self.folder.lock();
        if disk.held == Some(self.held) {
            disk.held = None;
        }
    }
}

#[derive(Debug)]
struct SimulatedFile {
    folder: Simulated,
    content: Arc<Mutex<Content>>,
}

impl SimulatedFile {
    fn write(&self, bytes: &[u8], offset: u64) {
        let mut content = self.content.lock().unwrap();
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        content.bytes[start..end].copy_from_slice(bytes);
        content.synced = content.synced.min(start);
    }
}

impl Blob for SimulatedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.folder.change()? {
            Ok(mut disk) => {
                if let Some(room) = &mut disk.room {
                    let fits = (bytes.len() as u64).min(*room);
                    *room -= fits;
                    if fits < bytes.len() as u64 {
                        drop(disk);
                        self.write(&bytes[..fits as usize], offset);
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                }
                drop(disk);
                self.write(bytes, offset);
                Ok(())
            }
            Err(mut disk) => {
                let torn = disk.random.random_range(0..=bytes.len());
                drop(disk);
                self.write(&bytes[..torn], offset);
                Err(io::Error::other("killed"))
            }
        }
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        if self.folder.alive()?.reads_fail {
            return Err(io::Error::other("the disk is broken"));
        }
        let content = self.content.lock().unwrap();
        let there = content.bytes.get(offset as usize..offset as usize + bytes.len());
        bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        drop(self.folder.alive()?);
        Ok(self.content.lock().unwrap().bytes.len() as u64)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        drop(self.folder.simple_change()?);
        self.content.lock().unwrap().bytes.resize(length as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        drop(self.folder.simple_change()?);
        let mut content = self.content.lock().unwrap();
        content.synced = content.bytes.len();
        Ok(())
    }
}
