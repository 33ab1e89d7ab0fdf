//! The engine as its users see it: a folder or file for each mechanism.

mod address;
mod async_listener;
mod close;
mod dispatch;
mod dropped;
mod emit;
mod graph;
mod key_order;
mod listener_order;
mod listener_pool;
mod max_concurrent;
mod observer;
mod replies;
mod requeue;
mod reserved;
mod retry;
mod routing;
mod slow_listener;
mod stats;
mod support;
mod timeout;
mod timer;
