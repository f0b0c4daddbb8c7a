//! `distinct_n(text, n)`: the share of n-grams that are new.

use datafusion::logical_expr::AggregateUDF;

use super::{SECTION, TEXT, of_texts};
use crate::diversity::DistinctNgrams;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

static DESCRIPTION: Description = Description {
    name: "distinct_n",
    parameters: &[
        TEXT,
        Parameter { name: "n", kind: ParameterKind::Integer, description: "How many words an n-gram has, 1 to 100; a constant." },
    ],
    optional: 0,
    section: SECTION,
    summary: "Distinct n-grams of words by all of them (Li et al. 2016): near 0 where texts repeat each other, to 1 where no n-gram comes \
              twice. Falls as rows are added, so compare sets of one size. NULL where no text has n words. Keeps a hash of each distinct n-gram.",
    example: "SELECT distinct_n(text, 2) FROM (VALUES ('a red car'), ('a red bus')) AS t(text)",
};

/// The function.
pub fn distinct_n() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |constants| {
        let n = constants.integer("n", 1..=100, 1)?;
        Ok(Measured::begin(&DESCRIPTION, DistinctNgrams::new(n as usize), of_texts(DistinctNgrams::add)))
    })
}
