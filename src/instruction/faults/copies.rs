//! Items that are their parent again.

use std::collections::HashMap;

use crate::instruction::Instruction;

/// Signs that change what a text says, wherever they stand.
const OPERATORS: &str = "+=<>%^×÷±≤≥≠≈√−∞°$€£";

/// Signs that are punctuation, unless a number follows.
const SIGNS: &str = "-*/–";

/// At most one word in this many may be new in a copied answer.
const WORDS_PER_NEW_WORD: usize = 10;

/// Whether an item asks a parent's question and adds next to nothing to its answer.
pub(super) fn is_copy(item: &Instruction, parent: &Instruction) -> bool {
    words(&item.question).eq(words(&parent.question)) && adds_nothing(&item.answer, &parent.answer)
}

/// Whether at most a tenth of the words of `answer` are not in `parent_answer`. A word that occurs twice must be there twice.
fn adds_nothing(answer: &str, parent_answer: &str) -> bool {
    let mut known: HashMap<String, usize> = HashMap::new();
    for word in words(parent_answer) {
        *known.entry(word).or_default() += 1;
    }
    let (mut count, mut new) = (0_usize, 0_usize);
    for word in words(answer) {
        count += 1;
        match known.get_mut(&word) {
            Some(left) if *left > 0 => *left -= 1,
            _ => new += 1,
        }
    }
    new * WORDS_PER_NEW_WORD <= count
}

/// The words of a text in lower case and its operators, without punctuation.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            continue;
        }
        words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        let is_before_number = || characters.as_str().trim_start().starts_with(|next: char| next.is_ascii_digit());
        if OPERATORS.contains(c) || (SIGNS.contains(c) && is_before_number()) {
            words.push(c.to_string());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words.into_iter()
}
