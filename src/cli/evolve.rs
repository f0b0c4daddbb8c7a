//! `mmevol evolve`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::import::ReportFormat;
use super::models::ModelArguments;
use super::progress::Progress;
use super::spent::{KnownCost, note_spent};
use super::table::{Column, TextTable};
use super::{hint, note, output::OutputOptions, print_json, print_line};
use crate::error::Result;
use crate::evolution::{Due, Evolution, EvolutionReport, Plan, Settings, bound_statements};
use crate::functions::identity::draw_operator::OperatorWeights;
use crate::functions::identity::draw_persona::Personas;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Up to this round.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// Only samples with an item for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// How often each operator is drawn: NAME=WEIGHT,... of fine_grained_perception, cognitive_reasoning, interaction [default: equal].
    #[arg(long, value_name = "WEIGHTS")]
    operators: Option<String>,
    /// Keep only items that the judge scores at least this.
    #[arg(long, value_name = "N")]
    min_score: Option<i64>,
    /// Descriptions of people, one a line; each sample is rewritten for one of them, drawn by hash.
    #[arg(long, value_name = "FILE")]
    personas: Option<PathBuf>,
    /// Send no images, and evolve samples that have none.
    #[arg(long)]
    text_only: bool,
    /// Try again what failed, too.
    #[arg(long, group = "due")]
    failed: bool,
    /// Only mend what is stale: its prompt, sample or parents have changed since (see the view stale), or its answer was cut off under a lower
    /// --max-tokens.
    #[arg(long, group = "due")]
    stale: bool,
    /// Only evolve again, for other answers, the evolutions with an item for which --where holds.
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
    let evolution = evolution(store, &arguments)?;
    if arguments.dry_run {
        return print_plan(&evolution, arguments.output).await;
    }
    let report = with_progress(&evolution).await?;
    match arguments.output {
        ReportFormat::Json => print_json(&[&report]),
        ReportFormat::Text => print_report(&report),
    }
}

fn evolution(store: Store, arguments: &Arguments) -> Result<Evolution> {
    let models = &arguments.models;
    let name = models.model.as_deref().unwrap_or_else(|| {
        note("no --model is named: using 'rules', the embedded rule-based model");
        "rules"
    });
    let model = models.chat_model(name)?;
    let judge = match models.judge.as_deref().filter(|judge| *judge != name) {
        Some(judge) => models.chat_model(judge)?,
        None => Arc::clone(&model),
    };
    let settings = Settings {
        rounds: arguments.rounds,
        predicate: arguments.predicate.clone(),
        operators: arguments.operators.as_deref().map(str::parse).transpose()?.unwrap_or_else(OperatorWeights::default),
        parameters: models.parameters(),
        min_score: arguments.min_score,
        text_only: arguments.text_only,
        due: due(arguments),
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

fn due(arguments: &Arguments) -> Due {
    match arguments {
        Arguments { failed: true, .. } => Due::Failed,
        Arguments { stale: true, .. } => Due::Stale,
        Arguments { again: true, .. } => Due::Chosen,
        Arguments { judge_only: true, .. } => Due::Judgements,
        _ => Due::New,
    }
}

/// Runs an evolution under a live line: done, rate, failures, money.
pub async fn with_progress(evolution: &Evolution) -> Result<EvolutionReport> {
    let (progress, line, started) = (evolution.progress(), Progress::spinner("evolving"), Instant::now());
    let mut running = std::pin::pin!(evolution.run());
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            _ = tick.tick() => {
                let spent = progress.spent();
                let done = spent.calls + spent.cached + spent.joined + spent.failed;
                let rate = spent.calls as f64 / started.elapsed().as_secs_f64().max(0.001);
                line.message(format!(
                    "round {}: {done}/{} requests, {rate:.1}/s, {} failed{}", progress.round(), progress.requests(), spent.failed, KnownCost(spent),
                ));
            }
        }
    };
    line.finish();
    report
}

