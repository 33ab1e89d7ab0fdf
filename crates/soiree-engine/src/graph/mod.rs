//! What an `EventPool` consists of at one moment, as data and for Graphviz.

mod dot;
mod model;
mod tree;

pub use self::model::{Graph, PoolInfo, RouteInfo, StoreInfo, StoreListenerInfo};
