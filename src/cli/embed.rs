//! `mmevol embed`.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::interrupt::Interrupt;
use super::models::{EndpointArguments, SpendingArguments};
use super::progress::Progress;
use super::report_format::ReportFormat;
use super::spent::note_spent;
use super::{hint, note, print_json};
use crate::embedding::{Content, Embedding, EmbeddingReport, INDEX_FROM, Settings};
use crate::error::{Error, Result};
use crate::model::lexical::LexicalModel;
use crate::model::rules::RulesModel;
use crate::store::{Indexed, Store};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The model that embeds: 'lexical' (embedded, compares words and letters, free) or the name of a model at the endpoint.
    #[arg(long, value_name = "NAME", default_value = LexicalModel::NAME)]
    model: String,
    /// Which text of an instruction.
    #[arg(long, value_name = "TEXT", default_value = "question")]
    what: What,
    /// Only instructions for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// Keep an index for 'nearest' from this many vectors of the model on; fewer are compared one by one.
    #[arg(long, value_name = "N", default_value_t = INDEX_FROM)]
    index_from: u64,
    /// Say how many instructions are due; ask nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as text or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
    #[command(flatten)]
    endpoint: EndpointArguments,
    #[command(flatten)]
    spending: SpendingArguments,
}

/// The texts as flag `--what` names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The question.
    #[value(name = "question")]
    Question,
    /// The question and the answer.
    #[value(name = "question+answer")]
    QuestionAndAnswer,
}

impl From<What> for Content {
    fn from(what: What) -> Content {
        match what {
            What::Question => Content::Question,
            What::QuestionAndAnswer => Content::QuestionAndAnswer,
        }
    }
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let settings = Settings {
        content: arguments.what.into(),
        predicate: arguments.predicate.clone(),
        index_from: arguments.index_from,
        max_calls: arguments.spending.max_calls,
        budget_usd: arguments.spending.budget_usd,
    };
    if arguments.model == RulesModel::NAME {
        return Err(Error::Argument {
            name: "--model".into(),
            message: "'rules' embeds nothing".into(),
            hints: vec![format!("the embedded model that does is '{}'", LexicalModel::NAME)],
        });
    }
    let model = arguments.endpoint.chat_model(&arguments.model)?;
    let embedding = Embedding::new(store, model).settings(settings).prices(arguments.spending.price_table()?);
    if arguments.dry_run {
        let due = embedding.due().await?;
        note(format_args!("{due} instructions have no up-to-date vector of '{}'; nothing was asked", arguments.model));
        return Ok(());
    }
    let line = Progress::spinner("counting");
    // The embedded model is at no endpoint, and pays nobody: Ctrl-C may end it like any command.
    let asks = arguments.model != LexicalModel::NAME;
    let interrupt = asks.then(|| Interrupt::cancels(embedding.progress().stop_token(), &line));
    let report = with_progress(&embedding, &line).await?;
    match arguments.output {
        ReportFormat::Json => print_json(&[&report])?,
        ReportFormat::Text => note_report(&report),
    }
    interrupt.map_or(Ok(()), |interrupt| interrupt.check())
}

async fn with_progress(embedding: &Embedding, line: &Progress) -> Result<EmbeddingReport> {
    let progress = embedding.progress();
    let show = |line: &Progress| match (progress.due(), progress.is_indexing()) {
        (_, true) => line.message("indexing"),
        (0, _) => {}
        (due, false) => line.message(format!("embedding {} of {due}", progress.done())),
    };
    line.watch(embedding.run(), show).await
}

fn note_report(report: &EmbeddingReport) {
    let EmbeddingReport { model, content, due, replaced, sifted, index, spent } = report;
    match due {
        0 => note(format_args!("nothing is due: every text has its vector of '{model}'")),
        _ => note(format_args!("embedded {} of {due} texts ({content}) with '{model}'", sifted.embedded)),
    }
    if *replaced > 0 {
        note(format_args!("took away {replaced} vectors of earlier texts"));
    }
    if spent.calls + spent.cached + spent.joined + spent.failed + spent.not_asked > 0 {
        note_spent(*spent);
    }
    if sifted.unusable + sifted.failed > 0 {
        note(format_args!(
            "{} texts have no vector: {} failed, {} came unusable",
            sifted.unusable + sifted.failed,
            sifted.failed,
            sifted.unusable
        ));
        if let Some(trouble) = &sifted.trouble {
            note(format_args!("the commonest reason, {} times: {}", trouble.times, trouble.reason));
        }
        hint("try them again with the same command; what is there is not asked for again");
    }
    if sifted.not_asked > 0 {
        note(format_args!("{} texts were not asked for: a limit is reached, or the command was stopped", sifted.not_asked));
        hint("go on with the same command, and a higher limit if there is one");
    }
    match index {
        Indexed::Made => note("made an index: nearest() no longer compares every vector"),
        Indexed::Updated => note("brought the index up to date"),
        Indexed::TooFew | Indexed::Unchanged => {}
    }
}
