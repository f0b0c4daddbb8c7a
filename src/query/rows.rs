//! The rows of a statement as structs.

use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Result;

impl Session {
    /// The rows of a statement in its order, each as a `T`, whose fields are found by the names of the columns; columns without a field are left
    /// alone, NULL is `None`. All of them are held in memory.
    ///
    /// # Errors
    /// Those of the statement; [`Error::Internal`](crate::Error::Internal) where a column is missing, of another type, or NULL without being an
    /// `Option` in `T`.
    pub async fn rows<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>> {
        let batches = self.collect(sql).await?;
        let mut rows = Vec::with_capacity(batches.iter().map(|batch| batch.num_rows()).sum());
        for batch in &batches {
            rows.extend(serde_arrow::from_record_batch::<Vec<T>>(batch)?);
        }
        Ok(rows)
    }
}
