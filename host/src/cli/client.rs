//! Asks the running host of a home, over its admin socket or pipe.

use super::NoHost;
use anyhow::{Context, anyhow, bail};
use ecma_host::config::HostConfig;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
};
use serde_json::Value;
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Who may open the socket or the pipe.
const WHO_MAY: &str =
    if cfg!(windows) { "an administrator, elevated" } else { "the host's account" };

#[cfg(unix)]
async fn connected(socket: &Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(socket).await
}

/// Waits where the pipe is taken: it is for a moment after each client.
#[cfg(windows)]
async fn connected(pipe: &Path) -> io::Result<tokio::net::windows::named_pipe::NamedPipeClient> {
    use std::time::{Duration, Instant};
    const ERROR_PIPE_BUSY: i32 = 231;
    let began = Instant::now();
    loop {
        match tokio::net::windows::named_pipe::ClientOptions::new().open(pipe) {
            Err(error)
                if error.raw_os_error() == Some(ERROR_PIPE_BUSY)
                    && began.elapsed() < Duration::from_secs(5) =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

/// A running host.
pub(super) struct Client {
    runtime: tokio::runtime::Runtime,
    socket: PathBuf,
    home: String,
    state: PathBuf,
}

impl Client {
    /// The host of these settings, if one runs: nobody is asked yet.
    pub(super) fn new(settings: &HostConfig) -> anyhow::Result<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let socket = ecma_host::app::socket(&settings.state);
        let (home, state) = (settings.home.display().to_string(), settings.state.clone());
        Ok(Client { runtime, socket, home, state })
    }

    /// Reads something.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.runtime.block_on(self.ask("GET", path, None))
    }

    /// Asks for something to be done.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.runtime.block_on(self.ask("POST", path, Some(body)))
    }

    /// Reads a text.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut text = String::new();
        self.lines(path, |line| {
            text.push_str(line);
            text.push('\n');
            true
        })?;
        Ok(text)
    }

    /// Reads lines as they come, until the host has no more or the reader wants no more.
    pub(super) fn lines(
        &self,
        path: &str,
        mut reader: impl FnMut(&str) -> bool,
    ) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let answer = self.send("GET", path, None).await?;
            if !answer.status().is_success() {
                return said(answer).await.map(drop);
            }
            let (mut body, mut rest) = (answer.into_body(), Vec::new());
            while let Some(frame) = body.frame().await {
                let Ok(piece) = frame.context("the answer broke off")?.into_data() else {
                    continue;
                };
                rest.extend_from_slice(&piece);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    if !reader(&String::from_utf8_lossy(&line[..end])) {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
    }

    /// Has a running host look at its files now, so that what a command wrote is at work when it ends.
    /// One that does not answer finds it by itself.
    pub(super) fn tell(settings: &HostConfig) -> bool {
        let told = Client::follow(settings);
        told.unwrap_or_else(|error| {
            let _ = writeln!(
                io::stderr(),
                "{error:#}; it takes what was written when it looks at its files again"
            );
            false
        })
    }

    /// The same, for whom it must not go on without. Whether a host runs.
    pub(super) fn follow(settings: &HostConfig) -> anyhow::Result<bool> {
        match Client::new(settings)?.post("/v1/reload", &Value::Null) {
            Ok(_) => Ok(true),
            Err(error) if error.is::<NoHost>() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        said(self.send(method, path, body).await?).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = match connected(&self.socket).await {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                if ecma_host::app::is_running(&self.state) {
                    bail!(
                        "a host runs in {}, and its admin socket is gone: restart the host",
                        self.home
                    );
                }
                bail!(NoHost(self.home.clone()));
            }
            Err(error) => {
                let socket = self.socket.display();
                return Err(error).with_context(|| {
                    format!("cannot reach the host at {socket}; run this as {WHO_MAY}")
                });
            }
        };
        let stream = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "admin.invalid")
            .body(Full::new(Bytes::from(body)))?;
        sender.send_request(request).await.context("the host did not answer")
    }
}

/// The JSON of an answer, or the error that it tells.
async fn said(answer: Response<Incoming>) -> anyhow::Result<Value> {
    let status = answer.status();
    let bytes = answer.into_body().collect().await.context("the answer broke off")?.to_bytes();
    let value: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("the host answered {status}, and no JSON"))?;
    if status.is_success() {
        return Ok(value);
    }
    // The admin API says `error`, SCIM says `detail`.
    let said = value["error"].as_str().or(value["detail"].as_str()).map(str::to_owned);
    Err(anyhow!("{}", said.unwrap_or_else(|| format!("the host answered {status}"))))
}

/// A text as a part of a path or a query.
pub(super) fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
