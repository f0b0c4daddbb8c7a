//! A model that answers as its prompt tells it to.

use std::sync::Arc;

use async_trait::async_trait;
use mmevol::model::{ChatError, ChatModel, ChatReply, ChatRequest, FinishReason, RequestImage, Usage};

/// Answers with what stands between `[[` and `]]` in the prompt: the first of several, separated by `||`, to the first request, the next one to
/// each further request for the same. Without any it says how it was asked.
#[derive(Debug)]
pub struct ScriptedModel;

#[async_trait]
impl ChatModel for ScriptedModel {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let text = script(&request.prompt).map_or_else(
            || described(request, images),
            |script| {
                let answers: Vec<&str> = script.split("||").collect();
                // Another request for the same answer is far away from the samples that a query numbers.
                let place = (request.sample_index % (1 << 24) + (request.sample_index >> 24)) as usize;
                answers[place.min(answers.len() - 1)].to_owned()
            },
        );
        Ok(ChatReply { text, finish_reason: FinishReason::Stop, usage: Usage::default(), attempts: 1, http_status: None, latency_ms: 0 })
    }
}

/// The script, which a template may have written as JSON.
fn script(prompt: &str) -> Option<String> {
    let (script, _) = prompt.split_once("[[")?.1.split_once("]]")?;
    Some(serde_json::from_str(&format!("\"{script}\"")).unwrap_or_else(|_| script.to_owned()))
}

fn described(request: &ChatRequest, images: &[Arc<RequestImage>]) -> String {
    let parameters = request.parameters;
    let schema = request.schema.as_ref().map(|schema| format!(" schema={}", schema.schema)).unwrap_or_default();
    format!(
        "temperature={} max_tokens={} seed={} sample={} images={}{schema}: {}",
        parameters.temperature,
        parameters.max_tokens,
        parameters.seed,
        request.sample_index,
        images.len(),
        request.prompt
    )
}
