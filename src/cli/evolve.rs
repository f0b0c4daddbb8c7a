//! `mmevol evolve`.

mod live;
mod plan;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use self::live::{Pace, Standing};
use super::interrupt::Interrupt;
use super::models::ModelArguments;
use super::progress::Progress;
use super::report_format::ReportFormat;
use super::spent::note_spent;
use super::table::{Column, TextTable};
use super::{evolve_command, hint, note, output::OutputOptions, print_json, print_line};
use crate::error::{Error, Result};
use crate::evolution::{
    Chosen, Due, Evolution, EvolutionReport, OperatorWeights, Personas, RoundReport, Settings, item_columns, standing_models,
};
use crate::model::rules::RulesModel;
use crate::query::Session;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Up to this round.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// SQL over the view history. One that names columns of evolved items (round, operator, score, ...) chooses evolutions to make again: those
    /// with an item for which it holds. One about the sample alone (source, source_id, sample_id, caption) chooses the samples that are evolved.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// How often each operator is drawn: NAME=WEIGHT,... of fine_grained_perception, cognitive_reasoning, interaction [default: equal].
    #[arg(long, value_name = "WEIGHTS")]
    operators: Option<String>,
    /// Keep only items that the judge scores at least this, from 0 to 10.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=10))]
    min_score: Option<i64>,
    /// Descriptions of people, one a line; each sample is rewritten for one of them, drawn by hash.
    #[arg(long, value_name = "FILE")]
    personas: Option<PathBuf>,
    /// Send no images, and evolve samples that have none.
    #[arg(long)]
    text_only: bool,
    /// Only what was never tried, of the samples with an item for which --where holds, whatever columns it names.
    #[arg(long, group = "due")]
    new: bool,
    /// Try again what failed, too; first what an overloaded endpoint put off.
    #[arg(long, group = "due")]
    failed: bool,
    /// Only mend what is stale: its prompt, sample or parents have changed since (see the view stale), or its answer was cut off under a lower
    /// --max-tokens.
    #[arg(long, group = "due")]
    stale: bool,
    /// Evolve again, for other answers, the evolutions with an item for which --where holds, whatever columns it names.
    #[arg(long, group = "due", requires = "predicate")]
    again: bool,
    /// Only judge again, where another judge or another score prompt gave the verdicts.
    #[arg(long, group = "due")]
    judge_only: bool,
    /// Print what would be asked and what it may cost, and the statements; ask nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report, or the plan, as text or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
    #[command(flatten)]
    models: ModelArguments,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let due = due(&store, &arguments).await?;
    let model = model_name(&store, &arguments, due).await?;
    let evolution = evolution(store, &arguments, due, model.as_deref())?;
    let command = evolve_command(model.as_deref());
    if let (Due::Chosen, Some(predicate)) = (due, &arguments.predicate) {
        note_chosen(&evolution, predicate, arguments.rounds, &command).await?;
    }
    if arguments.dry_run {
        return plan::print(&evolution, arguments.output, &arguments.models.spending).await;
    }
    let (report, interrupt) = with_progress(&evolution).await?;
    match arguments.output {
        ReportFormat::Json => print_json(&[&report]),
        ReportFormat::Text => print_report(&report, &command),
    }?;
    if due == Due::Judgements && arguments.rounds > 1 && report.rounds.iter().any(|round| round.evolutions > 0) {
        hint(format_args!(
            "what was evolved from it is stale now: {command} --stale, with the same other flags; then judge later rounds of the same samples: \
             --judge-only again"
        ));
    }
    if was_idle(&report) {
        hint("what is stale is left to --stale, and what failed to --failed: mmevol status says what there is of it");
    }
    interrupt.check()?;
    match (report.endpoint_lost, report.rounds.last()) {
        (Some(cause), Some(last)) => Err(Error::EndpointLost { round: last.round, cause }),
        _ => Ok(()),
    }
}

/// The model, where one is named. The embedded one is the default where nothing was paid for: it is not put in the place of another one unless it is
/// named. A model that is not asked, since a judge is, need not be: it is the one that made what is judged.
async fn model_name(store: &Store, arguments: &Arguments, due: Due) -> Result<Option<String>> {
    let ModelArguments { model, judge, .. } = &arguments.models;
    if model.is_some() {
        return Ok(model.clone());
    }
    let session = Session::builder().store(store.clone()).build().await?;
    let models = standing_models(&session).await?;
    if due == Due::Judgements && judge.is_some() {
        return Ok(models.into_iter().next());
    }
    let Some(other) = models.iter().find(|model| *model != RulesModel::NAME) else { return Ok(None) };
    let names = models.iter().map(|model| format!("'{model}'")).collect::<Vec<_>>().join(", ");
    Err(Error::Argument {
        name: "--model".into(),
        message: format!("the evolutions of this store were made by {names}, and none is named"),
        hints: vec![format!("name the model: --model {other}; or --model rules for the embedded, rule-based one")],
    })
}

