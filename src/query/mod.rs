//! SQL over a store: the only place that builds a DataFusion session.

mod changes;
mod check_where;
mod constant_maps;
mod copy;
mod correlated;
mod created_views;
mod csv_files;
pub mod duplicates;
mod embedding_model;
pub mod explain;
mod files;
mod filtered_columns;
mod function_list;
mod images;
mod json_files;
mod memory;
mod model_calls;
pub mod models;
mod named_arguments;
mod named_results;
mod recursion;
mod recursive_names;
mod refused_tables;
mod rows;
mod session;
mod statement;
mod statement_kind;
mod table_functions;

pub(crate) use csv_files::{table_of_texts, written_names};
pub use images::StoreImages;
pub use models::Models;
pub(crate) use named_results::temporary_folder;
pub use session::{Session, SessionBuilder};
pub use statement::{Parameter as StatementParameter, Statement};
pub(crate) use statement::{in_parentheses, statement};
