//! The integration tests, as one binary: each test binary links the whole engine.

// As in the library: whether a future that plans SQL may move between threads takes depth to tell.
#![recursion_limit = "256"]

mod answers;
mod at_once;
mod bad_input;
mod chance;
mod changed_records;
mod checking;
mod choosing;
mod client;
mod client_losses;
mod command;
mod commands;
mod contents;
mod copying;
mod dedup;
mod disk_faults;
mod diversity;
mod duplicates;
mod embedding;
mod endpoint;
mod evolving;
mod exporting;
mod formats;
mod full_disk;
mod golden_stores;
mod image_functions;
mod images;
mod incremental;
mod interrupted;
mod killed;
mod late_columns;
mod later_tables;
mod layers;
mod limited;
mod model_calls;
mod oracle;
mod output;
mod planning;
mod prompts;
#[cfg(unix)]
mod readme;
mod real_data;
mod report;
mod rules_model;
mod shell;
mod standard_streams;
mod status;
mod stock_engine;
mod stores;
mod text_functions;
mod versions;
