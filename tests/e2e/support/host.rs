//! The real binary in a home of its own.

use super::{Entra, until};
use ecma_host::config::TokenHash;
use ecma_plugin_sdk::testkit::{TempDir, built_library, temp_dir};
use reqwest::blocking::Client;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Once,
    thread,
    time::Duration,
};

/// A connector to three people in memory; values of the plugin `misbehaving` follow.
pub(crate) const MEMORY: &str = r#"
plugin = "misbehaving"
[[object]]
type = "person"
query = ["userName"]
[object.attributes]
userName = "userName"
displayName = "displayName"
active = "active"
mails = ""
[values]
"#;

/// Settings of all hosts here: this machine only, and everything in the log.
const SETTINGS: &str = "listen = [\"127.0.0.1:0\"]\n[log]\nlevel = \"trace\"\n";

/// A home, and the host that runs in it. Ends with the test.
pub(crate) struct Host {
    home: TempDir,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    address: SocketAddr,
    client: Client,
}

impl Host {
    /// A home with these plugins. Nothing runs yet.
    pub(crate) fn with(plugins: &[&str]) -> Host {
        let host = Host { home: temp_dir(), environment: Vec::new(), running: None };
        for folder in ["ECMA", "connectors"] {
            fs::create_dir(host.path(folder)).unwrap();
            mode(&host.path(folder), 0o755);
        }
        plugins.iter().for_each(|plugin| host.add_plugin(plugin));
        host.write("host.toml", SETTINGS);
        host
    }

    /// Puts one of our plugins into the plugins folder.
    pub(crate) fn add_plugin(&self, plugin: &str) {
        let library = built_library(plugin);
        let name = library.file_name().unwrap().to_str().unwrap();
        self.plugin(name, &fs::read(&library).unwrap());
    }

    /// A place in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file of the home.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Puts a file into the plugins folder.
    pub(crate) fn plugin(&self, name: &str, bytes: &[u8]) {
        let path = self.path("ECMA").join(name);
        fs::write(&path, bytes).unwrap();
        mode(&path, 0o644);
    }

    /// Adds to the settings of the host.
    pub(crate) fn settings(&self, more: &str) {
        self.write("host.toml", format!("{SETTINGS}{more}"));
    }

    /// Sets a variable of the host's environment.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a connector's document as it is; a host that runs never sees half of it.
    pub(crate) fn raw_document(&self, name: &str, text: &str) {
        self.write(&format!("connectors/.{name}"), text);
        let (written, file) = (format!("connectors/.{name}"), format!("connectors/{name}.toml"));
        fs::rename(self.path(&written), self.path(&file)).unwrap();
    }

    /// Writes a connector's document, with the hash of its token on the first line.
    pub(crate) fn document(&self, name: &str, text: &str) {
        let hash = TokenHash::new(&token(name));
        self.raw_document(name, &format!("token = \"{hash}\"\n{}", text.trim_start()));
    }

