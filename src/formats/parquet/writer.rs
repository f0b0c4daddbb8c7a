//! Our own Parquet export: one row per instruction.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::detect::FormatError;
use super::super::export::{DatasetWriter, ExportImage, ExportInstruction, ExportSample, PendingFile};
use crate::instruction::{DetectedObject, Step};

/// Encoded bytes after which a row group is written out; what the writer holds in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// What a sample's images may hold together; a page of the file ends at 2 GiB.
const LARGEST_SAMPLE_BYTES: usize = 1 << 30;
/// Where image bytes stand in the file.
const IMAGE_BYTES: [&[&str]; 2] = [&["image", "bytes"], &["further_images", "list", "element", "bytes"]];

/// Writes one row per instruction; the module's page lists the columns. The records it counts are rows.
///
/// Holds up to about 64 MiB of encoded rows. A sample without instructions has no row.
pub struct ParquetWriter {
    target: PathBuf,
    schema: SchemaRef,
    /// The columns that are made from [`Row`]s.
    row_schema: SchemaRef,
    file: ArrowWriter<PendingFile>,
    rows: u64,
}

impl ParquetWriter {
    /// Begins a file that takes the name `path` when it is finished.
    ///
    /// # Errors
    /// If no file can be made in the folder of `path`, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        let schema = Arc::new(schema());
        let rows = schema.fields().iter().filter(|field| !is_image_column(field)).cloned().collect::<Vec<_>>();
        // The file's columns are plain; that they are dictionaries in memory here is nobody's business.
        let options = ArrowWriterOptions::new().with_properties(properties(&schema)).with_skip_arrow_metadata(true);
        let file = ArrowWriter::try_new_with_options(PendingFile::create(path)?, Arc::clone(&schema), options)
            .map_err(|error| FormatError::write(path, error.into()))?;
        Ok(ParquetWriter { target: path.to_owned(), schema, row_schema: Arc::new(Schema::new(rows)), file, rows: 0 })
    }

    fn batch(&self, sample: &ExportSample) -> Result<RecordBatch, ArrowError> {
        let mut decoder = ReaderBuilder::new(Arc::clone(&self.row_schema)).build_decoder()?;
        let rows: Vec<Row> = sample.instructions.iter().map(|instruction| Row::new(sample, instruction)).collect();
        decoder.serialize(&rows)?;
        let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.row_schema)));
        let columns = self.schema.fields().iter().map(|field| match field.name().as_str() {
            "image" => image_column(sample.images.get(..1).unwrap_or_default(), rows.len()),
            "further_images" => further_images_column(sample.images.get(1..).unwrap_or_default(), rows.len()),
            name => batch.column_by_name(name).cloned().ok_or_else(|| ArrowError::SchemaError(format!("column {name} was not made"))),
        });
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?)
    }
}

impl DatasetWriter for ParquetWriter {
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError> {
        if sample.instructions.is_empty() {
            return Ok(());
        }
        if sample.images.iter().filter_map(|image| image.bytes.as_ref()).map(|bytes| bytes.len()).sum::<usize>() > LARGEST_SAMPLE_BYTES {
            let cause = format!("its images are larger than {} MiB together", LARGEST_SAMPLE_BYTES >> 20);
            return Err(FormatError::Sample { path: self.target.clone(), sample_id: sample.sample_id.clone(), cause });
        }
        let written = self.batch(sample).map_err(ParquetError::from).and_then(|batch| self.file.write(&batch));
        written.map_err(|error| FormatError::write(&self.target, error.into()))?;
        self.rows += sample.instructions.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64, FormatError> {
        let ParquetWriter { target, file, rows, .. } = *self;
        file.into_inner().map_err(|error| FormatError::write(&target, error.into()))?.finish()?;
        Ok(rows)
    }
}

/// What a row holds beside images, named as its columns.
#[derive(Serialize)]
struct Row<'a> {
    sample_id: &'a str,
    source: &'a str,
    source_id: Option<&'a str>,
    image_ids: Vec<&'a str>,
    missing_images: &'a [String],
    caption: Option<&'a str>,
    det: &'a [DetectedObject],
    topics: &'a [String],
    instruction_id: &'a str,
    parent_id: Option<&'a str>,
    root_id: Option<&'a str>,
    round: i32,
    operator: &'a str,
    question: &'a str,
    answer: &'a str,
    objects: &'a [String],
    skills: &'a [String],
    format: &'a str,
    steps: &'a [Step],
    image_position: Option<&'a str>,
    improved: Option<bool>,
    score: Option<i64>,
    status: &'a str,
    model: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(sample: &'a ExportSample, exported: &'a ExportInstruction) -> Self {
        let instruction = &exported.instruction;
        Row {
            sample_id: &sample.sample_id,
            source: &sample.source,
            source_id: sample.source_id.as_deref(),
            image_ids: sample.images.iter().map(|image| image.image_id.as_str()).collect(),
            missing_images: &sample.missing_images,
            caption: sample.caption.as_deref(),
            det: &sample.objects,
            topics: &sample.topics,
            instruction_id: &exported.instruction_id,
            parent_id: exported.parent_id.as_deref(),
            root_id: exported.root_id.as_deref(),
            round: exported.round,
            operator: &exported.operator,
            question: &instruction.question,
            answer: &instruction.answer,
            objects: &instruction.objects,
            skills: &instruction.skills,
            format: &instruction.format,
            steps: &instruction.steps,
            image_position: instruction.image_position.as_deref(),
            improved: exported.improved,
            score: exported.score,
            status: &exported.status,
            model: exported.model.as_deref(),
        }
    }
}

