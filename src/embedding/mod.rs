//! Embedding: texts of instructions become vectors in table `embeddings`; those that have one of the same text are not asked again.

mod sieve;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use self::sieve::Sieve;
pub use self::sieve::{Sifted, Trouble};
use crate::error::{Error, Result};
use crate::model::lexical::LexicalModel;
use crate::model::prices::PriceTable;
use crate::model::spending::{Spending, Spent};
use crate::model::{ChatModel, EMBEDDED_ENDPOINT, Parameters};
use crate::prompt::PromptLibrary;
use crate::query::{Models, Session, Statement, StatementParameter as Parameter, in_parentheses, statement};
use crate::store::{Indexed, SharedWriter, Store, Table, counters, ids_in, quoted};

const DUE: Statement = statement!("embed/due");
const LEXICAL: Statement = statement!("embed/lexical");
const MODEL: Statement = statement!("embed/model");

/// From how many vectors on a model's have an index, where nobody said otherwise: fewer are compared one by one in a fraction of a second.
pub const INDEX_FROM: u64 = 50_000;

/// Which text of an instruction is embedded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Content {
    /// Its question.
    #[default]
    #[serde(rename = "question")]
    Question,
    /// Its question, and its answer on a line of its own.
    #[serde(rename = "question+answer")]
    QuestionAndAnswer,
}

impl Content {
    /// The name in `embeddings.content` and in flags.
    pub fn name(self) -> &'static str {
        match self {
            Content::Question => "question",
            Content::QuestionAndAnswer => "question+answer",
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is embedded, and what it may cost.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which text.
    pub content: Content,
    /// SQL over `history`: only instructions for which it holds.
    pub predicate: Option<String>,
    /// From how many vectors on the model's have an index.
    pub index_from: u64,
    /// Requests to make at most; `None` for no limit. Answers of earlier calls do not count.
    pub max_calls: Option<u64>,
    /// USD after which no call is begun; `None` for no limit. Calls in flight may exceed it.
    pub budget_usd: Option<f64>,
}

impl Default for Settings {
    /// The questions of all instructions, without limits.
    fn default() -> Self {
        Settings { content: Content::Question, predicate: None, index_from: INDEX_FROM, max_calls: None, budget_usd: None }
    }
}

/// The embedding of a store's instructions by a model.
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// use std::sync::Arc;
/// use mmevol::{Embedding, Import, Store, model::lexical::LexicalModel};
/// let directory = tempfile::tempdir().unwrap();
/// let store = Store::create(directory.path().join("store")).await?;
/// Import::new("examples/seeds/seed.json").run(&store).await?;
/// let report = Embedding::new(store.clone(), Arc::new(LexicalModel)).run().await?;
/// assert_eq!(report.sifted.embedded, 15);
/// let seeds = store.snapshot().await?;
/// assert_eq!(seeds.dimensions("lexical"), Some(384));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Embedding {
    store: Store,
    model: Arc<dyn ChatModel>,
    settings: Settings,
    prices: Arc<PriceTable>,
    progress: Arc<EmbeddingProgress>,
}

/// How far an embedding is; safe to read while it runs.
#[derive(Debug, Default)]
pub struct EmbeddingProgress {
    due: AtomicU64,
    done: AtomicU64,
    indexing: AtomicBool,
    stop: CancellationToken,
}

impl EmbeddingProgress {
    /// Texts to embed; 0 until they are counted.
    pub fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Texts that have a vector, or none because something failed.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// What to cancel to stop asking: vectors on their way are waited for and stored, the rest stays due.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Whether all texts are done and the index is looked at.
    pub fn is_indexing(&self) -> bool {
        self.indexing.load(Ordering::Relaxed)
    }
}

/// What an embedding did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddingReport {
    /// The model.
    pub model: String,
    /// Which text.
    pub content: Content,
    /// Texts without an up-to-date vector.
    pub due: u64,
    /// Vectors of earlier texts that were taken away: the instructions' texts are due, or blank now.
    pub replaced: u64,
    /// What became of them.
    #[serde(flatten)]
    pub sifted: Sifted,
    /// What became of the index.
    pub index: Indexed,
    /// What was spent.
    pub spent: Spent,
}

impl Embedding {
    /// An embedding of all questions of `store` by `model`.
    pub fn new(store: Store, model: Arc<dyn ChatModel>) -> Embedding {
        Embedding { store, model, settings: Settings::default(), prices: Arc::new(PriceTable::embedded()), progress: Arc::default() }
    }

