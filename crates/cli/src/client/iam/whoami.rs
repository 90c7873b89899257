//! `sluice whoami`.

use super::show_members;
use crate::client::query::STS;
use crate::client::{Connection, ConnectionArgs};
use crate::exit::Failure;

/// Shows whose the credentials are.
pub(crate) async fn run(args: &ConnectionArgs) -> Result<(), Failure> {
    let answer = Connection::new(args)?.query(STS, "GetCallerIdentity", &[]).await?;
    show_members(args, &answer, &["Account", "Arn", "UserId"])
}
