//! Makes the coded form of a stored body, away from the threads that serve requests, and not too many at a time.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use cache::Uncoded;
use config::model::Coding;
use tokio::sync::Semaphore;

use super::is_worth_it;

/// Made once and sent often, so somewhat more than the usual effort: beyond these a percent more costs twice the time.
const ZSTD_LEVEL: i32 = 9;
const BROTLI_QUALITY: u32 = 6;
const GZIP_LEVEL: u32 = 6;
/// Bits of the window that brotli looks back through: 4 MiB.
const BROTLI_WINDOW: u32 = 22;
/// What brotli reads and writes at once.
const BROTLI_BUFFER: usize = 16 << 10;

/// Who compresses. One for the whole edge, so that a full cache after a deploy does not take every core.
#[derive(Clone, Debug)]
pub(crate) struct Compressor {
    free: Arc<Semaphore>,
}

impl Compressor {
    /// One that compresses so many bodies at a time.
    pub(crate) fn new(at_a_time: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_a_time)) }
    }

    /// Compresses what `claim` gives in the background, unless enough are at it already: then a later request sets it off.
    pub(crate) fn set_off(&self, coding: Coding, claim: impl FnOnce() -> Option<Uncoded>) {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else { return };
        let Some(uncoded) = claim() else { return };
        // Nobody waits for it: should it fail, the answer goes on as it came.
        drop(tokio::task::spawn_blocking(move || {
            if is_worth_it(uncoded.length()) {
                match compress(coding, uncoded.pieces(), uncoded.length()) {
                    Some(coded) => drop(uncoded.keep(coded)),
                    None => tracing::debug!(coding = coding.token(), "a body did not become shorter"),
                }
            }
            drop(place);
        }));
    }
}

/// A body of so many bytes in a coding; `None` where that is hardly shorter.
fn compress<'p>(coding: Coding, pieces: impl Iterator<Item = &'p Bytes>, length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let coded = Vec::with_capacity(length / 4);
    let coded = match coding {
        Coding::Zstd => zstd(coded, pieces),
        Coding::Brotli => brotli(coded, pieces),
        Coding::Gzip => gzip(coded, pieces),
    };
    coded.ok().filter(|coded| coded.len() < length / 20 * 19)
}

fn zstd<'p>(coded: Vec<u8>, pieces: impl Iterator<Item = &'p Bytes>) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::Encoder::new(coded, ZSTD_LEVEL)?;
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

fn brotli<'p>(coded: Vec<u8>, pieces: impl Iterator<Item = &'p Bytes>) -> std::io::Result<Vec<u8>> {
    let mut encoder = brotli::CompressorWriter::new(coded, BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    Ok(encoder.into_inner())
}

fn gzip<'p>(coded: Vec<u8>, pieces: impl Iterator<Item = &'p Bytes>) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(coded, flate2::Compression::new(GZIP_LEVEL));
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rand::{RngCore, SeedableRng, rngs::StdRng};

    use super::*;

    fn decoded(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Zstd => zstd::stream::Decoder::new(coded).unwrap().read_to_end(&mut plain),
            Coding::Brotli => brotli::Decompressor::new(coded, BROTLI_BUFFER).read_to_end(&mut plain),
            Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        }
        .unwrap();
        plain
    }

    #[test]
    fn each_coding_is_shorter_and_reads_back() {
        let pieces: Vec<_> = (0..40).map(|n| Bytes::from(format!("<li>product {n} of the catalogue</li>\n"))).collect();
        let whole = pieces.concat();
        for coding in Coding::ALL {
            let coded = compress(coding, pieces.iter(), whole.len() as u64).unwrap();
            assert!(coded.len() < whole.len() / 3, "{coding:?} takes {} of {} bytes", coded.len(), whole.len());
            assert_eq!(decoded(coding, &coded), whole, "{coding:?}");
        }
    }

    #[test]
    fn noise_stays_as_it_is() {
        let mut noise = vec![0; 10_000];
        StdRng::seed_from_u64(1).fill_bytes(&mut noise);
        let noise = Bytes::from(noise);
        for coding in Coding::ALL {
            assert_eq!(compress(coding, [&noise].into_iter(), 10_000), None, "{coding:?}");
        }
    }
}
