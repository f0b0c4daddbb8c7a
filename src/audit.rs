//! Audit: items to check by hand, and what people said of them.
//!
//! [`AuditSample`] draws items from every stratum (round, operator and what became of the item); a person fills the file in; [`import_audits`] puts
//! the verdicts into table `audits`, where `sql/report/audits.sql` sets them against the judge's.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::common::TableReference;
use datafusion::execution::SendableRecordBatchStream;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::query::{Session, Statement, StatementParameter as Parameter, statement, table_of_texts, written_names};
use crate::store::{Store, Table, counters, ids_in, quoted};

const SAMPLE: Statement = statement!("audit/sample");
const READ: Statement = statement!("audit/read");

/// What [`READ`] reads of a file. A file may lack all but the id and one of the verdicts.
const COLUMNS: [&str; 5] = ["instruction_id", "improved", "correct", "auditor", "comment"];
const VERDICTS: [&str; 3] = ["improved", "correct", "comment"];

/// Ids that one message names.
const IDS_NAMED: usize = 3;

/// Which items are drawn to be checked.
#[derive(Debug, Clone)]
pub struct AuditSample {
    /// Items of each stratum; all of one that has fewer.
    pub per_stratum: u32,
    /// Another seed draws other items.
    pub seed: i64,
    /// SQL over the view `history`: only items for which it holds.
    pub predicate: Option<String>,
}

impl Default for AuditSample {
    /// Ten of each stratum.
    fn default() -> Self {
        AuditSample { per_stratum: 10, seed: 3407, predicate: None }
    }
}

impl AuditSample {
    /// The drawn items, with empty columns `improved`, `correct`, `auditor` and `comment` to fill in. The judge's verdict is not among them. Asking
    /// another judge gives items other ids, but no other place in the order of the draw.
    ///
    /// # Errors
    /// An [`Error::Argument`] when the predicate is none, and those of the statement.
    pub async fn draw(&self, session: &Session) -> Result<SendableRecordBatchStream> {
        let predicate = self.predicate.clone().unwrap_or_else(|| "true".into());
        session.check_where(&predicate).await?;
        let parameters = BTreeMap::from([
            ("per_stratum", Parameter::Integer(self.per_stratum.into())),
            ("seed", Parameter::Integer(self.seed)),
            ("where", Parameter::Predicate(predicate)),
        ]);
        session.stream(&SAMPLE.bind(&parameters)?).await
    }
}

/// What [`import_audits`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ImportedAudits {
    /// Verdicts that are in the store now and were not before.
    pub added: u64,
    /// Verdicts that took the place of another one by the same person.
    pub replaced: u64,
    /// Verdicts that were there already, word for word.
    pub known: u64,
    /// Rows that name an item and have no verdict.
    pub unfilled: u64,
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Read {
    instruction_id: String,
    auditor: String,
    improved: Option<bool>,
    correct: Option<bool>,
    comment: Option<String>,
    unreadable: Option<String>,
    is_known: bool,
}

impl Read {
    fn is_filled_in(&self) -> bool {
        self.improved.is_some() || self.correct.is_some() || self.comment.is_some() || self.unreadable.is_some()
    }
}

#[derive(Debug, Serialize)]
struct AuditRow<'a> {
    instruction_id: &'a str,
    auditor: &'a str,
    improved: Option<bool>,
    correct: Option<bool>,
    comment: Option<&'a str>,
    run_id: &'a str,
    created_at: chrono::DateTime<chrono::Utc>,
}

/// What a stored verdict says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Stored {
    instruction_id: String,
    auditor: String,
    improved: Option<bool>,
    correct: Option<bool>,
    comment: Option<String>,
}

/// Reads the verdicts of a filled-in file (CSV, with commas, semicolons or tabs, or JSON lines) into table `audits`. Of its columns it needs `instruction_id` and one of `improved`,
/// `correct` and `comment`; others are not looked at. Rows without any verdict are left out and counted; rows that name no auditor are `auditor`'s. A person's later
/// verdict on an item takes the place of the earlier one. An item that another judge has judged since has another id: both verdicts are kept, and of those of one person
/// `sql/report/audits.sql` counts the later. Nothing is written unless every row is sound.
///
/// # Errors
/// An [`Error::Argument`] that names the file and the column that it lacks, or has twice and needs once, or the items: a verdict that is neither yes nor no, an id that
/// the store does not have, two verdicts of one person on one item.
pub async fn import_audits(store: &Store, path: &Path, auditor: &str) -> Result<ImportedAudits> {
    let session = Session::builder().store(store.clone()).build().await?;
    let mut parameters = columns(&session, path).await?;
    parameters.insert("file", Parameter::Text(path.to_string_lossy().into_owned()));
    parameters.insert("default_auditor", Parameter::Text(auditor.to_owned()));
    let (rows, unfilled): (Vec<Read>, Vec<Read>) =
        session.rows::<Read>(&READ.bind(&parameters)?).await?.into_iter().partition(Read::is_filled_in);
    check(&rows)?;
    let stored: Vec<Stored> = session.rows("SELECT instruction_id, auditor, improved, correct, comment FROM audits").await?;
    let stored: BTreeMap<(&str, &str), &Stored> =
        stored.iter().map(|verdict| ((verdict.instruction_id.as_str(), verdict.auditor.as_str()), verdict)).collect();

    let unfilled = unfilled.iter().filter(|row| !row.instruction_id.is_empty()).count() as u64;
    let mut report = ImportedAudits { unfilled, ..ImportedAudits::default() };
    let mut new = Vec::new();
    // Ids by auditor, so that there is one deletion for each: every deletion is a version of the table.
    let mut replaced: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        match stored.get(&(row.instruction_id.as_str(), row.auditor.as_str())) {
            Some(verdict) if (verdict.improved, verdict.correct, &verdict.comment) == (row.improved, row.correct, &row.comment) => {
                report.known += 1
            }
            Some(_) => {
                report.replaced += 1;
                replaced.entry(&row.auditor).or_default().push(&row.instruction_id);
                new.push(row);
            }
            None => new.push(row),
        }
    }
    report.added = new.len() as u64 - report.replaced;
    if new.is_empty() {
        return Ok(report);
    }
    let mut writer = store.writer("audit import", serde_json::json!({ "file": path, "auditor": auditor })).await?;
    for (auditor, ids) in replaced {
        let auditor = quoted(auditor);
        for listed in ids_in("instruction_id", &ids) {
            writer.delete(Table::Audits, &format!("auditor = {auditor} AND {listed}")).await?;
        }
    }
    let (run_id, created_at) = (writer.run_id().to_owned(), writer.started_at());
    let new: Vec<AuditRow<'_>> = new
        .into_iter()
        .map(|row| AuditRow {
            instruction_id: &row.instruction_id,
            auditor: &row.auditor,
            improved: row.improved,
            correct: row.correct,
            comment: row.comment.as_deref(),
            run_id: &run_id,
            created_at,
        })
        .collect();
    writer.append_rows(Table::Audits, &new).await?;
    writer.publish(counters(&report)?).await?;
    Ok(report)
}

