//! A load generator for SQS endpoints, and what the machine itself allows.
//!
//! It knows an endpoint from outside only: AWS JSON 1.0 over HTTP/1.1, with TLS or without, signed as an SDK signs. What it
//! measures is arithmetic on moments ([`schedule`], [`recorder`]); what it sends is prepared as far as possible ([`message`]),
//! because it shares the machine with the server. A reply counts only when it was read and says that it worked ([`answer`]).

mod clock;
mod options;

mod answer;
mod client;
mod message;
mod operation;
mod target;
mod tls;

mod pacing;
mod recorder;
mod schedule;

mod consumption;
mod queues;
mod run;
mod worker;

mod machine;
mod report;
mod statistics;

mod engine_floor;
mod sync_floor;

pub use engine_floor::{
    Engine, EngineFloorOptions, EngineMessage, EngineQueue, EngineScenario, engine_floor,
};
pub use options::{LoadOptions, RunOptions, Scenario, WrongOption};
pub use report::Report;
pub use run::{RunError, run};
pub use sync_floor::{SyncFloor, SyncFloorOptions};
pub use target::{Credentials, Target};
pub use tls::{Tls, TlsError};
