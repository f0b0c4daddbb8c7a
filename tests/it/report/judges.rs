//! Two judges on the same items: what the statement says equals plain loops over the table.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use mmevol::Evolution;
use mmevol::evolution::{Due, Settings};
use mmevol::model::rules::RulesModel;
use mmevol::model::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, FinishReason, RequestImage, Task, Usage};
use serde::Deserialize;
use serde_json::json;

use super::{evolved_photos, rows};

/// Likes items whose question has an even length.
#[derive(Debug)]
pub(super) struct EvenJudge;

#[async_trait]
impl ChatModel for EvenJudge {
    fn name(&self) -> &str {
        "even"
    }

    async fn chat(&self, request: &ChatRequest, _: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let Task::Score(task) = &request.task else {
            return Err(ChatError {
                kind: ChatErrorKind::Model,
                message: "it only judges".into(),
                attempts: 1,
                http_status: None,
                usage: Usage::default(),
            });
        };
        let verdict = |question: &str| if question.len().is_multiple_of(2) { "yes" } else { "no" };
        let verdicts =
            task.pairs.iter().map(|pair| json!({ "item": pair.item, "improved": verdict(&pair.rewritten.question), "score": 5 }));
        Ok(ChatReply {
            text: json!(verdicts.collect::<Vec<_>>()).to_string(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            attempts: 1,
            http_status: None,
            latency_ms: 0,
        })
    }
}

#[derive(Deserialize)]
struct Item {
    request_id: String,
    position: i64,
    judge: String,
    improved: bool,
}

#[tokio::test]
async fn agreement_is_cohens() {
    let test = evolved_photos().await;
    assert!(rows(&test.store, None, "judges").await.is_empty(), "one judge agrees with nobody");
    // Round 1 alone: another verdict there changes what round 2 is made from.
    let settings = Settings { rounds: 1, due: Due::Judgements, ..Settings::default() };
    let judged =
        Evolution::new(test.store.clone(), Arc::new(RulesModel)).judge(Arc::new(EvenJudge)).settings(settings).run().await.unwrap();
    assert_eq!(judged.rounds.len(), 1, "{judged:?}");

    let sql = "SELECT e.request_id, i.position, e.judge, i.improved FROM instructions i JOIN evolutions e USING (evolution_id) \
               WHERE i.round = 1 AND i.improved IS NOT NULL";
    let mut verdicts: HashMap<(String, i64), HashMap<String, bool>> = HashMap::new();
    for item in test.rows::<Item>(sql).await {
        verdicts.entry((item.request_id, item.position)).or_default().insert(item.judge, item.improved);
    }
    let pairs: Vec<(bool, bool)> = verdicts.values().filter_map(|of| Some((*of.get("rules")?, *of.get("even")?))).collect();
    let share = |holds: fn(&(bool, bool)) -> bool| pairs.iter().filter(|pair| holds(pair)).count() as f64 / pairs.len() as f64;
    let (first, second, agreement) = (share(|pair| pair.0), share(|pair| pair.1), share(|pair| pair.0 == pair.1));
    let chance = first * second + (1.0 - first) * (1.0 - second);
    let kappa = (agreement - chance) / (1.0 - chance);

    let judges = rows(&test.store, None, "judges").await;
    assert_eq!(judges.len(), 1, "{judges:?}");
    let row = &judges[0];
    assert_eq!((row["earlier"].as_str(), row["standing"].as_str()), (Some("rules"), Some("even")));
    assert_eq!(row["items"], pairs.len());
    for (column, expected) in [("earlier_yes", first), ("standing_yes", second), ("agreement", agreement), ("kappa", kappa)] {
        let computed = row[column].as_f64().unwrap();
        assert!((computed - expected).abs() < 6e-4, "{column}: {computed} is not {expected}");
    }
}
