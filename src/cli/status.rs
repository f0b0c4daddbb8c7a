//! `mmevol status`: what the store holds, what failed, is missing or stale and why, and how to go on.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::output::OutputFormat;
use super::{hint, note, open_session, print_query};
use crate::error::Result;
use crate::query::Statement;

/// Every figure that `status` shows, one row each, so that it can be printed as one table or one JSON array.
const STATUS: Statement = Statement::new("status/status", include_str!("../../sql/status/status.sql"));

#[derive(Debug, Args)]
pub struct Arguments {
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: StatusFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    Table,
    Json,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let session = open_session(store).await?;
    let format = match arguments.output {
        StatusFormat::Table => OutputFormat::Table,
        StatusFormat::Json => OutputFormat::Json,
    };
    print_query(&session, STATUS.text(), format).await?;
    if arguments.output == StatusFormat::Table {
        note("per round and operator: mmevol sql \"SELECT * FROM rounds\"");
        hint("evolve what is waiting or missing with 'mmevol evolve', what failed with --failed, what is stale with --stale");
    }
    Ok(())
}
