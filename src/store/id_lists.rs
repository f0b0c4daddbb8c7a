//! Ids in SQL.

/// Ids that one predicate names: a longer list takes long to parse.
const IDS_PER_PREDICATE: usize = 10_000;

/// Predicates over the rows in which `column` is one of `ids`: together they hold for all of them, and none is longer than a statement may be. No ids, no
/// predicates. Each costs a scan of the column.
pub(crate) fn ids_in(column: &str, ids: &[impl AsRef<str>]) -> impl Iterator<Item = String> {
    ids.chunks(IDS_PER_PREDICATE).map(move |group| {
        let listed: Vec<String> = group.iter().map(|id| quoted(id.as_ref())).collect();
        format!("{column} IN ({})", listed.join(","))
    })
}

/// A text as SQL writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_texts_of_sql() {
        assert_eq!(ids_in("sample_id", &["a", "it's"]).collect::<Vec<_>>(), ["sample_id IN ('a','it''s')"]);
    }

    #[test]
    fn every_id_is_in_one_predicate() {
        let ids: Vec<String> = (0..=IDS_PER_PREDICATE).map(|id| id.to_string()).collect();
        let predicates: Vec<String> = ids_in("id", &ids).collect();
        assert_eq!(predicates.len(), 2);
        assert_eq!(predicates[1], format!("id IN ('{IDS_PER_PREDICATE}')"));
        assert_eq!(predicates[0].matches(',').count(), IDS_PER_PREDICATE - 1);
        assert_eq!(ids_in("id", &[""; 0]).count(), 0);
    }
}
