//! Models over a store: they see its images, answer from its calls, and write new calls down in its journal.

use std::sync::Arc;

use super::images::StoreImages;
use crate::error::Result;
use crate::functions::llm::ModelSession;
use crate::model::answers::Answers;
use crate::model::prices::PriceTable;
use crate::model::service::ModelService;
use crate::model::spending::Spending;
use crate::model::{ChatModel, Parameters};
use crate::prompt::PromptLibrary;
use crate::store::{LeftJournal, SharedWriter, Store, StoredCalls};

/// The models of a command and what they work with.
#[derive(Debug, Clone)]
pub struct Models {
    /// Rewrites and completes.
    pub model: Arc<dyn ChatModel>,
    /// Scores.
    pub judge: Arc<dyn ChatModel>,
    /// Embeds.
    pub embedder: Arc<dyn ChatModel>,
    /// What they cost.
    pub prices: Arc<PriceTable>,
    /// What they may spend together.
    pub spending: Arc<Spending>,
    /// What they are told.
    pub prompts: Arc<PromptLibrary>,
    /// How they sample.
    pub parameters: Parameters,
    /// Whether requests may have images.
    pub images: bool,
}

impl Models {
    /// The models over the last published state of a store, to look earlier answers up: new ones would be forgotten with the process. Answers
    /// that a command left in the journal are found too. Whether the journal could be read: it cannot while another command writes. `command` is
    /// what reads it, for others who want to write meanwhile.
    ///
    /// # Errors
    /// When the store or its journal cannot be read.
    pub async fn over_readable(self, store: &Store, command: &str) -> Result<(ModelSession, bool)> {
        let (journal, is_readable) = match store.left_journal(command)? {
            LeftJournal::Empty => (None, true),
            LeftJournal::Open(journal) => (Some(journal), true),
            LeftJournal::Held => (None, false),
        };
        let answers = Arc::new(Answers::readable(journal, StoredCalls::new(&store.snapshot().await?)));
        let mut session = self.alone();
        for service in [&mut session.model, &mut session.judge, &mut session.embedder] {
            service.answers = Arc::clone(&answers);
        }
        Ok((session, is_readable))
    }

    /// The models without a store: requests without images, and answers that are forgotten with the process.
    pub fn alone(self) -> ModelSession {
        let service = ModelService { prices: self.prices, spending: self.spending, ..ModelService::new(self.model) };
        // What one endpoint refuses another one may answer.
        let other = |model| ModelService { model, availability: Arc::default(), ..service.clone() };
        ModelSession {
            judge: other(self.judge),
            embedder: other(self.embedder),
            model: service,
            prompts: self.prompts,
            parameters: self.parameters,
        }
    }

    /// The models over the store of `writer`, as that shows it now. Finished calls are in its journal at once, and in table `calls` when the
    /// writer publishes. Wait for [`InFlight::settled`](crate::model::in_flight::InFlight::settled) before that, or what is in flight is left
    /// to the next publication.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub async fn over(self, writer: &SharedWriter) -> Result<ModelSession> {
        let sends_images = self.images;
        let mut session = self.alone();
        let mut writer = writer.lock().await;
        let stored = StoredCalls::new(writer.snapshot());
        let answers = Arc::new(Answers::new(writer.journal()?, stored, writer.run_id().to_owned(), writer.clock()));
        let images = sends_images.then(|| StoreImages::request_images(writer.snapshot()));
        for service in [&mut session.model, &mut session.judge, &mut session.embedder] {
            service.answers = Arc::clone(&answers);
            service.images = images.clone();
        }
        Ok(session)
    }
}
