//! The embedded embedding model: words and letters, not meaning.
//!
//! [`LexicalModel`] turns a text into a vector of its words, pairs of neighbouring words, and runs of three to five characters. Texts
//! that share words, or inflections and misspellings of them, are near each other; synonyms and translations are as far apart as any two texts.
//! It finds near copies at no cost, and is no substitute for a language model. Everything is deterministic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use unicode_segmentation::UnicodeSegmentation;

use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, FinishReason, RequestImage, Task, Usage};

/// The length of a vector.
pub const DIMENSIONS: usize = 384;

/// Lengths of the runs of characters. A word counts as one with a mark at either end.
const RUN_LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;

/// The embedded lexical model; see the [module](self).
///
/// Embeds; other requests are refused with [`ChatErrorKind::Model`]. Costs nothing, needs no network, and takes microseconds for a
/// sentence, on a blocking thread. Sampling parameters have no effect. Token counts are `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LexicalModel;

impl LexicalModel {
    /// The name in `--embedding-model` and `calls.model`.
    pub const NAME: &'static str = "lexical";
}

#[async_trait]
impl ChatModel for LexicalModel {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        if request.task != Task::Embed {
            return Err(failure("the embedded lexical model answers only llm_embed; name another model with --model".to_owned()));
        }
        let started = Instant::now();
        let text = request.prompt.clone();
        let vector = tokio::task::spawn_blocking(move || vector(&text)).await;
        let vector = vector.map_err(|error| failure(format!("the lexical model stopped: {error}")))?;
        let text = serde_json::to_string(&vector).map_err(|error| failure(format!("the vector cannot be written as JSON: {error}")))?;
        Ok(ChatReply {
            text,
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            attempts: 1,
            http_status: None,
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// The vector of a text, of length 1; all zeros for a text without any character but spaces.
///
/// Each feature adds the square root of its count to the place that its hash names, with the sign that its hash says, so that features that meet
/// by chance cancel out as often as they add up (signed feature hashing, Weinberger et al. 2009).
pub fn vector(text: &str) -> Vec<f32> {
    let mut sums = [0f64; DIMENSIONS];
    for (feature, count) in features(&text.to_lowercase()) {
        let hash = blake3::hash(feature.as_bytes());
        let [low, high, sign, ..] = hash.as_bytes();
        let place = usize::from(u16::from_le_bytes([*low, *high])) % DIMENSIONS;
        // Exact by IEEE 754, which no logarithm is: the same bits on every machine.
        let weight = f64::from(count).sqrt();
        sums[place] += if sign & 1 == 0 { weight } else { -weight };
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    sums.iter().map(|sum| (sum * scale) as f32).collect()
}

/// What a text consists of, and how often; in order, so that sums are the same in each run.
fn features(text: &str) -> BTreeMap<String, u32> {
    let mut features = BTreeMap::new();
    let mut count = |feature: String| *features.entry(feature).or_default() += 1;
    let words: Vec<&str> = text.unicode_words().collect();
    for word in &words {
        count(format!("word {word}"));
    }
    for pair in words.windows(2) {
        count(format!("pair {} {}", pair[0], pair[1]));
    }
    // Not `words`: what stands between them counts too, or a text without any would be nothing.
    for piece in text.split_whitespace() {
        let letters: Vec<char> = std::iter::once('<').chain(piece.chars()).chain(['>']).collect();
        for length in RUN_LENGTHS {
            for run in letters.windows(length) {
                count(format!("run {}", run.iter().collect::<String>()));
            }
        }
    }
    features
}

fn failure(message: String) -> ChatError {
    ChatError { kind: ChatErrorKind::Model, message, attempts: 1, http_status: None, usage: Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f32 {
        vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn features_have_the_same_places_in_every_run() {
        let vector = vector("Two dogs on a mat.");
        let places: Vec<usize> = vector.iter().enumerate().filter(|(_, value)| **value != 0.0).map(|(place, _)| place).collect();
        assert_eq!((vector.len(), places.len(), &places[..4]), (384, 35, [6, 13, 21, 26].as_slice()));
    }

    #[test]
    fn vectors_have_length_one() {
        for text in ["a", "!", "狗", "Two dogs on a mat.", &"word ".repeat(10_000)] {
            assert!((likeness(text, text) - 1.0).abs() < 1e-5, "{text}");
        }
        assert!(vector(" \n").iter().all(|value| *value == 0.0));
    }

    #[test]
    fn texts_that_share_words_are_nearer_than_others() {
        let question = "How many dogs are lying on the red mat?";
        assert!((likeness(question, "HOW MANY DOGS ARE LYING ON THE RED MAT?") - 1.0).abs() < 1e-5);
        let unrelated = likeness(question, "The stock exchange closed early because of snow.");
        for alike in ["How many dogs lie on the mat?", "How many dgos are lying on a red mat?", "On the red mat, how many dogs are lying?"]
        {
            assert!(likeness(question, alike) > unrelated + 0.3, "{alike}: {} against {unrelated}", likeness(question, alike));
        }
    }
}
