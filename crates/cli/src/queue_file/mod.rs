//! Files that declare queues: our own schema in YAML or TOML, ElasticMQ's HOCON, GoAWS's YAML.
//!
//! A syntax becomes a tree of [`node`]s that know their lines; a schema reads declarations out of the tree. What the
//! values mean to SQS is checked by the server.

mod node;

mod hocon;
mod toml;
mod yaml;

mod declaration;
mod elasticmq;
mod goaws;

mod file;

pub(crate) use file::read;
