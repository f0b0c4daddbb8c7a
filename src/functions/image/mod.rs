//! Functions over images.

pub mod octet_length;
