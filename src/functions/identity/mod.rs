//! Functions that make ids and draws: the same input gives the same output on every machine, in any order.

pub mod draw_operator;
pub mod draw_persona;
pub mod stable_id;
