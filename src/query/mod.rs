//! SQL over a store: the only place that builds a DataFusion session.

pub mod calls;
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
mod kept;
mod kind;
mod memory;
mod model_calls;
mod named_arguments;
mod recursion;
mod recursive_names;
mod refused_tables;
mod rows;
mod session;
mod statement;
mod table_functions;

pub use calls::Models;
pub(crate) use csv_files::{table_of_texts, written_names};
pub use images::StoreImages;
pub(crate) use kept::temporary_folder;
pub use session::{Session, SessionBuilder};
pub use statement::{Parameter as StatementParameter, Statement};
pub(crate) use statement::{in_parentheses, statement};
