//! The promises of a bridge, against a real server. Skipped without `nats-server`, unless `SOIREE_TESTS_MUST_RUN` is set.

mod close;
mod consume;
mod consume_failures;
mod faults;
mod graph;
mod hostile;
mod limits;
mod loops;
mod metrics;
mod partition;
mod partition_group;
mod partition_processes;
mod partitions;
mod process;
mod provision;
mod proxy;
mod publish;
mod refused;
mod server;
mod subjects;
mod support;
mod tls;