    /// Other settings than the defaults.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Other prices than the embedded ones.
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.prices = Arc::new(prices);
        self
    }

    /// Where to watch the embedding from another task.
    pub fn progress(&self) -> Arc<EmbeddingProgress> {
        Arc::clone(&self.progress)
    }

    /// How many texts are due. Asks nothing, writes nothing.
    ///
    /// # Errors
    /// Those of the store, and of a predicate that does not plan.
    pub async fn due(&self) -> Result<u64> {
        let session = Session::builder().store(self.store.clone()).build().await?;
        self.name_due(&session).await?;
        Ok(count(&session).await?.0)
    }

    /// Embeds what is due, brings the index up to date and publishes both as one run; does not write when neither is to be done.
    ///
    /// A failed request leaves its instruction without a vector, and so does a vector that is all zeros, has a number that is not finite, or has
    /// another length than the model's others; they are due again next time.
    ///
    /// # Errors
    /// [`Error::Model`] when the model answers nothing at all; those of the store, and of a predicate that does not plan.
    pub async fn run(&self) -> Result<EmbeddingReport> {
        let spending = Arc::new(Spending::new(self.settings.max_calls, self.settings.budget_usd).until(self.progress.stop.clone()));
        spending.check_prices([self.model.name()], &self.prices)?;
        let writer: SharedWriter = Arc::new(Mutex::new(self.store.writer("embed", self.recorded_settings()).await?));
        let embedded = Box::pin(self.embed(&writer, &spending)).await;
        // What a failed run asked for is in the journal; the next writer adds it to the calls.
        let (due, replaced, sifted) = embedded?;
        self.progress.indexing.store(true, Ordering::Relaxed);
        let mut writer = Arc::into_inner(writer)
            .ok_or_else(|| Error::internal("failed to publish embeddings", "the session still writes"))?
            .into_inner();
        let index = writer.index_vectors(self.model.name(), self.settings.index_from).await?;
        let (model, content) = (self.model.name().to_owned(), self.settings.content);
        let report = EmbeddingReport { model, content, due, replaced, sifted, index, spent: spending.spent() };
        if writer.has_changes()? {
            writer.publish(counters(&report)?).await?;
        }
        Ok(report)
    }

    async fn embed(&self, writer: &SharedWriter, spending: &Arc<Spending>) -> Result<(u64, u64, Sifted)> {
        let mut builder = Session::builder().writer(Arc::clone(writer));
        let mut in_flight = None;
        if !self.is_lexical() {
            let models = Arc::new(self.models(spending).over(writer).await?);
            in_flight = Some(Arc::clone(&models.embedder.in_flight));
            builder = builder.models(models);
        }
        let session = builder.build().await?;
        self.name_due(&session).await?;
        let (due, replaced) = count(&session).await?;
        self.progress.due.store(due, Ordering::Relaxed);
        let mut sifted = Ok(Sifted::default());
        self.remove_replaced(&session, writer, replaced).await?;
        if due > 0 {
            sifted = self.add(&session, writer).await;
        }
        drop(session);
        if let Some(in_flight) = in_flight {
            in_flight.settled().await;
        }
        Ok((due, replaced, sifted?))
    }

    /// Gives the texts that are due the name under which the other statements read them.
    async fn name_due(&self, session: &Session) -> Result<()> {
        if let Some(predicate) = &self.settings.predicate {
            session.check_where(predicate).await?;
        }
        let chosen = self.settings.predicate.as_ref();
        let chosen =
            chosen.map(|predicate| format!("instruction_id IN (SELECT instruction_id FROM history WHERE {})", in_parentheses(predicate)));
        let parameters = BTreeMap::from([
            ("content", Parameter::Text(self.settings.content.name().to_owned())),
            ("model", Parameter::Text(self.model.name().to_owned())),
            ("chosen", Parameter::Predicate(chosen.unwrap_or_else(|| "true".to_owned()))),
        ]);
        let view = session.sql(&DUE.bind(&parameters)?).await?.into_view();
        session.context().register_table("due", view)?;
        Ok(())
    }

    /// Removes the vectors of earlier texts.
    async fn remove_replaced(&self, session: &Session, writer: &SharedWriter, replaced: u64) -> Result<()> {
        if replaced == 0 {
            return Ok(());
        }
        let batches = session.collect("SELECT instruction_id FROM due WHERE replaces").await?;
        let ids: Vec<&str> = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
        let model = quoted(self.model.name());
        for listed in ids_in("instruction_id", &ids) {
            writer.lock().await.delete(Table::Embeddings, &format!("model = {model} AND {listed}")).await?;
        }
        Ok(())
    }

    /// Asks for the vectors and adds them to the table as they come.
    async fn add(&self, session: &Session, writer: &SharedWriter) -> Result<Sifted> {
        // The order in which answers come is as good as any.
        session.collect("SET mmevol.keep_order = false").await?;
        let statement = if self.is_lexical() { LEXICAL } else { MODEL };
        let answers = session.stream(statement.text()).await?;
        let mut writer = writer.lock().await;
        let sieve = Sieve::new(self, &writer);
        let (counted, progress) = (sieve.counted(), Arc::clone(&self.progress));
        let vectors = answers.map(move |batch| {
            let batch = batch?;
            progress.done.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            Ok(sieve.sift(&batch)?)
        });
        let vectors = RecordBatchStreamAdapter::new(Table::Embeddings.schema(), vectors);
        writer.append(Table::Embeddings, Box::pin(vectors)).await?;
        Ok(counted.take())
    }

    fn is_lexical(&self) -> bool {
        self.model.name() == LexicalModel::NAME && self.model.endpoint() == EMBEDDED_ENDPOINT
    }

    fn models(&self, spending: &Arc<Spending>) -> Models {
        Models {
            model: Arc::clone(&self.model),
            judge: Arc::clone(&self.model),
            embedder: Arc::clone(&self.model),
            prices: Arc::clone(&self.prices),
            spending: Arc::clone(spending),
            prompts: Arc::new(PromptLibrary::embedded()),
            parameters: Parameters::default(),
            images: false,
        }
    }

    /// What goes into `runs.settings`; no secrets.
    fn recorded_settings(&self) -> serde_json::Value {
        let Settings { content, predicate, index_from, max_calls, budget_usd } = &self.settings;
        serde_json::json!({
            "model": self.model.name(), "endpoint": self.model.endpoint(), "content": content, "where": predicate,
            "index_from": index_from, "max_calls": max_calls, "budget_usd": budget_usd,
        })
    }
}

/// How many texts are due, and how many instructions have the vector of an earlier text.
async fn count(session: &Session) -> Result<(u64, u64)> {
    let batches = session.collect("SELECT count(text_hash), count(*) FILTER (WHERE replaces) FROM due").await?;
    let counts = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| {
        let count = |index: usize| batch.column(index).as_primitive::<Int64Type>().value(0).unsigned_abs();
        (count(0), count(1))
    });
    counts.ok_or_else(|| Error::internal("failed to count texts", "the query gave no number"))
}
