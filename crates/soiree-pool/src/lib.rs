//! WorkerPool.
