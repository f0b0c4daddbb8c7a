//! `duplicate_groups(method [, threshold] [, model])`: items that say the same, and the one of each group that stays.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::TableFunction;
use super::call::Call;
use crate::duplicates::Method;
use crate::error::{Error, Result, suggest};
use crate::query::duplicates::{DuplicateGroups, DuplicateSearch};

pub(super) static DUPLICATE_GROUPS: TableFunction = TableFunction {
    name: "duplicate_groups",
    parameters: &["method", "threshold", "model"],
    optional: 2,
    summary: "The groups of two items or more that are duplicates, a row for each member: group_id, member_id, representative_id, similarity (of the \
              two, 0 to 1), method. Every member is at least as like its representative as the threshold says; the representative has the \
              earliest round, then the best score, then the least id. Method 'exact' finds equal texts (question and answer, normalised) among \
              the items of current, 'near' those whose runs of three words have a Jaccard similarity of the threshold (0.8 if left out; verified, found \
              with a chance above 0.95), 'semantic' those whose embeddings by model (if left out 'lexical', else the first that has any) have a cosine \
              of the threshold (0.9 if left out; verified, found likewise; items without one are left out, a model without any is an error), 'image' finds images by their perceptual hashes, 1 - bits that differ / 64 (0.9 if left out: 6 bits), \
              decoding those whose hash is not stored. Linear in the items; 1,000,000 need about 600 MB for 'near'.",
    example: "SELECT representative_id, count(*) - 1 AS duplicates FROM duplicate_groups('near', 0.8) GROUP BY representative_id",
    make: duplicate_groups,
};

fn duplicate_groups(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let name = call.text(0)?;
    let method = Method::from_name(name).ok_or_else(|| unknown_method(name))?;
    let mut search = DuplicateSearch::new(method);
    if let Some(threshold) = call.number(1)? {
        search = search.threshold(method.threshold(threshold).map_err(|invalid| Error::sql(format!("duplicate_groups: {invalid}")))?);
    }
    let named = call.optional_text(2)?;
    if method == Method::Semantic {
        search = search.model(call.compared_model(named)?);
    } else if named.is_some() {
        return Err(Error::sql(format!("duplicate_groups: method {method} compares no embeddings; leave out the model")));
    }
    Ok(Arc::new(DuplicateGroups::new(search, call.snapshot.clone())))
}

fn unknown_method(name: &str) -> Error {
    let known = Method::ALL.map(Method::name);
    let hints = match suggest(name, known) {
        none if none.is_empty() => vec![format!("the methods are {}", known.join(", "))],
        some => some,
    };
    Error::Sql { message: format!("duplicate_groups: there is no method '{name}'"), position: None, hints }
}
