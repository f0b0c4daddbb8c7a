//! Duplicates in a store: which items are compared, and how they get from its tables to [`crate::duplicates`].

mod images;
mod items;
mod search;
mod table;
mod texts;
mod vectors;

use std::collections::BTreeMap;

use super::embedding_model::compared_model;
use super::{Session, Statement, StatementParameter as Parameter, in_parentheses, statement};
use crate::duplicates::{Groups, Method, Threshold};
use crate::error::Result;
use crate::model::lexical::LexicalModel;
use crate::store::Snapshot;

pub use search::SearchProgress;
pub(super) use table::DuplicateGroups;
pub use table::group_id;

const TEXTS: Statement = statement!("duplicates/texts");
const BY_IMAGE: Statement = statement!("duplicates/by_image");
const VECTORS: Statement = statement!("duplicates/vectors");
const IMAGES: Statement = statement!("duplicates/images");

const LEFT_OUT: Statement = statement!("duplicates/left_out");

/// SQL for the ids of the items of a query that are left out because of what is marked in table `duplicates`. Of each group one of the query's items
/// stays. The query gives `instruction_id`, `sample_id`, `round` and `score`.
///
/// # Errors
/// None for a statement that names no other parameter.
pub fn left_out(chosen: &str) -> Result<String> {
    LEFT_OUT.bind(&BTreeMap::from([("chosen", Parameter::Predicate(chosen.to_owned()))]))
}

/// A search for duplicates among the items of the dataset as it is now, or among some of them.
///
/// Memory for 1,000,000 items with questions and answers of 80 words by method near: about 600 MB (of each text 4 bytes a run of three words,
/// 1,024 of them at most, and 200 bytes besides; of each item 130 bytes). Method semantic needs 4 bytes for each value
/// of a vector instead, 1.8 GB for vectors of 384; the others need the 130 bytes and little more. Of the
/// texts themselves, a batch for each core is held at a time.
#[derive(Debug, Clone)]
pub struct DuplicateSearch {
    method: Method,
    threshold: Threshold,
    model: Option<String>,
    predicate: Option<String>,
    all_rounds: bool,
    same_image: bool,
}

/// What a search found.
#[derive(Debug)]
pub struct FoundDuplicates {
    /// The groups.
    pub groups: Groups,
    /// Images that cannot be decoded, or items without an embedding: they were compared with nothing.
    pub left_out: u64,
    /// Whose embeddings were compared; `None` for methods that compare none.
    pub model: Option<String>,
}

impl DuplicateSearch {
    /// By this method, with its usual threshold, among all items of the view `current`, or all images.
    pub fn new(method: Method) -> DuplicateSearch {
        DuplicateSearch {
            method,
            threshold: method.default_threshold(),
            model: None,
            predicate: None,
            all_rounds: false,
            same_image: false,
        }
    }

    /// The least similarity of duplicates.
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// Whose embeddings method [`Method::Semantic`] compares. By default they are the embedded lexical model's, or where it has none, those of the model
    /// whose vectors came first. Other methods have no use for it.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// SQL over `history`: only items for which it holds; of images, those of samples with such an item.
    pub fn predicate(mut self, predicate: Option<String>) -> Self {
        self.predicate = predicate;
        self
    }

    /// Whether kept items of every round are compared, not only those of each sample's latest. Makes no difference to images.
    pub fn all_rounds(mut self, all_rounds: bool) -> Self {
        self.all_rounds = all_rounds;
        self
    }

    /// Whether only items about the same images are compared: the same words about another picture are another item. Makes no difference to images.
    pub fn same_image(mut self, same_image: bool) -> Self {
        self.same_image = same_image;
        self
    }

    /// By what is compared.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The least similarity of duplicates, in 0..=1.
    pub fn least_similarity(&self) -> f64 {
        self.threshold.get()
    }

    /// Whose embeddings were asked for; `None` for the default, and for methods that compare none.
    pub fn embedding_model(&self) -> Option<&str> {
        self.model.as_deref().filter(|_| self.method == Method::Semantic)
    }

    /// Everything that was chosen, as table `runs` records it.
    pub fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "method": self.method.name(), "threshold": self.threshold.get(), "model": self.embedding_model(), "where": self.predicate,
            "all_rounds": self.all_rounds, "same_image": self.same_image,
        })
    }

    /// Searches the tables of `snapshot`, which `session` shows. Reads the columns it compares; decodes the images whose hash is not stored.
    /// Sketches are made on all cores, groups on one.
    ///
    /// # Errors
    /// An [`Error::Argument`](crate::Error::Argument) for a predicate that is none, and for a named model without vectors: finding nothing
    /// would take back its marks. Those of the store.
    pub async fn run(&self, session: &Session, snapshot: &Snapshot, progress: &SearchProgress) -> Result<FoundDuplicates> {
        if let Some(predicate) = &self.predicate {
            session.check_where(predicate).await?;
        }
        let mut settled = self.clone();
        if self.method == Method::Semantic {
            settled.model = Some(compared_model(snapshot, self.embedding_model(), "--embedding")?);
        }
        let rows = session.stream(&settled.statement()?).await?;
        search::search(&settled, rows, snapshot, progress).await
    }

    /// The items that are compared.
    fn statement(&self) -> Result<String> {
        let always = || "true".to_owned();
        if self.method == Method::Image {
            let shown = |predicate: &String| {
                let samples = format!("SELECT sample_id FROM history WHERE {}", in_parentheses(predicate));
                format!("image_id IN (SELECT unnest(image_ids) FROM samples WHERE sample_id IN ({samples}))")
            };
            let chosen = self.predicate.as_ref().map_or_else(always, shown);
            return IMAGES.bind(&BTreeMap::from([("where", Parameter::Predicate(chosen))]));
        }
        let chosen = |predicate: &String| {
            let predicate = in_parentheses(predicate);
            format!("i.instruction_id IN (SELECT instruction_id FROM history WHERE {predicate})")
        };
        let rounds = if self.all_rounds { always() } else { "i.instruction_id IN (SELECT instruction_id FROM current)".into() };
        let texts = TEXTS.bind(&BTreeMap::from([
            ("rounds", Parameter::Predicate(rounds)),
            ("where", Parameter::Predicate(self.predicate.as_ref().map_or_else(always, chosen))),
        ]))?;
        let items = match self.method {
            Method::Semantic => {
                let model = self.model.as_deref().unwrap_or(LexicalModel::NAME).to_owned();
                VECTORS.bind(&BTreeMap::from([("texts", Parameter::Predicate(texts)), ("model", Parameter::Text(model))]))?
            }
            _ => texts,
        };
        match self.same_image {
            true => BY_IMAGE.bind(&BTreeMap::from([("items", Parameter::Predicate(items))])),
            false => Ok(items),
        }
    }
}
