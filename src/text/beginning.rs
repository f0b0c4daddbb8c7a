//! The beginnings of texts that are too long to be shown.

/// The beginning of a text, at most so many characters of it, and whether there is more.
pub fn beginning(text: &str, characters: usize) -> (&str, bool) {
    match text.char_indices().nth(characters) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_text_is_cut_between_characters_where_there_is_more() {
        assert_eq!(beginning("äöü", 2), ("äö", true));
        assert_eq!(beginning("äöü", 3), ("äöü", false));
        assert_eq!(beginning("äöü", 0), ("", true));
        assert_eq!(beginning("", 0), ("", false));
    }
}
