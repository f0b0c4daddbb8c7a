//! Answers of finished calls: those of this command in the journal, those of earlier ones in table `calls`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::service::PreparedRequest;
use crate::error::Result;
use crate::ids::{Clock, SystemClock};
use crate::store::{CallRecord, Journal, StoredCall, StoredCalls};

/// Requests that are looked up in the journal at a time. Reading it holds up whatever else waits for the thread; a thread of its own would keep
/// the journal, and with it the store's lock, after the query that it reads for has been given up.
const JOURNALED_AT_A_TIME: usize = 32;

/// What was answered before, and where new answers are written down. By default a journal that ends with the process, made with the first
/// answer.
#[derive(Debug)]
pub struct Answers {
    journal: OnceCell<Arc<Journal>>,
    stored: Option<StoredCalls>,
    run_id: String,
    clock: Arc<dyn Clock>,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers { journal: OnceCell::new(), stored: None, run_id: String::new(), clock: Arc::new(SystemClock) }
    }
}

impl Answers {
    /// Answers in a journal and a snapshot of a store. `run_id` names the command in the rows of new calls, `clock` gives their time.
    pub fn new(journal: Arc<Journal>, stored: StoredCalls, run_id: String, clock: Arc<dyn Clock>) -> Answers {
        Answers { journal: OnceCell::new_with(Some(journal)), stored: Some(stored), run_id, clock }
    }

    /// As [`Answers::new`], of a command that asks nothing: where there is no journal, none is made.
    pub fn readable(journal: Option<Arc<Journal>>, stored: StoredCalls) -> Answers {
        let journal = journal.map_or_else(OnceCell::new, |journal| OnceCell::new_with(Some(journal)));
        Answers { journal, stored: Some(stored), ..Answers::default() }
    }

    /// The answer to each request, if there is one that a new call could not better (see [`StoredCall::answers`]).
    ///
    /// # Errors
    /// Those of reading the journal and the store.
    pub async fn get_many(&self, requests: &[&PreparedRequest]) -> Result<Vec<Option<StoredCall>>> {
        let mut answers = Vec::with_capacity(requests.len());
        for group in requests.chunks(JOURNALED_AT_A_TIME) {
            if !answers.is_empty() {
                tokio::task::yield_now().await;
            }
            answers.extend(self.journaled(group)?);
        }
        let Some(stored) = &self.stored else { return Ok(answers) };
        let missing: Vec<usize> = (0..requests.len()).filter(|index| answers[*index].is_none()).collect();
        let ids: Vec<&str> = missing.iter().map(|index| requests[*index].request_id.as_str()).collect();
        for (index, found) in missing.into_iter().zip(stored.get_many(&ids).await?) {
            answers[index] = found.filter(|answer| requests[index].is_answered_by(answer));
        }
        Ok(answers)
    }

    /// As [`Answers::get_many`], of the calls that are not in the store yet.
    pub(super) fn journaled(&self, requests: &[&PreparedRequest]) -> Result<Vec<Option<StoredCall>>> {
        let Some(journal) = self.journal.get() else { return Ok(vec![None; requests.len()]) };
        let ids: Vec<&str> = requests.iter().map(|request| request.request_id.as_str()).collect();
        let found = journal.answers(&ids)?.into_iter().zip(requests);
        Ok(found.map(|(answer, request)| answer.filter(|answer| request.is_answered_by(answer))).collect())
    }

    /// Writes a call down; done when it is on disk.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    pub async fn record(&self, record: CallRecord) -> Result<()> {
        self.journal.get_or_try_init(|| async { Journal::temporary().map(Arc::new) }).await?.append(record).await
    }

    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