fn evolution(store: Store, arguments: &Arguments, due: Due, model: Option<&str>) -> Result<Evolution> {
    let models = &arguments.models;
    let name = model.unwrap_or_else(|| {
        note("no --model is named: using 'rules', the embedded rule-based model");
        RulesModel::NAME
    });
    let chat_model = |name: &str| if arguments.dry_run { models.unasked_model(name) } else { models.chat_model(name) };
    let (model, judge) = match models.judge.as_deref().filter(|judge| *judge != name) {
        Some(judge) if due == Due::Judgements => (models.unasked_model(name)?, chat_model(judge)?),
        Some(judge) => (chat_model(name)?, chat_model(judge)?),
        None => {
            let model = chat_model(name)?;
            (Arc::clone(&model), model)
        }
    };
    let settings = Settings {
        rounds: arguments.rounds,
        predicate: arguments.predicate.clone(),
        operators: arguments.operators.as_deref().map(str::parse).transpose()?.unwrap_or_else(OperatorWeights::default),
        parameters: models.parameters(),
        min_score: arguments.min_score,
        text_only: arguments.text_only,
        due,
        max_calls: models.spending.max_calls,
        budget_usd: models.spending.budget_usd,
    };
    let mut evolution = Evolution::new(store, model)
        .judge(judge)
        .settings(settings)
        .prompts(models.prompt_library()?)
        .prices(models.spending.price_table()?);
    if let Some(path) = &arguments.personas {
        evolution = evolution.personas(Personas::load(path)?);
    }
    Ok(evolution)
}

/// What is taken up: what a flag says, else what the columns of `--where` say.
async fn due(store: &Store, arguments: &Arguments) -> Result<Due> {
    Ok(match arguments {
        Arguments { new: true, .. } => Due::New,
        Arguments { failed: true, .. } => Due::Failed,
        Arguments { stale: true, .. } => Due::Stale,
        Arguments { again: true, .. } => Due::Chosen,
        Arguments { judge_only: true, .. } => Due::Judgements,
        Arguments { predicate: Some(predicate), .. } if !item_columns(store, predicate).await?.is_empty() => Due::Chosen,
        _ => Due::New,
    })
}

/// Says what is made again before it is paid for.
async fn note_chosen(evolution: &Evolution, predicate: &str, rounds: u32, command: &str) -> Result<()> {
    let Chosen { evolutions, samples, made_before, of_replaced_parents, beyond } = evolution.chosen().await?;
    if evolutions == 0 {
        if of_replaced_parents > 0 {
            note(format_args!(
                "{of_replaced_parents} evolutions that have an item for which --where holds rest on replaced parents: {predicate}"
            ));
            hint(format_args!("mend them first: {command} --stale, with the same other flags"));
        }
        if beyond > 0 {
            note(format_args!(
                "the {beyond} evolutions that have an item for which --where holds are beyond --rounds {rounds}: {predicate}"
            ));
            hint("name the last round to look at with --rounds");
        }
        if of_replaced_parents + beyond == 0 {
            note(format_args!("no evolution has an item for which --where holds: {predicate}"));
            hint("to evolve samples that were never tried, and have such an item, add --new");
        }
        return Ok(());
    }
    note(format_args!("evolving again {evolutions} evolutions of {samples} samples, which have an item for which --where holds"));
    if of_replaced_parents > 0 {
        note(format_args!("{of_replaced_parents} more rest on replaced parents: mend them first with {command} --stale"));
    }
    if made_before > 0 {
        note(format_args!("the same command was not finished before: {made_before} evolutions that it made again are left alone"));
    }
    note(format_args!("what they made stays, as superseded; what was evolved from it becomes stale, and is left to: {command} --stale"));
    Ok(())
}

/// Whether nothing was due.
fn was_idle(report: &EvolutionReport) -> bool {
    report.stopped.is_none() && report.endpoint_lost.is_none() && !report.rounds.iter().any(RoundReport::changed_anything)
}

