//! The groups as a table that is computed when it is read.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt, stream};

use super::search::search;
use super::{DuplicateSearch, SearchProgress};
use crate::duplicates::{GroupRow, Groups, Method};
use crate::ids::stable_id;
use crate::store::Snapshot;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// The columns of a group's rows.
pub(crate) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let similarity = Field::new("similarity", DataType::Float64, false);
    Arc::new(Schema::new(vec![text("group_id"), text("member_id"), text("representative_id"), similarity, text("method")]))
});

/// The table of the groups that a search finds in a state of the store.
pub(crate) struct DuplicateGroups {
    search: DuplicateSearch,
    snapshot: Snapshot,
}

impl DuplicateGroups {
    /// Searches nothing yet.
    pub(crate) fn new(search: DuplicateSearch, snapshot: Snapshot) -> DuplicateGroups {
        DuplicateGroups { search, snapshot }
    }
}

impl fmt::Debug for DuplicateGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DuplicateGroups").field(&self.search).finish()
    }
}

#[async_trait]
impl TableProvider for DuplicateGroups {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    /// Plans the statement that reads the items, and computes nothing.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let session = state.as_any().downcast_ref::<SessionState>();
        let session = session.ok_or_else(|| internal_datafusion_err!("the session of duplicate_groups plans no SQL"))?;
        let items = Box::pin(session.create_logical_plan(&self.search.statement()?)).await?;
        let items = Box::pin(session.create_physical_plan(&items)).await?;
        let rows = Rows { search: self.search.clone(), snapshot: self.snapshot.clone(), items };
        StreamingTable::try_new(self.schema(), vec![Arc::new(rows)])?.scan(state, projection, filters, limit).await
    }
}

#[derive(Debug)]
struct Rows {
    search: DuplicateSearch,
    snapshot: Snapshot,
    /// Reads the items that are compared.
    items: Arc<dyn ExecutionPlan>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &SCHEMA
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (search, snapshot, items) = (self.search.clone(), self.snapshot.clone(), Arc::clone(&self.items));
        let searching = async move {
            let rows = execute_stream(items, context)?;
            let found = self::search(&search, rows, &snapshot, &SearchProgress::default()).await?;
            Ok::<_, DataFusionError>(batches(search.method, Arc::new(found.groups)))
        };
        let batches = stream::once(searching).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&SCHEMA), batches.boxed()))
    }
}

fn batches(method: Method, groups: Arc<Groups>) -> impl futures::Stream<Item = Result<RecordBatch>> {
    let starts = (0..groups.rows().len()).step_by(BATCH_ROWS);
    stream::iter(starts).map(move |start| {
        let rows: Vec<GroupRow> = groups.rows().skip(start).take(BATCH_ROWS).collect();
        Ok(batch(method, &rows)?)
    })
}

/// Rows as a batch of [`SCHEMA`].
fn batch(method: Method, rows: &[GroupRow]) -> crate::error::Result<RecordBatch> {
    let text = |value: &dyn Fn(&GroupRow) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(value))) };
    let columns = vec![
        text(&|row| group_id(method, row.representative_id)),
        text(&|row| row.member_id.to_owned()),
        text(&|row| row.representative_id.to_owned()),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.similarity))),
        text(&|_| method.name().to_owned()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

/// The id of a group: the same method and the same representative make the same group.
pub fn group_id(method: Method, representative_id: &str) -> String {
    stable_id([Some(method.name()), Some(representative_id)])
}
