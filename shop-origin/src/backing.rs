//! What the subsystems stand on: a database, a key-value store, a queue, blobs and a few secrets.
//!
//! Here they are embedded: SQLite files and plain files below one state folder, which several processes of a machine
//! may share. These modules are the seams behind which a cluster's PostgreSQL, Redis, RabbitMQ and S3 would stand.

pub(crate) mod db;
pub(crate) mod kv;
pub(crate) mod queue;
pub(crate) mod blob;
pub(crate) mod secret;
pub(crate) mod state;
