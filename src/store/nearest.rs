//! The vectors of a snapshot: reading them, and finding those nearest to one.

use std::sync::Arc;

use arrow::array::{AsArray, FixedSizeListArray, Float32Array, StringArray};
use arrow::datatypes::{Float32Type, Schema};
use datafusion::logical_expr::{col, lit};
use futures::TryStreamExt;
use lance::Dataset;
use lance::index::vector::VectorIndexParams;
use lance::index::{DatasetIndexExt, DatasetIndexInternalExt};
use lance_index::optimize::OptimizeOptions;
use lance_index::vector::ivf::IvfBuildParams;
use lance_index::vector::pq::PQBuildParams;
use lance_linalg::distance::MetricType;

use super::id_lists::quoted;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use super::vectors::{self, VectorColumn};
use super::writer::Writer;
use crate::error::Result;

/// Vectors of a partition of an index, about: what a search compares is a few partitions whole, and as many middles as there are partitions.
const PARTITION_ROWS: u64 = 1000;

/// Partitions that a search looks into.
const PROBES: usize = 32;

/// Neighbours that an index is asked for at most: the partitions that a search looks into must hold many times as many.
const MOST_BY_INDEX: usize = 1000;

/// Numbers of a vector that become one byte in an index.
const NUMBERS_PER_CODE: usize = 4;

/// How many times `k` candidates, found by their codes, are compared by their real vectors.
const CANDIDATES_PER_RESULT: u32 = 20;

/// A code of one byte is one of 256, each of which is trained on a vector at least.
const LEAST_INDEXED_ROWS: u64 = 256;

/// The share of vectors that an index may lack before it is brought up to date; a search compares those one by one.
const UNINDEXED_SHARE: f64 = 0.05;

/// A stored vector near to another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The instruction whose text it is of.
    pub instruction_id: String,
    /// The cosine distance: 0 in the same direction, 1 at a right angle, 2 in the opposite one.
    pub distance: f32,
}

/// What became of the index of a model's vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Indexed {
    /// There are too few vectors to need one.
    TooFew,
    /// It was there, and has all vectors or nearly.
    Unchanged,
    /// It was made.
    Made,
    /// New vectors were added to it.
    Updated,
}

impl Snapshot {
    /// The models that have vectors here, with the length of these; in the order in which they came. Reads no rows.
    pub fn vector_columns(&self) -> Vec<VectorColumn> {
        let Some(dataset) = self.dataset(Table::Embeddings) else { return Vec::new() };
        vectors::stored(&Schema::from(dataset.schema())).map(|(_, column)| column).collect()
    }

    /// The length of a model's vectors; `None` when there are none.
    pub fn dimensions(&self, model: &str) -> Option<usize> {
        self.vector_columns().into_iter().find(|column| column.model == model).map(|column| column.dimensions)
    }

    /// Streams the vectors of a model through `each`, batch by batch, with the ids of their instructions. Does nothing when there are none.
    pub async fn for_each_vector(&self, model: &str, mut each: impl FnMut(&StringArray, &FixedSizeListArray)) -> Result<()> {
        let failed = |cause| table_error("read", Table::Embeddings, cause);
        let Some((dataset, column)) = self.vectors_of(model) else { return Ok(()) };
        let mut scan = dataset.scan();
        scan.project(&["instruction_id", &column.name()]).map_err(failed)?.filter_expr(col("model").eq(lit(model)));
        let mut batches = scan.try_into_stream().await.map_err(failed)?;
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            each(batch.column(0).as_string(), batch.column(1).as_fixed_size_list());
        }
        Ok(())
    }

    /// The `k` stored vectors of a model that are nearest to `query` by cosine distance, nearest first, those at the same distance by id.
    ///
    /// Exact without an index: every vector is read. With one, a few partitions are searched, and the best candidates compared by their
    /// real vectors; what the index lacks is compared too. For more than 1,000 neighbours it is not used.
    ///
    /// # Errors
    /// When `query` has another length than the vectors, is all zeros, or has a number that is not finite.
    pub async fn nearest(&self, model: &str, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.search(model, query, k, k <= MOST_BY_INDEX).await
    }

    /// As [`Snapshot::nearest`], by comparing every vector even where there is an index.
    ///
    /// # Errors
    /// Those of [`Snapshot::nearest`].
    pub async fn nearest_exactly(&self, model: &str, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.search(model, query, k, false).await
    }

    async fn search(&self, model: &str, query: &[f32], k: usize, use_index: bool) -> Result<Vec<Neighbour>> {
        let failed = |cause| table_error("search", Table::Embeddings, cause);
        let Some((dataset, column)) = self.vectors_of(model) else { return Ok(Vec::new()) };
        column.check_query(query)?;
        if k == 0 {
            return Ok(Vec::new());
        }
        let mut scan = dataset.scan();
        scan.project(&["instruction_id", "_distance"]).map_err(failed)?;
        scan.nearest(&column.name(), &Float32Array::from(query.to_vec()), k).map_err(failed)?;
        scan.distance_metric(MetricType::Cosine).use_index(use_index).nprobes(PROBES).refine(CANDIDATES_PER_RESULT);
        let batches: Vec<_> = scan.try_into_stream().await.map_err(failed)?.try_collect().await.map_err(failed)?;
        let mut found = Vec::with_capacity(k.min(1024));
        for batch in &batches {
            let (ids, distances) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Float32Type>());
            found.extend(ids.iter().zip(distances).filter_map(|(id, distance)| {
                // Rounding takes the distance of equal vectors below 0.
                Some(Neighbour { instruction_id: id?.to_owned(), distance: distance?.max(0.0) })
            }));
        }
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.instruction_id.cmp(&b.instruction_id)));
        Ok(found)
    }

    fn vectors_of(&self, model: &str) -> Option<(&Arc<Dataset>, VectorColumn)> {
        let column = self.vector_columns().into_iter().find(|column| column.model == model)?;
        Some((self.dataset(Table::Embeddings)?, column))
    }
}

