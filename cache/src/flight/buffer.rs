//! The bytes of a body under way that are held: all of it, or only its last part.

use crate::body::{BLOCK_OVERHEAD, Block};
use bytes::Bytes;
use std::collections::VecDeque;

/// Pieces that came in are packed into one block when together they weigh this much.
///
/// Until then they are as they came, which may be slices of a larger read buffer. So a fill holds at most this much, and
/// one piece, in memory of unknown size, and its blocks are never much smaller than this, however small the pieces were.
const PACK_BYTES: u64 = 64 << 10;

/// A window onto a body, from some offset to the end so far.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pieces: VecDeque<Block>,
    end: u64,
    /// How many pieces at the back are still as they came, and their weight.
    loose: usize,
    loose_cost: u64,
}

impl Buffer {
    /// The offset of the first byte that is held.
    pub(crate) fn start(&self) -> u64 {
        self.pieces.front().map_or(self.end, Block::start)
    }

    /// Bytes that were ever written.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The bytes of memory that are held.
    pub(crate) fn cost(&self) -> u64 {
        self.end - self.start() + self.pieces.len() as u64 * BLOCK_OVERHEAD
    }

    /// What [`Buffer::cost`] will grow by if this much is written.
    pub(crate) fn cost_of(length: usize) -> u64 {
        length as u64 + BLOCK_OVERHEAD
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.end += bytes.len() as u64;
        self.loose += 1;
        self.loose_cost += Self::cost_of(bytes.len());
        self.pieces.push_back(Block { end: self.end, bytes });
        if self.loose_cost >= PACK_BYTES {
            self.pack();
        }
    }

    /// The bytes at an offset: those of one piece, or of several copied into one as long as that is no more than `most`.
    /// None if they have not come yet; they must not have been released.
    pub(crate) fn read(&self, at: u64, until: u64, most: u64) -> Option<Bytes> {
        let first = self.pieces.partition_point(|piece| piece.end <= at);
        let piece = self.pieces.get(first)?;
        let until = until.min(self.end);
        let enough = until.min(at + most);
        if piece.end >= enough || self.pieces.get(first + 1).is_none_or(|next| next.end > enough) {
            return Some(piece.slice(at, until));
        }
        let mut joined = Vec::with_capacity((enough - at) as usize);
        joined.extend_from_slice(&piece.slice(at, until));
        for next in self.pieces.range(first + 1..).take_while(|next| next.end <= enough) {
            joined.extend_from_slice(&next.bytes);
        }
        Some(Bytes::from(joined))
    }

    /// Lets go of the pieces that lie wholly below an offset.
    pub(crate) fn release_below(&mut self, offset: u64) {
        while self.pieces.front().is_some_and(|piece| piece.end <= offset) {
            self.release_front();
        }
    }

    /// Lets go of the oldest piece; false if there is none.
    pub(crate) fn release_front(&mut self) -> bool {
        let Some(piece) = self.pieces.pop_front() else { return false };
        if self.loose > self.pieces.len() {
            self.loose = self.pieces.len();
            self.loose_cost -= Self::cost_of(piece.bytes.len());
        }
        true
    }

    /// Everything, in blocks of memory of the right size.
    pub(crate) fn into_blocks(mut self) -> Box<[Block]> {
        self.pack();
        self.pieces.into_iter().collect()
    }

    fn pack(&mut self) {
        let loose = self.pieces.split_off(self.pieces.len() - self.loose);
        (self.loose, self.loose_cost) = (0, 0);
        let mut block = Vec::with_capacity(loose.iter().map(|piece| piece.bytes.len()).sum());
        loose.iter().for_each(|piece| block.extend_from_slice(&piece.bytes));
        if !block.is_empty() {
            self.pieces.push_back(Block { end: self.end, bytes: Bytes::from(block) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_OVERHEAD, Buffer, Bytes, PACK_BYTES};

    fn pattern(from: u64, length: usize) -> Bytes {
        (from..from + length as u64).map(|at| (at % 251) as u8).collect()
    }

    fn filled(lengths: &[usize]) -> Buffer {
        let mut buffer = Buffer::default();
        lengths.iter().for_each(|length| buffer.push(pattern(buffer.end(), *length)));
        buffer
    }

    #[test]
    fn small_pieces_are_packed_and_read_back_from_any_offset() {
        let buffer = filled(&[1000; 200]);
        assert!(buffer.pieces.len() < 70, "200 pieces became {}", buffer.pieces.len());
        for at in [0, 1, 999, 1000, 60_123, 199_999] {
            let read = buffer.read(at, u64::MAX, 0).expect("written");
            assert_eq!(read, pattern(at, read.len()));
        }
        assert_eq!(buffer.read(200_000, u64::MAX, 0), None);
        let blocks = buffer.into_blocks();
        assert_eq!(blocks.iter().map(|block| block.bytes.len()).sum::<usize>(), 200_000);
        assert_eq!(blocks.last().map(|block| block.end), Some(200_000));
    }

    #[test]
    fn pieces_of_one_byte_cost_no_more_than_a_pack_beside_themselves() {
        let mut buffer = Buffer::default();
        for _ in 0..50_000 {
            buffer.push(Bytes::from_static(b"x"));
        }
        assert!(buffer.cost() < 50_000 + 2 * PACK_BYTES, "{} bytes", buffer.cost());
    }

    #[test]
    fn a_reader_that_fell_behind_gets_several_pieces_at_once_but_not_past_its_end() {
        let buffer = filled(&[10, 10, 10, 10]);
        assert_eq!(buffer.read(5, u64::MAX, 25).expect("there").len(), 25);
        assert_eq!(buffer.read(5, u64::MAX, 24).expect("there").len(), 15, "whole pieces only");
        assert_eq!(buffer.read(5, u64::MAX, 0).expect("there").len(), 5, "at least one");
        assert_eq!(buffer.read(5, 7, 25).expect("there").len(), 2);
        assert_eq!(buffer.read(5, 22, 25).expect("there"), pattern(5, 15), "the rest with the next read");
        assert_eq!(buffer.read(0, u64::MAX, 1000).expect("there"), pattern(0, 40));
    }

    #[test]
    fn what_is_released_is_no_longer_held() {
        let mut buffer = filled(&[10, 10, 10]);
        buffer.release_below(15);
        assert_eq!((buffer.start(), buffer.cost()), (10, 20 + 2 * BLOCK_OVERHEAD));
        assert!(buffer.release_front() && buffer.release_front());
        assert!(!buffer.release_front());
        assert_eq!((buffer.start(), buffer.end(), buffer.cost()), (30, 30, 0));
        buffer.push(pattern(30, 70_000));
        assert_eq!(buffer.read(30, u64::MAX, 0).expect("there"), pattern(30, 70_000));
    }
}
