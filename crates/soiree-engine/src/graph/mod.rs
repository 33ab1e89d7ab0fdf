//! What an `EventPool` consists of at one moment, as data and for Graphviz.

mod bridges;
mod dot;
mod legend;
mod model;
mod routes;
mod tree;

pub use self::model::{
    BridgeConsumerInfo, BridgeInfo, Graph, PoolInfo, RouteInfo, StoreInfo, StoreListenerInfo,
};
