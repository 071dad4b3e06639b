//! Where the admin API listens on Windows: a named pipe whose security descriptor is the lock.

use axum::serve::Listener;
use interprocess::os::windows::{
    ToWtf16 as _,
    named_pipe::{
        PipeListenerOptions,
        pipe_mode::Bytes,
        tokio::{DuplexPipeStream, PipeListener},
    },
    security_descriptor::SecurityDescriptor,
};
use std::{io, path::Path, time::Duration};

/// All rights for the owner of the pipe, which is the host's account, for the system and for
/// administrators; none for anybody else, and nothing inherited.
const OPEN_TO: &str = "D:P(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)";
/// Bytes that each end may write before the other one reads.
const BUFFER: u32 = 64 * 1024;
/// The pause after a client that could not be let in.
const PAUSE: Duration = Duration::from_secs(1);

/// A named pipe that waits for commands of this machine.
pub struct Pipe(PipeListener<Bytes, Bytes>);

impl Pipe {
    /// Makes the pipe of this name, `\\.\pipe\…`. Refused when there is one already: whoever made it
    /// would decide who may open it.
    pub fn make(name: &Path) -> io::Result<Pipe> {
        let open_to = OPEN_TO.to_wtf_16().map_err(io::Error::other)?;
        let open_to = SecurityDescriptor::deserialize(&open_to)?;
        let options = PipeListenerOptions::new()
            .path(name)
            .input_buffer_size_hint(BUFFER)
            .output_buffer_size_hint(BUFFER)
            .security_descriptor(Some(open_to));
        // Clients of other machines are refused, and this is the first of its name: the defaults.
        options.create_tokio_duplex().map(Pipe)
    }
}

impl Listener for Pipe {
    type Io = DuplexPipeStream<Bytes>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, ()) {
        loop {
            match self.0.accept().await {
                Ok(stream) => return (stream, ()),
                Err(error) => {
                    tracing::warn!(%error, "A command could not reach the admin pipe");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
