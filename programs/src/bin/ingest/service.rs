//! The service, from its start to its end.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use soiree_programs::output::say;
use soiree_programs::stop::StopSignal;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::arrangement::{self, Arrangement};
use crate::board::Board;
use crate::options::Options;
use crate::receiver::Receiver;
use crate::web::{self, App};

const NOT_DRAINED: u8 = 1;

pub(crate) async fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    // Before the address is printed: from then on somebody may send a signal.
    let mut stop = StopSignal::new()?;
    let bind = options.bind;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|error| format!("--bind {bind}: {error}"))?;
    let receiver = match options.forward_to {
        Some(_) => None,
        None => Some(Receiver::start(options.latency, options.flaky, |_| true, |_| {}).await?),
    };
    let own = receiver.as_ref().map(Receiver::url);
    let forward_to = options.forward_to.clone().or(own).unwrap_or_default();

    let arrangement = arrangement::build(&options, &forward_to)?;
    let board = Arc::new(Board::new(arrangement, receiver, forward_to, &options));
    let (stopping, is_stopping) = watch::channel(false);
    let app = App::new(Arc::clone(&board), &options, is_stopping)?;

    let address = listener.local_addr()?;
    say(&format!(
        "http://{address}/\n\
         try: curl -i http://{address}/hooks/shop -H 'content-type: application/json' -H 'x-event: order' -H 'x-delivery: 1' -d '{{\"action\": \"paid\", \"account\": \"ann\"}}'\n"
    ));
    if options.forward_to.is_none() {
        say(&format!(
            "try: curl -X POST http://{address}/receiver/break   # and /receiver/mend\n"
        ));
    }
    say(
        "shows: webhooks are on the disk before they are answered, and four listeners handle them, each at its own speed\n\
         why: nothing that was accepted is lost in a crash, and a slow receiver holds up neither requests nor the others\n",
    );
    let stopped = async {
        stop.received().await;
        // Streams end, and no more connections are accepted.
        let _ = stopping.send(true);
    };
    web::serve(
        listener,
        options.connections,
        web::router(app),
        stopped,
        options.drain,
    )
    .await;

    // What waits there would take longer than the drain, and goes on after the next start.
    let Arrangement { outbox, gate, .. } = &board.arrangement;
    gate.stop();
    let closed = outbox.close_async_with_deadline(options.drain).await;
    let stats = outbox.stats();
    say(&format!(
        "accepted: {}\nstored: {}\ncommits: {}\n",
        board.intake.accepted(),
        stats.stored,
        stats.commit_seconds.count
    ));
    match closed {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            say(&format!("not closed in order: {error}\n"));
            Ok(ExitCode::from(NOT_DRAINED))
        }
    }
}
