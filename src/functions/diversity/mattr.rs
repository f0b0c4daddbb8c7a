//! `mattr(text [, window])`: how seldom texts repeat their own words.

use datafusion::logical_expr::AggregateUDF;

use super::{SECTION, TEXT, of_texts};
use crate::diversity::TypeTokenRatio;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

/// That of Covington and McFall's program and of the packages after it.
const DEFAULT_WINDOW: u32 = 50;

static DESCRIPTION: Description = Description {
    name: "mattr",
    parameters: &[
        TEXT,
        Parameter {
            name: "window",
            kind: ParameterKind::Integer,
            description: "How many words the ratio is taken of, 1 to 1000000; a constant; 50 if left out.",
        },
    ],
    optional: 1,
    section: SECTION,
    summary: "The mean over texts of the moving-average type-token ratio (Covington and McFall 2010), the share of distinct words in each run of \
              window words: near 0 to 1. A shorter text is one run, so choose a window that most texts reach. NULL where no text has words.",
    example: "SELECT mattr(text, 3) FROM (VALUES ('the cat and the dog'), ('a cat')) AS t(text)",
};

/// The function.
pub fn mattr() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |constants| {
        let window = constants.integer("window", 1..=1_000_000, DEFAULT_WINDOW)?;
        Ok(Measured::begin(&DESCRIPTION, TypeTokenRatio::new(window as usize), of_texts(TypeTokenRatio::add)))
    })
}
