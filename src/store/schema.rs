//! The tables: their names, columns and types.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// A table of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row for each distinct image file.
    Images,
    /// One row for each image, or few, with its context.
    Samples,
    /// One row for each question-answer item of each round.
    Instructions,
    /// One row for each attempt to evolve one sample in one round.
    Evolutions,
    /// One row for each request that was made, with what came back.
    Calls,
    /// One row for each distinct prompt text.
    Prompts,
    /// One row for each command, or round, that wrote.
    Runs,
    /// One row for each instruction and each model that embedded its text.
    Embeddings,
    /// One row for each member of each group of duplicates that was marked.
    Duplicates,
    /// One row for each instruction and each person who checked it by hand.
    Audits,
}

impl Table {
    /// Every table, in the order in which they are listed.
    pub const ALL: [Table; 10] = [
        Table::Images,
        Table::Samples,
        Table::Instructions,
        Table::Evolutions,
        Table::Calls,
        Table::Prompts,
        Table::Runs,
        Table::Embeddings,
        Table::Duplicates,
        Table::Audits,
    ];

    /// The name in SQL, in the catalog and of the directory.
    pub fn name(self) -> &'static str {
        match self {
            Table::Images => "images",
            Table::Samples => "samples",
            Table::Instructions => "instructions",
            Table::Evolutions => "evolutions",
            Table::Calls => "calls",
            Table::Prompts => "prompts",
            Table::Runs => "runs",
            Table::Embeddings => "embeddings",
            Table::Duplicates => "duplicates",
            Table::Audits => "audits",
        }
    }

    /// The first [format version](super::FORMAT_VERSION) that has the table. Every store has those of version 1; a later one is made when a
    /// writer first adds rows to it, and is empty until then.
    pub(super) fn format_version(self) -> u32 {
        match self {
            Table::Images | Table::Samples | Table::Instructions | Table::Evolutions | Table::Calls | Table::Prompts | Table::Runs => 1,
            Table::Embeddings | Table::Duplicates | Table::Audits => 2,
        }
    }

    /// The columns that tell its rows apart. A request that failed and was made again has a row for each time.
    pub fn key(self) -> &'static [&'static str] {
        match self {
            Table::Images => &["image_id"],
            Table::Samples => &["sample_id"],
            Table::Instructions => &["instruction_id"],
            Table::Evolutions => &["evolution_id"],
            Table::Calls => &["request_id", "run_id", "created_at"],
            Table::Prompts => &["prompt_id"],
            Table::Runs => &["run_id"],
            Table::Embeddings => &["instruction_id", "model"],
            Table::Duplicates => &["method", "member_id"],
            Table::Audits => &["instruction_id", "auditor"],
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether values of a column, of whatever table, are long: texts that people and models write, and lists.
    pub(super) fn is_long(column: &str) -> bool {
        matches!(column, "question" | "answer" | "objects" | "skills" | "steps" | "reason" | "caption" | "response" | "template")
    }

    /// The columns as SQL sees them. Image bytes are plain `LargeBinary` here; the store keeps them as Lance blobs. Vectors are lists here; the
    /// store keeps those of each model in a column of their own.
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(match self {
            Table::Images => vec![
                text("image_id"),
                text("uri"),
                text("format"),
                integer("width"),
                integer("height"),
                nullable(Field::new("bytes", DataType::LargeBinary, true)),
                nullable(text("phash")),
            ],
            Table::Samples => vec![
                text("sample_id"),
                text("source"),
                nullable(text("source_id")),
                list("image_ids", DataType::Utf8),
                list("missing_images", DataType::Utf8),
                nullable(text("caption")),
                list("objects", object_type()),
                list("topics", DataType::Utf8),
                text("content_hash"),
                text("run_id"),
                time("imported_at"),
            ],
            Table::Instructions => vec![
                text("instruction_id"),
                text("sample_id"),
                nullable(text("evolution_id")),
                nullable(text("parent_id")),
                nullable(text("root_id")),
                integer("round"),
                nullable(text("operator")),
                integer("position"),
                nullable(text("image_position")),
                text("question"),
                text("answer"),
                list("objects", DataType::Utf8),
                list("skills", DataType::Utf8),
                text("format"),
                list("steps", step_type()),
                nullable(Field::new("improved", DataType::Boolean, true)),
                nullable(integer("score")),
                nullable(text("reason")),
                list("faults", DataType::Utf8),
                text("status"),
                text("run_id"),
                time("created_at"),
            ],
            Table::Evolutions => vec![
                text("evolution_id"),
                text("sample_id"),
                integer("round"),
                integer("part"),
                integer("attempt"),
                nullable(text("parent_evolution_id")),
                nullable(text("operator")),
                text("status"),
                nullable(text("error_kind")),
                nullable(text("error")),
                nullable(text("model")),
                nullable(text("judge")),
                nullable(text("parameters")),
                nullable(text("sample_hash")),
                nullable(text("prompt_id")),
                nullable(text("judge_prompt_id")),
                nullable(text("request_id")),
                nullable(text("score_request_id")),
                integer("parents"),
                nullable(integer("generated")),
                integer("kept"),
                text("run_id"),
                time("created_at"),
            ],
            Table::Calls => vec![
                text("request_id"),
                text("kind"),
                text("model"),
                text("endpoint"),
                nullable(long("max_tokens")),
                nullable(text("response")),
                nullable(text("finish_reason")),
                nullable(long("prompt_tokens")),
                nullable(long("completion_tokens")),
                nullable(Field::new("cost_usd", DataType::Float64, true)),
                nullable(long("latency_ms")),
                integer("attempts"),
                nullable(integer("http_status")),
                nullable(text("error")),
                text("run_id"),
                time("created_at"),
            ],
            Table::Prompts => vec![text("prompt_id"), text("name"), text("template"), time("created_at")],
            Table::Runs => vec![
                text("run_id"),
                text("command"),
                text("settings"),
                text("status"),
                time("started_at"),
                time("finished_at"),
                text("counters"),
            ],
            Table::Embeddings => vec![
                text("instruction_id"),
                text("model"),
                text("content"),
                text("text_hash"),
                text("run_id"),
                time("created_at"),
                list("vector", DataType::Float32),
            ],
            Table::Duplicates => vec![
                text("method"),
                number("threshold"),
                nullable(text("model")),
                text("group_id"),
                text("member_id"),
                text("representative_id"),
                number("similarity"),
                text("run_id"),
                time("created_at"),
            ],
            Table::Audits => vec![
                text("instruction_id"),
                text("auditor"),
                nullable(Field::new("improved", DataType::Boolean, true)),
                nullable(Field::new("correct", DataType::Boolean, true)),
                nullable(text("comment")),
                text("run_id"),
                time("created_at"),
            ],
        }))
    }

    /// The columns as Lance keeps them, but for those of vectors: image bytes become a blob column, which a scan skips unless it is named. For rows that are added to a
    /// table; where their blobs go says the table.
    pub(super) fn stored_schema(self) -> SchemaRef {
        self.with_blobs(lance::BlobFieldOptions::default())
    }

    /// The columns of a new table. Its blobs stand in files of their own, however small: inside the pages of a table each is copied three
    /// times more on its way to the disk.
    pub(super) fn created_schema(self) -> SchemaRef {
        self.with_blobs(lance::BlobFieldOptions::default().with_inline_size_threshold(0))
    }

    fn with_blobs(self, options: lance::BlobFieldOptions) -> SchemaRef {
        let schema = self.schema();
        match self {
            // Each model's vectors have a column of their own.
            Table::Embeddings => Arc::new(Schema::new(
                schema.fields().iter().filter(|field| field.name() != super::vectors::VECTOR).cloned().collect::<Vec<_>>(),
            )),
            Table::Images => Arc::new(Schema::new(
                schema
                    .fields()
                    .iter()
                    .map(|field| match field.name().as_str() {
                        "bytes" => Arc::new(lance::blob_field_with_options("bytes", true, options.clone())),
                        _ => Arc::clone(field),
                    })
                    .collect::<Vec<_>>(),
            )),
            _ => schema,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of one element of `samples.objects`.
pub fn object_type() -> DataType {
    DataType::Struct(
        vec![Field::new("label", DataType::Utf8, true), list("bbox", DataType::Float64), Field::new("confidence", DataType::Float64, true)]
            .into(),
    )
}

/// The type of one element of `instructions.steps`.
pub fn step_type() -> DataType {
    DataType::Struct(vec![Field::new("manipulation", DataType::Utf8, true), Field::new("description", DataType::Utf8, true)].into())
}

/// A nullable list column of the given element type.
pub(crate) fn list(name: &str, element: DataType) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("item", element, true))), true)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int32, false)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
}

fn nullable(field: Field) -> Field {
    field.with_nullable(true)
}
