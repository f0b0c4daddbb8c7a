//! Charts as SVG: numbers go in, a picture comes out. Colours are classes that the page's style gives a meaning; nothing here reads a store.

pub mod bars;
pub mod curves;
pub mod frame;
pub mod label;
pub mod sankey;
pub mod svg;
pub mod treemap;