fn schema() -> Schema {
    let text = || DataType::Utf8;
    let list = |item| DataType::List(Arc::new(Field::new("element", item, true)));
    let structure = |fields: Vec<(&str, DataType)>| {
        DataType::Struct(fields.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect::<Fields>())
    };
    let detected = structure(vec![("label", text()), ("bbox", list(DataType::Float64)), ("confidence", DataType::Float64)]);
    let step = structure(vec![("manipulation", text()), ("description", text())]);
    let columns = [
        ("sample_id", text()),
        ("source", text()),
        ("source_id", text()),
        ("image", DataType::Struct(image_fields())),
        ("further_images", list(DataType::Struct(image_fields()))),
        ("image_ids", list(text())),
        ("missing_images", list(text())),
        ("caption", text()),
        ("det", list(detected)),
        ("topics", list(text())),
        ("instruction_id", text()),
        ("parent_id", text()),
        ("root_id", text()),
        ("round", DataType::Int32),
        ("operator", text()),
        ("question", text()),
        ("answer", text()),
        ("objects", list(text())),
        ("skills", list(text())),
        ("format", text()),
        ("steps", list(step)),
        ("image_position", text()),
        ("improved", DataType::Boolean),
        ("score", DataType::Int64),
        ("status", text()),
        ("model", text()),
    ];
    Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec())
}

/// Bytes are a dictionary, so that the rows of a sample share one copy of its image, here and in the file.
fn image_fields() -> Fields {
    let bytes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Binary));
    Fields::from(vec![Field::new("bytes", bytes, true), Field::new("path", DataType::Utf8, true)])
}

fn is_image_column(field: &Field) -> bool {
    matches!(field.name().as_str(), "image" | "further_images")
}

/// `rows` rows that each hold the one image, or null.
fn image_column(images: &[ExportImage], rows: usize) -> Result<ArrayRef, ArrowError> {
    match images {
        [] => Ok(Arc::new(StructArray::new_null(image_fields(), rows))),
        images => Ok(Arc::new(image_structs(images, rows)?)),
    }
}

/// `rows` rows that each hold the list of these images.
fn further_images_column(images: &[ExportImage], rows: usize) -> Result<ArrayRef, ArrowError> {
    let element = Arc::new(Field::new("element", DataType::Struct(image_fields()), true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(images.len(), rows));
    Ok(Arc::new(ListArray::try_new(element, offsets, Arc::new(image_structs(images, rows)?), None)?))
}

/// The images, the whole sequence `times` times.
fn image_structs(images: &[ExportImage], times: usize) -> Result<StructArray, ArrowError> {
    let positions = images.iter().enumerate().map(|(index, image)| image.bytes.as_ref().map(|_| index as i32));
    let keys: Int32Array = positions.collect::<Vec<_>>().repeat(times).into();
    let values = BinaryArray::from_iter_values(images.iter().map(|image| image.bytes.as_deref().unwrap_or_default()));
    let bytes = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values))?;
    let paths = StringArray::from(images.iter().map(ExportImage::path).collect::<Vec<_>>().repeat(times));
    StructArray::try_new(image_fields(), vec![Arc::new(bytes), Arc::new(paths)], None::<NullBuffer>)
}

fn properties(schema: &Schema) -> WriterProperties {
    let metadata = KeyValue::new("huggingface".to_owned(), json!({"info": {"features": features(schema.fields())}}).to_string());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_key_value_metadata(Some(vec![metadata]));
    for column in IMAGE_BYTES {
        let path = ColumnPath::new(column.iter().map(|part| (*part).to_owned()).collect());
        properties = properties
            .set_column_dictionary_page_size_limit(path.clone(), ROW_GROUP_BYTES)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    properties.build()
}

/// The columns as Hugging Face `datasets` describes them.
fn features(fields: &Fields) -> Map<String, Value> {
    fields.iter().map(|field| (field.name().clone(), feature(field.data_type()))).collect()
}

fn feature(data_type: &DataType) -> Value {
    match data_type {
        DataType::Struct(fields) if *fields == image_fields() => json!({"_type": "Image"}),
        DataType::Struct(fields) => Value::Object(features(fields)),
        // A list of structs is a list of one feature here; as a `Sequence` it would be turned into a struct of lists.
        DataType::List(item) if feature(item.data_type()).get("_type").is_none() => json!([feature(item.data_type())]),
        DataType::List(item) => json!({"feature": feature(item.data_type()), "_type": "Sequence"}),
        DataType::Boolean => json!({"dtype": "bool", "_type": "Value"}),
        DataType::Int32 => json!({"dtype": "int32", "_type": "Value"}),
        DataType::Int64 => json!({"dtype": "int64", "_type": "Value"}),
        DataType::Float64 => json!({"dtype": "float64", "_type": "Value"}),
        _ => json!({"dtype": "string", "_type": "Value"}),
    }
}
