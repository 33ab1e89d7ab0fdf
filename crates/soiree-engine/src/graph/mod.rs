//! What an `EventPool` consists of at one moment, as data and for Graphviz.

mod bridges;
mod dot;
mod model;
mod tree;

pub use self::model::{
    BridgeConsumerInfo, BridgeInfo, Graph, PoolInfo, RouteInfo, StoreInfo, StoreListenerInfo,
};
