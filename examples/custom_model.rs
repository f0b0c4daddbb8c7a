//! A model of one's own: it answers in the same JSON as a language model, and goes through the same parser and fault checks.
//!
//! Run from the repository root: `cargo run --example custom_model`. It needs no key and no network.

use std::sync::Arc;

use async_trait::async_trait;
use mmevol::model::{ChatError, ChatModel, ChatReply, ChatRequest, FinishReason, RequestImage, Task, Usage};
use mmevol::{Evolution, Import, Store, evolution::Settings};
use serde_json::{Value, json};

/// Asks about the largest object, and judges by the length of the answer.
#[derive(Debug)]
struct LargestObject;

#[async_trait]
impl ChatModel for LargestObject {
    fn name(&self) -> &str {
        "largest-object"
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        // A language model would read `request.prompt`; the same content is here as data.
        let items: Vec<Value> = match &request.task {
            Task::Evolve(task) => {
                let area = |bbox: &[f64; 4]| (bbox[2] - bbox[0]) * (bbox[3] - bbox[1]);
                let largest = task.objects.iter().max_by(|a, b| area(&a.bbox).total_cmp(&area(&b.bbox)));
                let rewritten = largest.zip(task.items.first()).map(|(object, item)| {
                    let answer = format!("The {} does: its box covers {:.0}% of the image.", object.label, 100.0 * area(&object.bbox));
                    json!({"item": item.item, "objects": [object.label], "skills": ["Calculating Ability"], "format": "Norm",
                        "question": "Which of the marked objects takes up most of the image?", "steps": [], "answer": answer})
                });
                rewritten.into_iter().collect()
            }
            Task::Score(task) => task
                .pairs
                .iter()
                .map(|pair| {
                    let longer = pair.original.as_ref().is_none_or(|original| original.answer.len() < pair.rewritten.answer.len());
                    json!({"item": pair.item, "reason": "compared by length", "improved": if longer { "yes" } else { "no" }, "score": 5})
                })
                .collect(),
            Task::Complete | Task::Embed => Vec::new(),
        };
        let (text, finish_reason) = (json!({ "items": items }).to_string(), FinishReason::Stop);
        Ok(ChatReply { text, finish_reason, usage: Usage::default(), attempts: 1, http_status: None, latency_ms: 0 })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::create(directory.path().join("store")).await?;
    Import::new("examples/seeds/seed.json").run(&store).await?;
    let settings = Settings { rounds: 1, ..Settings::default() };
    let report = Evolution::new(store, Arc::new(LargestObject)).settings(settings).run().await?;
    println!("{:#?}", report.rounds[0]);
    assert!(report.rounds[0].kept > 0);
    Ok(())
}
