//! Accepting connections: so many at once, and none for ever that sends its head slowly, or does not read its answers.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

/// For all headers of a request.
const HEAD: Duration = Duration::from_secs(10);
const HEADERS: usize = 64;
/// For each write. Once the buffers of the sockets are full, a write waits until the client reads.
const STALL: Duration = Duration::from_secs(10);
/// When the machine has no descriptors left, accepting again at once would only burn time.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`. Then accepts nothing more, and lets requests end that run, up to the deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    connections: usize,
    router: Router,
    stop: impl Future<Output = ()>,
    deadline: Duration,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS);
    let mut stop = pin!(stop);
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(STALL));
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(deadline, graceful.shutdown()).await;
}
