//! A network between a client and the server that fails on demand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Passes bytes on between clients and a server on this machine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    network: Arc<Network>,
}

#[derive(Default)]
struct Network {
    /// Connections are closed, and none is taken.
    is_cut: AtomicBool,
    /// Bytes are taken from both sides, and passed on to neither.
    is_silent: AtomicBool,
    /// Bytes from the server that pass before the connection is closed. 0 for no limit.
    drop_after: AtomicUsize,
    delay_ms: AtomicU64,
    connections: Mutex<Vec<TcpStream>>,
    passed: AtomicU64,
    changed: Condvar,
    lock: Mutex<()>,
}

impl Proxy {
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let network = Arc::<Network>::default();
        let own = Arc::clone(&network);
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                own.connect(client, server);
            }
        });
        Self { port, network }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Closes all connections, and takes none until it is mended.
    pub(crate) fn cut(&self) {
        self.network.is_cut.store(true, Ordering::SeqCst);
        self.network.close_all();
    }

    /// Takes what both sides send, and passes nothing on: neither side notices.
    pub(crate) fn silence(&self) {
        self.network.is_silent.store(true, Ordering::SeqCst);
    }

    /// Closes a connection once the server has sent this many bytes, perhaps in the middle of a message.
    pub(crate) fn drop_after(&self, bytes: usize) {
        self.network.drop_after.store(bytes, Ordering::SeqCst);
    }

    /// Passes on what is sent only after this time.
    pub(crate) fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap();
        self.network.delay_ms.store(millis, Ordering::SeqCst);
    }

    /// Ends all of that. Connections that were silent have lost bytes, and are closed.
    pub(crate) fn mend(&self) {
        self.drop_after(0);
        self.delay(Duration::ZERO);
        self.network.is_cut.store(false, Ordering::SeqCst);
        if self.network.is_silent.swap(false, Ordering::SeqCst) {
            self.network.close_all();
        }
        self.network.changed.notify_all();
    }

    /// How many bytes have passed, both ways together.
    pub(crate) fn passed(&self) -> u64 {
        self.network.passed.load(Ordering::SeqCst)
    }
}

impl Network {
    fn connect(self: &Arc<Self>, client: TcpStream, server: u16) {
        if self.is_cut.load(Ordering::SeqCst) {
            return;
        }
        // It may be down.
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
            return;
        };
        let copies = (client.try_clone().unwrap(), server.try_clone().unwrap());
        self.connections
            .lock()
            .unwrap()
            .extend([copies.0, copies.1]);
        let (own, from, to) = (
            Arc::clone(self),
            client.try_clone().unwrap(),
            server.try_clone().unwrap(),
        );
        thread::spawn(move || own.pass(from, to, false));
        let own = Arc::clone(self);
        thread::spawn(move || own.pass(server, client, true));
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_from_server: bool) {
        let mut buffer = [0; 16 << 10];
        let mut passed = 0;
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            self.wait();
            if self.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            let limit = self.drop_after.load(Ordering::SeqCst);
            let mut bytes = &buffer[..read];
            if is_from_server && limit > 0 && passed + read > limit {
                bytes = &bytes[..limit.saturating_sub(passed)];
                let _ = to.write_all(bytes);
                break;
            }
            passed += read;
            self.passed.fetch_add(read as u64, Ordering::SeqCst);
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// For as long as bytes are delayed.
    fn wait(&self) {
        let delay = Duration::from_millis(self.delay_ms.load(Ordering::SeqCst));
        if !delay.is_zero() {
            let lock = self.lock.lock().unwrap();
            let _ = self.changed.wait_timeout(lock, delay).unwrap();
        }
    }

    fn close_all(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}
