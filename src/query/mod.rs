//! SQL over a store: the only place that builds a DataFusion session.

pub mod calls;
pub mod explain;
mod files;
mod function_list;
mod images;
mod kind;
mod session;
mod statement;

pub use calls::CallRecorder;
pub use images::StoreImages;
pub use session::{Session, SessionBuilder};
pub use statement::{Parameter as StatementParameter, Statement};