/// Prints what an evolution did.
pub fn print_report(report: &EvolutionReport) -> Result<()> {
    let columns = ["round", "samples", "generated", "kept", "eliminated", "unjudged", "failed"];
    let rows = report.rounds.iter().filter(|round| round.evolutions > 0).map(|round| {
        [u64::from(round.round), round.samples, round.generated, round.kept, round.eliminated, round.unjudged, round.failed]
            .map(|number| number.to_string())
            .to_vec()
    });
    print_table(&columns, rows)?;
    note_spent(report.spent);
    if report.stopped.is_none() && report.rounds.iter().all(|round| round.evolutions == 0) {
        note("nothing was due");
    }
    note_without_images(report.without_images);
    if report.troubles.cut_off > 0 {
        note(format_args!("{} evolutions have an answer that was cut off at --max-tokens", report.troubles.cut_off));
        hint(
            "ask for longer ones: mmevol evolve --stale --max-tokens N; for those that failed of a cut-off verdict, --failed --max-tokens N",
        );
    }
    let failed: u64 = report.rounds.iter().map(|round| round.failed).sum();
    if failed > 0 {
        note(format_args!("{failed} evolutions failed"));
        if let Some(common) = &report.troubles.commonest {
            let error = common.error.as_deref().unwrap_or("no reason was given");
            note(format_args!("the commonest error, {} times: {}: {error}", common.evolutions, common.error_kind));
        }
        hint("see why: mmevol sql \"SELECT round, error_kind, count(*) FROM evolutions WHERE status = 'failed' GROUP BY 1, 2\"");
        hint("try them again: mmevol evolve --failed, with the same flags");
    }
    if let (Some(_), Some(last)) = (&report.endpoint_lost, report.rounds.last()) {
        note(format_args!("stopped in round {}: the endpoint answers no more; what came back is kept", last.round));
    }
    if let Some(reason) = &report.stopped {
        note(format_args!("stopped: {reason}; what came back is kept"));
        hint("go on with the same command and a higher limit");
    }
    Ok(())
}

async fn print_plan(evolution: &Evolution, format: ReportFormat) -> Result<()> {
    let plan = evolution.plan().await?;
    if format == ReportFormat::Json {
        return print_json(&[plan]);
    }
    let Some(round) = plan.round else {
        note("nothing is due");
        note_without_images(plan.without_images);
        return Ok(());
    };
    for (name, sql) in bound_statements(evolution, round)? {
        print_line(&format!("-- sql/{name}.sql\n{}\n;\n", sql.trim_end()))?;
    }
    print_requests(&plan)?;
    note(format_args!("round {round} is due; tokens and cost are estimates, nothing was asked"));
    if plan.later_rounds > 0 {
        note(format_args!("{} later rounds follow, each of at most about this size", plan.later_rounds));
    }
    note_without_images(plan.without_images);
    Ok(())
}

fn note_without_images(samples: u64) {
    if samples > 0 {
        note(format_args!("{samples} samples without images are skipped"));
        hint("evolve them from their text with --text-only");
    }
}

fn print_requests(plan: &Plan) -> Result<()> {
    // Short enough for whole operator names at 80 columns.
    let columns = ["operator", "samples", "requests", "tokens_in", "tokens_out", "cost_usd"];
    let rows = plan.requests.iter().map(|planned| {
        vec![
            planned.operator.clone(),
            planned.samples.to_string(),
            (planned.evolve_requests + planned.score_requests).to_string(),
            planned.prompt_tokens.to_string(),
            planned.completion_tokens.to_string(),
            planned.cost_usd.map_or_else(|| "unknown".into(), |cost| format!("{cost:.4}")),
        ]
    });
    print_table(&columns, rows)
}

fn print_table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let columns = columns.iter().map(|name| Column { name: (*name).to_owned(), is_number: *name != "operator" }).collect();
    let mut table = TextTable::new(columns);
    rows.for_each(|row| table.push(row));
    match table.row_count() {
        0 => Ok(()),
        _ => print_line(table.draw(OutputOptions::for_stdout().width).text.trim_end()),
    }
}
