//! `self_bleu(text [, sample [, seed]])`: how much texts are made of pieces of each other.

use datafusion::logical_expr::AggregateUDF;

use super::{SECTION, TEXT, of_texts};
use crate::diversity::SelfBleu;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

const DEFAULT_SAMPLE: u32 = 1000;

static DESCRIPTION: Description = Description {
    name: "self_bleu",
    parameters: &[
        TEXT,
        Parameter {
            name: "sample",
            kind: ParameterKind::Integer,
            description: "How many distinct texts are compared, 2 to 1000000; a constant; 1000 if left out.",
        },
        Parameter {
            name: "seed",
            kind: ParameterKind::Integer,
            description: "Which sample is drawn, 0 to 4294967295; a constant; 0 if left out.",
        },
    ],
    optional: 2,
    section: SECTION,
    summary: "The mean BLEU-4 of texts with all others as references (Zhu et al. 2018): 0 where they share no word, 1 for copies; the lower, the more \
              varied. Rises with the sample, so compare values of one sample size. The sample is drawn by hash, whatever the order of rows. \
              NULL for fewer than two texts with words.",
    example: "SELECT self_bleu(text) FROM (VALUES ('what is the man holding'), ('what is the man wearing')) AS t(text)",
};

/// The function.
pub fn self_bleu() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |constants| {
        let sample = constants.integer("sample", 2..=1_000_000, DEFAULT_SAMPLE)?;
        let seed = constants.integer("seed", 0..=u32::MAX, 0)?;
        Ok(Measured::begin(&DESCRIPTION, SelfBleu::new(sample as usize, u64::from(seed)), of_texts(SelfBleu::add)))
    })
}
