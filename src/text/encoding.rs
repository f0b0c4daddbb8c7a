//! Byte-pair encodings: how many tokens a text is to a model.

/// An encoding of OpenAI's models, by the name that tiktoken gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// GPT-4o and later.
    #[default]
    O200kBase,
    /// The open-weight models of 2025: the same but for special tokens.
    O200kHarmony,
    /// GPT-4 and GPT-3.5.
    Cl100kBase,
    /// Codex.
    P50kBase,
    /// Edit models: the same but for special tokens.
    P50kEdit,
    /// GPT-3 and GPT-2.
    R50kBase,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 6] =
        [Encoding::O200kBase, Encoding::O200kHarmony, Encoding::Cl100kBase, Encoding::P50kBase, Encoding::P50kEdit, Encoding::R50kBase];

    /// The name of the encoding.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::O200kBase => "o200k_base",
            Encoding::O200kHarmony => "o200k_harmony",
            Encoding::Cl100kBase => "cl100k_base",
            Encoding::P50kBase => "p50k_base",
            Encoding::P50kEdit => "p50k_edit",
            Encoding::R50kBase => "r50k_base",
        }
    }

    /// The encoding of this name; case does not matter.
    pub fn named(name: &str) -> Option<Encoding> {
        Encoding::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// How many tokens the text is, without any that a chat format adds. What looks like a special token, such as `<|endoftext|>`, counts as
    /// the text it is. Nearly linear in the length of the text; the first use of an encoding unpacks its vocabulary once for the process.
    pub fn count(self, text: &str) -> usize {
        // The vocabularies are features of the crate that Cargo.toml asks for.
        tiktoken::get_encoding(self.name()).expect("a vocabulary that is built in").count(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_has_its_name_and_vocabulary() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::named(&encoding.name().to_uppercase()), Some(encoding));
            assert_eq!(encoding.count(""), 0);
            assert_eq!(encoding.count("a"), 1);
        }
        assert_eq!(Encoding::named("o200k"), None);
    }
}