impl Writer {
    /// Makes an index of a model's vectors when there are `least` of them or more, and 256 at least, or adds to the one there is what it lacks, if that is more
    /// than a twentieth. The index belongs to the version that is published next.
    pub async fn index_vectors(&mut self, model: &str, least: u64) -> Result<Indexed> {
        let failed = |cause| table_error("index", Table::Embeddings, cause);
        let Some((_, column)) = self.snapshot().vectors_of(model) else { return Ok(Indexed::TooFew) };
        let name = column.name();
        let mut dataset = self.prepare(Table::Embeddings).await?.as_ref().clone();
        let of_model = format!("model = {}", quoted(model));
        let rows = dataset.count_rows(Some(of_model)).await.map_err(failed)? as u64;
        let known = dataset.load_indices_by_name(&name).await.map_err(failed)?;
        let outcome = match known.is_empty() {
            true if rows < least.max(LEAST_INDEXED_ROWS) => return Ok(Indexed::TooFew),
            true => {
                let params = index_params(rows, column.dimensions);
                dataset.create_index(&[&name], params.index_type(), Some(name.clone()), &params, false).await.map_err(failed)?;
                Indexed::Made
            }
            false => {
                if unindexed_rows(&dataset, &name).await.map_err(failed)? as f64 <= rows as f64 * UNINDEXED_SHARE {
                    return Ok(Indexed::Unchanged);
                }
                let options = OptimizeOptions::merge(known.len()).index_names(vec![name.clone()]);
                dataset.optimize_indices(&options).await.map_err(failed)?;
                Indexed::Updated
            }
        };
        self.replace_dataset(Table::Embeddings, dataset);
        Ok(outcome)
    }
}

/// Inverted lists of product-quantised vectors. Codes are what a search reads most of: a byte for four numbers. Training reads a sample.
fn index_params(rows: u64, dimensions: usize) -> VectorIndexParams {
    let partitions = usize::try_from(rows / PARTITION_ROWS).unwrap_or(usize::MAX).clamp(1, 4096);
    let ivf = IvfBuildParams { sample_rate: 64, max_iters: 10, ..IvfBuildParams::new(partitions) };
    let codes = (1..=dimensions / NUMBERS_PER_CODE).rev().find(|codes| dimensions.is_multiple_of(*codes)).unwrap_or(1);
    let quantiser = PQBuildParams { num_bits: 8, num_sub_vectors: codes, max_iters: 10, ..PQBuildParams::default() };
    VectorIndexParams::with_ivf_pq_params(MetricType::Cosine, ivf, quantiser)
}

/// Rows of the fragments that an index has not seen.
async fn unindexed_rows(dataset: &Dataset, index: &str) -> lance::Result<u64> {
    let unindexed = dataset.unindexed_fragments(index).await?;
    Ok(unindexed.iter().filter_map(|fragment| fragment.num_rows()).map(|rows| rows as u64).sum())
}