    /// Starts the binary and waits until it listens.
    pub(crate) fn listen(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command(&["run", "--port", "0"]);
        let out = File::options().create(true).append(true).open(self.path("out")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().unwrap();
        let ready = until("the host listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the host ended with {status}:\n{}", self.log());
            }
            let text = fs::read_to_string(self.path("state/ready.json")).ok()?;
            let ready: Value = serde_json::from_str(&text).unwrap();
            (ready["pid"] == child.id()).then_some(ready)
        });
        let address: SocketAddr = ready["listen"][0].as_str().unwrap().parse().unwrap();
        let made = || fs::read(ready["ca_pem"].as_str().unwrap());
        // A test that brings its own authority says so.
        let pem = fs::read(self.path("trust.pem")).or_else(|_| made()).unwrap();
        let client = client(&pem, address);
        self.running = Some(Running { child, address, client });
    }

    /// Starts the binary and waits until every connector is ready.
    pub(crate) fn start(&mut self) {
        self.listen();
        until("every connector is ready", || (self.health()["status"] == "ok").then_some(()));
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.running.as_ref().unwrap().address.port()
    }

    /// What `/health` says.
    pub(crate) fn health(&self) -> Value {
        let running = self.running.as_ref().unwrap();
        let url = format!("https://localhost:{}/health", running.address.port());
        let response = running.client.get(url).send().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        serde_json::from_slice(&response.bytes().unwrap()).unwrap()
    }

    /// What `/health` says of a connector.
    pub(crate) fn health_of(&self, name: &str) -> Value {
        let health = self.health();
        let connectors = health["connectors"].as_array().unwrap();
        connectors.iter().find(|connector| connector["name"] == name).unwrap().clone()
    }

    /// Waits until a connector is `ready` or `failed`, and gives what `/health` says of it.
    pub(crate) fn settled(&self, name: &str) -> Value {
        until(&format!("{name} is ready or has failed"), || {
            let health = self.health_of(name);
            (health["state"] != "starting").then_some(health)
        })
    }

    /// A client of a connector that knows its token.
    pub(crate) fn entra(&self, name: &str) -> Entra {
        let running = self.running.as_ref().unwrap();
        Entra::new(running.client.clone(), running.address, name, token(name))
    }

    /// A client that has not been here before, and trusts the certificate that lies there now.
    pub(crate) fn again(&self, name: &str) -> Entra {
        let address = self.running.as_ref().unwrap().address;
        let client = client(&fs::read(self.path("state/cert.pem")).unwrap(), address);
        Entra::new(client, address, name, token(name))
    }

    /// The number of the host's process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    /// Sends the host a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.running.as_ref().unwrap().child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks the host to stop and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    /// Waits for the end of a host that was asked to stop.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut running = self.running.take().unwrap();
        until("the host has stopped", || running.child.try_wait().unwrap())
    }

    /// Tells the host that its log files were moved away.
    pub(crate) fn hang_up(&self) {
        let child = &self.running.as_ref().unwrap().child;
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Begins another command of the binary; its output can be read.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Ends the host with no chance to do anything more.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Stops the host and starts it again.
    pub(crate) fn restart(&mut self) {
        assert!(self.stop().success());
        self.start();
    }

    /// Everything that was written to standard error. The host never waits for its log: a line may come
    /// after the answer that it tells of, so this waits until no more come.
    pub(crate) fn log(&self) -> String {
        let path = self.path("log");
        // It may be a device that never ends.
        let is_file = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let read = || if is_file { fs::read(&path).unwrap() } else { Vec::new() };
        let mut bytes = read();
        for _ in 0..50 {
            thread::sleep(Duration::from_millis(60));
            let before = bytes.len();
            bytes = read();
            if bytes.len() == before {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs another command of the binary.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let written = child.stdin.take().unwrap().write_all(input.as_bytes());
        // Some end before they read it.
        let is_unread = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
        assert!(written.as_ref().err().is_none_or(is_unread), "{written:?}");
        child.wait_with_output().unwrap()
    }

    /// What another command prints; it has to succeed.
    pub(crate) fn prints(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Another command of the binary, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecma-host"));
        command.arg("--home").arg(self.home.path()).args(arguments).env_remove("ECMA_LOG");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().filter(|line| !line.contains("TRACE")).collect();
            let end = lines.len().saturating_sub(60);
            // Shown by the test runner with the failure.
            let _ = writeln!(std::io::stderr(), "the host's log:\n{}", lines[end..].join("\n"));
        }
    }
}

/// The token of a connector.
fn token(name: &str) -> String {
    format!("{name}-token-9b1f!#%&'()*")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Trusts the host's certificate and nothing else.
fn client(pem: &[u8], address: SocketAddr) -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    let certificate = reqwest::Certificate::from_pem(pem).unwrap();
    let client = Client::builder().tls_certs_only([certificate]).https_only(true);
    let client = client.resolve("localhost", address).no_proxy();
    client.timeout(std::time::Duration::from_secs(120)).build().unwrap()
}
