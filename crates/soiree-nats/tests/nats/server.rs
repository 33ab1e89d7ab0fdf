//! A NATS server of the test's own.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::support::{LIMIT, pause};

/// A server on a port of its own, with its data in a folder of its own. Stopped when it is dropped.
pub(crate) struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

/// The program: in `NATS_SERVER`, in `target/tools`, or on the `PATH`.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("NATS_SERVER") {
        return path.into();
    }
    let root = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/tools/nats/bin/nats-server"
    );
    let tool = PathBuf::from(root);
    match tool.exists() {
        true => tool,
        false => "nats-server".into(),
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

impl Server {
    /// `None` without the program; says so.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// With further lines of the configuration.
    pub(crate) fn start_with(lines: &str) -> Option<Self> {
        let mut server = Self::stopped(lines)?;
        server.run();
        Some(server)
    }

    /// One that does not run yet.
    pub(crate) fn stopped(lines: &str) -> Option<Self> {
        let program = program();
        let found = Command::new(&program).arg("--version").output();
        if found.is_err() {
            let must_run = std::env::var_os("SOIREE_TESTS_MUST_RUN").is_some();
            assert!(!must_run, "there is no `nats-server`");
            println!("skipped: there is no `nats-server`; set NATS_SERVER to where it is");
            return None;
        }
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let port = free_port();
        let store = folder.path().join("data");
        let config = format!(
            "host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n{lines}\n"
        );
        std::fs::write(folder.path().join("server.conf"), config).expect("it can be written");
        Some(Self {
            program,
            folder,
            port,
            child: None,
        })
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) fn run(&mut self) {
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.folder.path().join("server.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        self.child = Some(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < LIMIT, "the server takes no connection");
            pause();
        }
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
