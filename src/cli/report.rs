//! `mmevol report`: what the dataset is like, as one page.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use super::{note, print_line};
use crate::error::{Error, Result};
use crate::report::{Report, Selection};
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The HTML file to write: one page that needs no network and no script; - for standard output.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// The page's title.
    #[arg(long, value_name = "TEXT", default_value = "Dataset report")]
    title: String,
    /// Only items for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// The store as it was: before-run-N, after-run-N, run-N (after it) or now [default: now].
    #[arg(long, value_name = "TAG")]
    at: Option<String>,
}

/// What `--output` takes elsewhere.
const FORMATS: [&str; 4] = ["json", "table", "text", "markdown"];

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    if let Some(format) = FORMATS.iter().find(|format| arguments.output == Path::new(format)) {
        return Err(Error::Argument {
            name: "--output".into(),
            message: format!("it is the file to write, a page, and '{format}' is a format"),
            hints: vec![
                "print the figures: mmevol stats --output table, markdown or json".into(),
                format!("for a file of that name: --output ./{format}"),
            ],
        });
    }
    let store = Store::open(store).await?;
    let progress = Progress::spinner("drawing the report");
    let selection = Selection { predicate: arguments.predicate, at: arguments.at };
    let report = Report::new(&arguments.output).title(arguments.title).selection(selection);
    if arguments.output == Path::new("-") {
        let (page, _) = report.draw(&store).await?;
        progress.finish();
        return print_line(page.trim_end());
    }
    let written = report.write(&store).await?;
    progress.finish();
    let kilobytes = written.bytes.div_ceil(1024);
    note(format_args!(
        "wrote {}: {} pictures, {} examples, {kilobytes} kB",
        arguments.output.display(),
        written.pictures,
        written.examples
    ));
    Ok(())
}