/// Runs an evolution under a live line. Ctrl-C stops it in good order; whether it did says the second value.
pub async fn with_progress(evolution: &Evolution) -> Result<(EvolutionReport, Interrupt)> {
    let (progress, line, started) = (evolution.progress(), Progress::line("evolving"), Instant::now());
    let stop = progress.stop_token();
    let interrupt = Interrupt::cancels(stop.clone(), &line);
    let mut pace = Pace::default();
    let mut is_said = false;
    let show = |line: &Progress| {
        note_stale_parents(line, progress.stale_parents(), &mut is_said);
        let standing =
            Standing { round: progress.round(), requests: progress.requests(), spent: progress.spent(), is_stopping: stop.is_cancelled() };
        line.message(pace.line(started.elapsed(), standing));
    };
    let report = line.watch(evolution.run(), show).await?;
    // It may be over before it is looked at.
    note_stale_parents(&line, progress.stale_parents(), &mut is_said);
    Ok((report, interrupt))
}

/// Says once that work is paid for which will be done again, as soon as that is known.
fn note_stale_parents(line: &Progress, samples: u64, is_said: &mut bool) {
    if samples > 0 && !*is_said {
        line.suspend(|| warn_of_stale_parents(samples));
        *is_said = true;
    }
}

fn warn_of_stale_parents(samples: u64) {
    note(format_args!("{samples} of these samples go on from stale parents, and what is made of them is stale as well"));
    hint("to pay for it once, mend the parents first: evolve --stale, with the same other flags");
}

fn note_stale_beyond(evolutions: u64) {
    if evolutions > 0 {
        note(format_args!("{evolutions} evolutions of rounds beyond --rounds are stale as well"));
        hint("mend them too: --stale with the last round as --rounds");
    }
}

/// Prints what an evolution did. Hints name `command` to go on with.
pub fn print_report(report: &EvolutionReport, command: &str) -> Result<()> {
    let columns = ["round", "samples", "generated", "kept", "eliminated", "unjudged", "failed"];
    let rows = report.rounds.iter().filter(|round| round.evolutions > 0).map(|round| {
        [u64::from(round.round), round.samples, round.generated, round.kept, round.eliminated, round.unjudged, round.failed]
            .map(|number| number.to_string())
            .to_vec()
    });
    print_table(&columns, rows)?;
    note_spent(report.spent);
    if was_idle(report) {
        note("nothing was due");
    }
    let fallen_away: u64 = report.rounds.iter().map(|round| round.fallen_away).sum();
    if fallen_away > 0 {
        note(format_args!("{fallen_away} evolutions are superseded with nothing in their place: their items fell away"));
    }
    note_stale_beyond(report.stale_beyond);
    note_without_images(report.without_images);
    if report.troubles.cut_off > 0 {
        note(format_args!("{} evolutions have an answer that was cut off at --max-tokens", report.troubles.cut_off));
        hint(format_args!("ask for longer ones: {command} --stale --max-tokens N, with the same other flags"));
    }
    let failed: u64 = report.rounds.iter().map(|round| round.failed).sum();
    if failed > 0 {
        note(format_args!("{failed} evolutions failed"));
        if let Some(common) = &report.troubles.commonest {
            let error = common.error.as_deref().unwrap_or("no reason was given");
            note(format_args!("the commonest error, {} times: {}: {error}", common.evolutions, common.error_kind));
        }
        hint("see why: mmevol sql \"SELECT round, error_kind, count(*) FROM evolutions WHERE status = 'failed' GROUP BY 1, 2\"");
        let is_cut_off = report.troubles.commonest.as_ref().is_some_and(|common| common.error_kind.ends_with("_truncated"));
        match is_cut_off {
            true => hint(format_args!(
                "try them again with room for longer answers: {command} --failed --max-tokens N, with the same other flags"
            )),
            false => hint(format_args!("try them again: {command} --failed, with the same flags")),
        }
    }
    let unreached: u64 = report.rounds.iter().map(|round| round.unreached).sum();
    if unreached > 0 {
        note(format_args!("{unreached} evolutions were not answered, and are still due"));
    }
    if report.interrupted {
        note("what came back is kept");
    } else if let Some(reason) = &report.stopped {
        note(format_args!("stopped: {reason}; what came back is kept"));
        hint("go on with the same command and a higher limit");
    }
    Ok(())
}

fn note_without_images(samples: u64) {
    if samples > 0 {
        note(format_args!("{samples} samples without images are skipped"));
        hint("evolve them from their text with --text-only");
    }
}

fn print_table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let columns = columns.iter().map(|name| Column { name: (*name).to_owned(), is_number: !["operator", "due"].contains(name) }).collect();
    let mut table = TextTable::new(columns);
    rows.for_each(|row| table.push(row));
    match table.row_count() {
        0 => Ok(()),
        _ => print_line(table.draw(OutputOptions::for_stdout().width).text.trim_end()),
    }
}
