//! A NATS server of the benchmark's own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::result::Result;

const START: Duration = Duration::from_secs(60);

/// Its data is on the file system of the current directory, as all other data. Stopped when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(sync: &str) -> Result<Self> {
        let program = std::env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into());
        let folder = tempfile::tempdir_in(".")?;
        let free = TcpListener::bind("127.0.0.1:0")?;
        let port = free.local_addr()?.port();
        drop(free);
        let store = folder.path().canonicalize()?.join("data");
        let config = folder.path().join("server.conf");
        let text = format!(
            "host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: {store:?}, sync_interval: {sync} }}\n"
        );
        fs::write(&config, text)?;
        let child = Command::new(&program)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.map_err(|error| {
            let name = program.to_string_lossy();
            format!("no NATS server runs as {name}: {error}; name it with NATS_SERVER")
        })?;
        let server = Self {
            child,
            url: format!("nats://127.0.0.1:{port}"),
            _folder: folder,
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > START {
                return Err("the NATS server takes no connection".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
