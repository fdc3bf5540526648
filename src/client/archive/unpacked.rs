//! In: a packed stream. Out: the bytes of its archive, counted on both sides.
//! Guarantee: no more is unpacked than the limits allow, however little is packed; the stream is read to its very end.
use super::{ArchiveError, Format, Limits, Reason};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// What an archive may become whatever its size: an empty file of a few bytes has headers of a kilobyte.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// How much is unpacked at once where it is only counted.
const CHUNK: usize = 64 * 1024;

/// The zeros that end an archive: two blocks, of which its reader takes the first.
const END_BYTES: u64 = 512;

/// The archive in a packed stream.
pub(super) struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    packed_bytes: Rc<Cell<u64>>,
    bytes: u64,
    limits: Limits,
    reason: Option<Reason>,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(source: impl Read + 'a, format: Format, limits: Limits) -> Self {
        let packed_bytes = Rc::new(Cell::new(0));
        let counted = BufReader::new(Counted { inner: source, bytes: packed_bytes.clone() });
        let inner: Box<dyn Read + 'a> = match format {
            Format::Tar => Box::new(counted),
            Format::Gzip => Box::new(MultiGzDecoder::new(counted)),
            Format::Zstandard => Box::new(Frames::new(counted)),
        };
        Self { inner, packed_bytes, bytes: 0, limits, reason: None }
    }

    /// Returns the limit that was met, if one was.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.reason.clone()
    }

    /// Reads what stands behind the end of the archive, where only zeros may stand.
    pub(super) fn rest(&mut self) -> Result<(), Reason> {
        let mut chunk = vec![0; CHUNK];
        let mut zeros: u64 = 0;
        loop {
            let read = self.read(&mut chunk).map_err(|error| Reason::of(&error))?;
            let read = chunk.get(..read).unwrap_or_default();
            if read.iter().any(|byte| *byte != 0) {
                return Err(Reason::Behind);
            }
            zeros += read.len() as u64;
            if read.is_empty() {
                return if zeros < END_BYTES { Err(Reason::Truncated) } else { Ok(()) };
            }
        }
    }

    fn over(&self) -> Option<Reason> {
        if self.bytes > self.limits.bytes {
            return Some(Reason::TooMuch(self.limits.bytes));
        }
        let allowed = self.packed_bytes.get().saturating_mul(self.limits.ratio).saturating_add(RATIO_FREE_BYTES);
        (self.bytes > allowed).then_some(Reason::Bomb(self.limits.ratio))
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        if let Some(reason) = self.over() {
            self.reason = Some(reason.clone());
            return Err(ArchiveError { at: None, reason }.into());
        }
        Ok(read)
    }
}

/// Counts what is read, and tells an error of the source from one of the archive.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.bytes.set(self.bytes.get() + read as u64);
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(ArchiveError { at: None, reason: Reason::Unread(error.to_string()) }.into()),
        }
    }
}

/// The frames of a Zstandard stream, one after the other.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_within: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_within: false }
    }

    /// Enters the next frame that holds something; false at the end of the stream.
    fn enter(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                    if skipped < length.into() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn check_sum(&self) -> io::Result<()> {
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(io::Error::other("the checksum of the stream does not match"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.is_within && !self.decoder.is_finished() {
                let block = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, block).map_err(io::Error::other)?;
            } else {
                if self.is_within {
                    self.check_sum()?;
                }
                self.is_within = self.enter()?;
                if !self.is_within {
                    return Ok(0);
                }
            }
        }
    }
}
