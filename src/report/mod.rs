//! What a dataset is like, in figures: the statements of `sql/report/` over the items of one state of a store.
//!
//! [`sections`] lists the statements, [`Facts`] is what they run over. `mmevol stats` prints their rows as tables; [`Report`] draws them as a page,
//! with pictures that `chart` makes of plain numbers.

mod chart;
mod examples;
mod facts;
mod figures;
mod page;
pub mod sections;

pub use facts::{Facts, Selection, typed};
pub use page::{Report, Written};
pub use sections::{GroupBy, SECTIONS, Scope, Section, section};
