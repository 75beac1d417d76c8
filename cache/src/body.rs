//! A whole body, immutable and shared: blocks of bytes in order.

use crate::codings::Codings;
use crate::memory::budget::Charge;
use bytes::Bytes;
use std::sync::OnceLock;

/// What one block costs beside its bytes: the [`Block`] itself, the shared counter that `Bytes` allocates at its first
/// clone (24 bytes), and the allocator's own word for each of the two allocations.
pub(crate) const BLOCK_OVERHEAD: u64 = size_of::<Block>() as u64 + 24 + 2 * 8;

/// Bytes of a body, and the offset in the body just past them.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) end: u64,
    pub(crate) bytes: Bytes,
}

impl Block {
    /// The offset of the first byte.
    pub(crate) fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Its bytes from `at` on, and before `until`: a reference, not a copy.
    pub(crate) fn slice(&self, at: u64, until: u64) -> Bytes {
        let start = self.start();
        if at == start && until >= self.end {
            return self.bytes.clone();
        }
        self.bytes.slice((at - start) as usize..(until.min(self.end) - start) as usize)
    }
}

/// A body that has come to its proper end.
#[derive(Debug)]
pub(crate) struct Body {
    blocks: Box<[Block]>,
    charge: Charge,
    /// Most bodies are never asked for in any.
    codings: OnceLock<Box<Codings>>,
}

impl Body {
    /// The charge must cover the bytes, and [`BLOCK_OVERHEAD`] for each block.
    pub(crate) fn new(blocks: Box<[Block]>, charge: Charge) -> Self {
        Body { blocks, charge, codings: OnceLock::new() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.end)
    }

    /// The coded forms that there are.
    pub(crate) fn codings_made(&self) -> Option<&Codings> {
        self.codings.get().map(Box::as_ref)
    }

    /// The place for coded forms.
    pub(crate) fn codings(&self) -> &Codings {
        self.codings.get_or_init(Box::default)
    }

    /// The bytes of memory it is charged for; coded forms are charged by themselves.
    pub(crate) fn weight(&self) -> u64 {
        self.charge.bytes()
    }

    /// All of it, piece by piece.
    pub(crate) fn pieces(&self) -> impl ExactSizeIterator<Item = &Bytes> + Clone {
        self.blocks.iter().map(|block| &block.bytes)
    }

    /// What follows `at`, up to `until`, in the piece that it lies in; none at the end.
    pub(crate) fn read(&self, at: u64, until: u64) -> Option<Bytes> {
        let until = until.min(self.len());
        if at >= until {
            return None;
        }
        let block = &self.blocks[self.blocks.partition_point(|block| block.end <= at)];
        Some(block.slice(at, until))
    }
}