/// Each of [`COLUMNS`] as the file writes it, whatever its case, or NULL for one that it lacks.
async fn columns(session: &Session, path: &Path) -> Result<BTreeMap<&'static str, Parameter>> {
    let name = path.to_string_lossy().into_owned();
    // By types of its values, auditors `1` and `01` would be one person, and a comment `1.10` another comment.
    if let Some(file) = table_of_texts(path).map_err(|cause| session.explain(cause, ""))? {
        session.context().register_table(TableReference::bare(name.as_str()), file)?;
    }
    let file = session.context().table_provider(TableReference::bare(name.as_str())).await.map_err(|cause| session.explain(cause, ""))?;
    let written = written_names(path, &file.schema()).map_err(|cause| session.explain(cause, ""))?;
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let failed = |message: String, hints: Vec<String>| Err(Error::Argument { name: name.clone(), message, hints });
    if written.is_empty() {
        return failed("it is empty".to_owned(), Vec::new());
    }
    let is_same = |one: &str, other: &str| one.trim().eq_ignore_ascii_case(other.trim());
    // Others may be there any number of times: spreadsheets write empty columns without a name.
    if let Some(twice) = COLUMNS.iter().find(|column| written.iter().filter(|written| is_same(written, column)).count() > 1) {
        return failed(format!("it has column '{twice}' twice"), vec!["remove one of them, or give it another name".to_owned()]);
    }
    let find = |column: &str| written.iter().find(|written| is_same(written, column));
    let lacking = match (find(COLUMNS[0]), VERDICTS.iter().any(|verdict| find(verdict).is_some())) {
        (None, _) => Some(COLUMNS[0]),
        (_, false) => Some(VERDICTS[0]),
        _ => None,
    };
    if let Some(lacking) = lacking {
        return failed(format!("lacks column {lacking}; it has {}", written.join(", ")), separator_hint(&written));
    }
    let as_written = |column: &&str| Parameter::Predicate(format!("\"{}\"", column.replace('"', "\"\"")));
    Ok(COLUMNS.iter().map(|column| (*column, find(column).map_or(Parameter::Null, as_written))).collect())
}

/// What to do about a header that came as one column.
fn separator_hint(written: &[&str]) -> Vec<String> {
    let [header] = written else { return Vec::new() };
    let separators = [(';', "semicolons"), (',', "commas")];
    let found = separators.iter().find(|(mark, _)| header.contains(*mark));
    found.map(|(_, separator)| format!("its columns are separated by {separator}: save it as .csv")).into_iter().collect()
}

fn check(rows: &[Read]) -> Result<()> {
    let failed = |message: String, hint: &str| Err(Error::Argument { name: "audit".into(), message, hints: vec![hint.to_owned()] });
    if rows.iter().any(|row| row.instruction_id.is_empty()) {
        return failed(
            "a row that is filled in names no item".to_owned(),
            "fill in column instruction_id, as 'mmevol audit sample' wrote it",
        );
    }
    if let Some(row) = rows.iter().find(|row| row.unreadable.is_some()) {
        let value = row.unreadable.as_deref().unwrap_or_default();
        return failed(format!("'{value}' of item {} is neither yes nor no", row.instruction_id), "fill in yes or no, or leave it empty");
    }
    let unknown: Vec<&str> = rows.iter().filter(|row| !row.is_known).map(|row| row.instruction_id.as_str()).collect();
    if !unknown.is_empty() {
        let named = unknown.iter().take(IDS_NAMED).copied().collect::<Vec<_>>().join(", ");
        let message = format!("{} items are not in the store, such as {named}", unknown.len());
        return failed(message, "import into the store that 'mmevol audit sample' read");
    }
    let mut keys: Vec<(&str, &str)> = rows.iter().map(|row| (row.instruction_id.as_str(), row.auditor.as_str())).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        let (id, auditor) = twice[0];
        return failed(
            format!("item {id} has two verdicts by '{auditor}'"),
            "name each auditor in column auditor, or keep one of the rows",
        );
    }
    Ok(())
}
