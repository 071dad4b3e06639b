//! What goes over the pipes between the host and a worker: frames of a kind, a session and bytes.
//!
//! A frame is a length (4 bytes, little endian), a kind (1), a session (4) and so many bytes. Words
//! and pages stand in them as the waist has them; nobody on the way decodes them.

use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, BufRead, Read, Write};

/// Bytes in one frame at most. Pages have about 1 MiB; an entry may be larger than that.
pub const LONGEST: usize = 64 << 20;
/// A frame of at most so many bytes is written at once with its head.
const SMALL: usize = 4096;
const HEAD: usize = 9;

/// What a frame is. First what the host says, then what a worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A question; a session of its own that ends with the answer.
    Ask = 1,
    /// Open a session with these values.
    Connect,
    /// A request of a session.
    Call,
    /// The answer to a page: more of it.
    GoOn,
    /// The answer to a page, or said between pages: no more of it.
    Stop,
    /// The session ends; answered when the plugin has closed it.
    Close,
    /// One byte: which lines of the log are wanted.
    Level,
    /// Who the plugin is, or why it cannot be loaded. The first frame of a worker.
    Info,
    /// What a question, a request, a connect or a close is answered.
    Answer,
    /// The same when there is an error that is not among the plugin's answers.
    Failed,
    /// A page of an import.
    Page,
    /// A line of the log; of session 0 when no call wrote it.
    Line,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::Ask,
        Kind::Connect,
        Kind::Call,
        Kind::GoOn,
        Kind::Stop,
        Kind::Close,
        Kind::Level,
        Kind::Info,
        Kind::Answer,
        Kind::Failed,
        Kind::Page,
        Kind::Line,
    ];
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// The number of the session, which the host gives.
    pub session: u32,
    /// The word or the page in it.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// What one of the two said to the other apart from the plugin's bytes.
    pub fn said<T: DeserializeOwned>(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&self.bytes)?)
    }
}

/// Writes a word that is not the plugin's.
#[must_use]
pub fn say<T: Serialize>(word: &T) -> Vec<u8> {
    serde_json::to_vec(word).expect("names, numbers and texts always encode")
}

/// Reads a frame; `None` where the stream ends between two. An error of kind `InvalidData` says what
/// is wrong with a frame that is none.
pub fn read(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    read_into(from, Vec::new)
}

/// The same, into memory that is used again when the frame is larger than small. What is in it is
/// overwritten.
pub(super) fn read_into(
    from: &mut impl BufRead,
    spare: impl FnOnce() -> Vec<u8>,
) -> io::Result<Option<Frame>> {
    let mut head = [0; HEAD];
    // As `read_exact` does, this asks again where a signal came in between.
    let Some(first) = from.by_ref().bytes().next() else { return Ok(None) };
    head[0] = first?;
    from.read_exact(&mut head[1..])?;
    let [a, b, c, d, kind, session @ ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let known = Kind::ALL.into_iter().find(|known| *known as u8 == kind);
    let kind = known.ok_or_else(|| bad(format!("there is no kind of frame {kind}")))?;
    if length > LONGEST {
        return Err(bad(format!("a frame of {length} bytes, at most {LONGEST} are taken")));
    }
    let mut bytes = if length > SMALL { spare() } else { Vec::new() };
    bytes.resize(length, 0);
    from.read_exact(&mut bytes)?;
    Ok(Some(Frame { kind, session: u32::from_le_bytes(session), bytes }))
}

/// Writes a frame. One that is too long is not written: an error of kind `InvalidInput`.
pub fn write(to: &mut impl Write, kind: Kind, session: u32, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > LONGEST {
        let what = format!("{} bytes at once, at most {LONGEST} can be sent", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut head = Vec::with_capacity(HEAD + bytes.len().min(SMALL));
    head.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    head.push(kind as u8);
    head.extend_from_slice(&session.to_le_bytes());
    if bytes.len() <= SMALL {
        head.extend_from_slice(bytes);
        return to.write_all(&head);
    }
    to.write_all(&head)?;
    to.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn written(kind: Kind, session: u32, bytes: &[u8]) -> Vec<u8> {
        let mut to = Vec::new();
        write(&mut to, kind, session, bytes).unwrap();
        to
    }

    #[test]
    fn frames_come_back_as_they_were_written() {
        for bytes in [Vec::new(), vec![1], vec![7; SMALL], vec![7; SMALL + 1]] {
            for kind in Kind::ALL {
                let stream = written(kind, u32::MAX - 1, &bytes);
                let mut from = stream.as_slice();
                let frame = read(&mut from).unwrap().unwrap();
                let expected = Frame { kind, session: u32::MAX - 1, bytes: bytes.clone() };
                assert_eq!(frame, expected);
                assert_eq!(read(&mut from).unwrap(), None, "nothing is left");
            }
        }
    }

    #[test]
    fn memory_that_is_used_again_holds_the_new_frame_alone() {
        for spare in [0, SMALL, 2 * SMALL, 3 * SMALL] {
            let bytes = vec![7; 2 * SMALL];
            let stream = written(Kind::Page, 1, &bytes);
            let frame = read_into(&mut stream.as_slice(), || vec![9; spare]).unwrap().unwrap();
            assert_eq!(frame.bytes, bytes);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let whole = written(Kind::Page, 1, b"entries");
        for cut in 1..whole.len() {
            let error = read(&mut &whole[..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        let (mut unknown, mut long) = (whole.clone(), whole);
        unknown[4] = 99;
        long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        for (stream, said) in [(unknown, "no kind of frame 99"), (long, "4294967295 bytes")] {
            let error = read(&mut stream.as_slice()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        let mut to = Vec::new();
        let error = write(&mut to, Kind::Answer, 1, &vec![0; LONGEST + 1]).unwrap_err();
        assert_eq!((error.kind(), to.len()), (io::ErrorKind::InvalidInput, 0));
    }

    #[test]
    fn signals_end_no_stream() {
        /// A signal comes before each byte.
        struct Signalled<'a>(&'a [u8], bool);
        impl Read for Signalled<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    Err(io::ErrorKind::Interrupted.into())
                } else {
                    self.0.read(&mut into[..1])
                }
            }
        }
        let stream = [written(Kind::Page, 1, b"page"), written(Kind::Answer, 1, b"")].concat();
        let mut from = BufReader::new(Signalled(&stream, false));
        assert_eq!(read(&mut from).unwrap().unwrap().bytes, b"page");
        assert_eq!(read(&mut from).unwrap().unwrap().kind, Kind::Answer);
        assert_eq!(read(&mut from).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(stream in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut from = stream.as_slice();
            while let Ok(Some(frame)) = read(&mut from) {
                prop_assert!(frame.bytes.len() < stream.len());
            }
        }
    }
}
