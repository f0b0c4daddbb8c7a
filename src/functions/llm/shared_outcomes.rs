//! Rows of one query that ask the same: one of them asks, and the others get what became of it, also when that is of no use.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use tokio::sync::OnceCell;

use super::call::RowOutcome;

/// Memory for questions that were asked in vain. When it is full, they are forgotten, and asked again where they come again.
const MOST_BYTES: usize = 16 << 20;

/// What one of them takes besides its text.
const BYTES_BESIDE_TEXT: usize = 512;

/// What became of the questions of one query. Usable answers are not here: they are among the answers of all queries.
#[derive(Debug, Default)]
pub struct SharedOutcomes(Mutex<Questions>);

#[derive(Debug, Default)]
struct Questions {
    /// Each is asked by one row, and others may wait for it.
    asking: HashMap<Question, Arc<OnceCell<RowOutcome>>>,
    in_vain: HashMap<Question, RowOutcome>,
    bytes_in_vain: usize,
}

/// What a row asks. Rows that ask the same read its answer in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// Whichever of its two forms it has.
    pub function: &'static str,
    pub request_id: String,
    /// Part of no request id, although an answer that is cut off may be of use under a higher one.
    pub max_tokens: u32,
}

/// What became of a row that asked.
pub(super) struct Ended {
    pub row: RowOutcome,
    /// Whether asking again would be in vain.
    pub in_vain: bool,
}

impl SharedOutcomes {
    /// What became of a question, and whether it was asked now, for this row. `ask` asks it; dropped before it is done, it leaves the question to
    /// one of the rows that wait.
    ///
    /// # Errors
    /// Those of `ask`.
    pub(super) async fn get_or_ask(
        &self,
        question: Question,
        ask: impl Future<Output = Result<Ended>> + Send,
    ) -> Result<(RowOutcome, bool)> {
        let asking = {
            let mut questions = self.questions();
            if let Some(row) = questions.in_vain.get(&question) {
                return Ok((row.clone(), false));
            }
            Arc::clone(questions.asking.entry(question.clone()).or_default())
        };
        let mut asked_in_vain = None;
        let asked = async {
            let Ended { row, in_vain } = ask.await?;
            asked_in_vain = Some(in_vain);
            Ok::<_, DataFusionError>(row)
        };
        let row = asking.get_or_try_init(|| asked).await?.clone();
        let Some(in_vain) = asked_in_vain else { return Ok((row, false)) };
        let mut questions = self.questions();
        questions.asking.remove(&question);
        if in_vain {
            questions.keep(question, row.clone());
        }
        Ok((row, true))
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Questions {
    fn keep(&mut self, question: Question, row: RowOutcome) {
        let text = row.outcome.result.as_ref().map_or_else(|failure| failure.message.len(), |answer| answer.text.len());
        let bytes = text + BYTES_BESIDE_TEXT;
        if self.bytes_in_vain + bytes > MOST_BYTES {
            self.in_vain.clear();
            self.bytes_in_vain = 0;
        }
        self.bytes_in_vain += bytes;
        // Rows that ask the same have the request themselves, and its prompt may be long.
        self.in_vain.insert(question, RowOutcome { request: None, ..row });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::{CallFailure, CallOutcome};

    fn question(number: usize) -> Question {
        Question { function: "llm_complete", request_id: number.to_string(), max_tokens: 10 }
    }

    fn ended(message: &str, in_vain: bool) -> Result<Ended> {
        let failure = CallFailure { kind: "refusal", message: message.to_owned() };
        Ok(Ended { row: RowOutcome::new(None, CallOutcome::failed(None, failure)), in_vain })
    }

    async fn ask(shared: &SharedOutcomes, number: usize, answer: Result<Ended>) -> Result<(String, bool)> {
        let (row, asked) = shared.get_or_ask(question(number), async { answer }).await?;
        Ok((row.outcome.result.unwrap_err().message, asked))
    }

    #[tokio::test]
    async fn what_was_asked_in_vain_is_not_asked_again() {
        let shared = SharedOutcomes::default();
        assert_eq!(ask(&shared, 1, ended("first", true)).await.unwrap(), ("first".to_owned(), true));
        assert_eq!(ask(&shared, 1, ended("second", true)).await.unwrap(), ("first".to_owned(), false));
        assert_eq!(ask(&shared, 2, ended("other", false)).await.unwrap(), ("other".to_owned(), true));
        assert_eq!(ask(&shared, 2, ended("again", false)).await.unwrap(), ("again".to_owned(), true), "it may come out otherwise");
        assert!(shared.questions().asking.is_empty());
    }

    #[tokio::test]
    async fn rows_that_wait_get_what_came_back() {
        let shared = SharedOutcomes::default();
        let (first, second) = tokio::join!(
            shared.get_or_ask(question(1), async {
                tokio::task::yield_now().await;
                ended("first", false)
            }),
            ask(&shared, 1, ended("second", false)),
        );
        assert!(first.unwrap().1);
        assert_eq!(second.unwrap(), ("first".to_owned(), false));
    }

    #[tokio::test]
    async fn a_row_that_is_given_up_leaves_its_question_to_others() {
        let shared = SharedOutcomes::default();
        tokio::select! {
            biased;
            _ = shared.get_or_ask(question(1), std::future::pending()) => unreachable!("it is never answered"),
            () = tokio::task::yield_now() => (),
        }
        assert_eq!(ask(&shared, 1, ended("second", true)).await.unwrap(), ("second".to_owned(), true));
        let error = DataFusionError::Internal("disk".into());
        assert!(ask(&shared, 2, Err(error)).await.is_err());
        assert_eq!(ask(&shared, 2, ended("later", true)).await.unwrap(), ("later".to_owned(), true));
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let shared = SharedOutcomes::default();
        let long = "x".repeat(MOST_BYTES / 4);
        for number in 0..10 {
            ask(&shared, number, ended(&long, true)).await.unwrap();
            let questions = shared.questions();
            assert!(questions.in_vain.len() < 4 && questions.bytes_in_vain <= MOST_BYTES);
        }
    }
}
