//! Settings of `serve` and `dev`: flags over environment over file over default.
//!
//! Every setting is one row of [`key::KEYS`]; flags, environment variables, the file's keys, `sluice config check` and the
//! reference page all iterate that table. Further listeners stand in the file only, by the rows of
//! [`listener::LISTENER_KEYS`].

pub(crate) mod bytes;
mod check;
pub(crate) mod environment;
pub(crate) mod file;
pub(crate) mod flags;
pub(crate) mod key;
pub(crate) mod layers;
pub(crate) mod listener;
pub(crate) mod nearest;
mod row;
pub(crate) mod values;

pub(crate) use flags::SettingFlags;
pub(crate) use layers::{Layers, Resolved};
pub(crate) use values::{FromFiles, MasterKeyKms, Mode, Settings};
