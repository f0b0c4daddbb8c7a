//! What a query asks a model: the requests that arrive, counted, for every place in which a call may stand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use mmevol::Session;
use mmevol::functions::llm::ModelSession;
use mmevol::model::service::ModelService;
use mmevol::model::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, FinishReason, Parameters, RequestImage};
use mmevol::prompt::PromptLibrary;

/// A model that answers with its prompt in upper case, counts, and takes longer for some prompts than for others.
#[derive(Debug, Default)]
pub struct Counting {
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Counting {
    fn requests(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }

    fn distinct(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl ChatModel for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        *self.asked.lock().unwrap().entry(format!("{}#{}", request.prompt, request.sample_index)).or_default() += 1;
        let number: u64 =
            request.prompt.chars().filter_map(|digit| digit.to_digit(10)).fold(0, |number, digit| number * 10 + u64::from(digit));
        tokio::time::sleep(Duration::from_micros(number % 7 * 300)).await;
        if request.prompt.contains("bad") {
            return Err(ChatError { kind: ChatErrorKind::Refusal, message: "no".into(), attempts: 1, http_status: None });
        }
        let text = match request.prompt.contains("\"answer\"") || request.prompt.contains("true or false") {
            true => format!("{{\"answer\": {}}}", number % 2 == 0),
            false => request.prompt.to_uppercase(),
        };
        Ok(ChatReply {
            text,
            finish_reason: FinishReason::Stop,
            prompt_tokens: Some(10),
            completion_tokens: Some(2),
            attempts: 1,
            http_status: None,
            latency_ms: 1,
        })
    }
}

pub async fn session(model: &Arc<Counting>) -> Session {
    let service = ModelService::new(Arc::clone(model) as Arc<dyn ChatModel>);
    let models = ModelSession {
        judge: service.clone(),
        embedder: service.clone(),
        model: service,
        prompts: Arc::new(PromptLibrary::embedded()),
        parameters: Parameters::default(),
    };
    let session = Session::builder().models(Arc::new(models)).build().await.unwrap();
    let table = "CREATE TABLE t AS SELECT value AS id, concat('q', value) AS q, CASE WHEN value % 2 = 0 THEN 'en' ELSE 'de' END AS lang \
                 FROM generate_series(1, 20)";
    session.collect(table).await.unwrap();
    session
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// Query, requests, rows.
const CASES: &[(&str, usize, usize)] = &[
    ("SELECT id, llm_complete(q) FROM t", 20, 20),
    ("SELECT llm_complete(q) AS a, llm_complete(q) AS b FROM t", 20, 20),
    ("SELECT x['value'], x['error'] FROM (SELECT try_llm_complete(q) AS x FROM t) WHERE x['value'] <> 'Q3'", 20, 19),
    ("SELECT id FROM t WHERE lang = 'en' AND llm_complete(q) = 'Q4'", 10, 1),
    ("SELECT id FROM t WHERE llm_complete(q) = 'Q4' AND lang = 'en'", 10, 1),
    ("SELECT id FROM (SELECT id, lang, llm_complete(q) AS a FROM t) WHERE lang = 'en' AND a > ''", 10, 10),
    ("SELECT count(*) FROM (SELECT id, llm_complete(q) AS a FROM t)", 0, 1),
    ("SELECT llm_complete(q) FROM t LIMIT 3", 3, 3),
    ("SELECT llm_complete(q) FROM t ORDER BY id DESC LIMIT 3", 3, 3),
    ("SELECT id FROM t ORDER BY llm_complete(q)", 20, 20),
    ("SELECT llm_complete(lang), count(*) FROM t GROUP BY llm_complete(lang)", 2, 2),
    ("SELECT CASE WHEN id = 1 THEN llm_complete(q) ELSE 'no' END FROM t", 1, 20),
    ("SELECT coalesce(CASE WHEN id > 3 THEN q END, llm_complete(q)) FROM t", 3, 20),
    ("SELECT id FROM t WHERE id > 5 OR llm_complete(q) = 'Q1'", 5, 16),
    ("SELECT llm_complete(llm_complete(q)) FROM t", 40, 20),
    ("SELECT a.id FROM t a JOIN t b ON llm_complete(a.q) = upper(b.q)", 20, 20),
    ("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND a.lang = 'en' AND llm_complete(b.q) = 'Q4'", 10, 1),
    ("SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND llm_complete(b.q) = 'Q4'", 20, 20),
    ("SELECT row_number() OVER (ORDER BY llm_complete(q)) FROM t", 20, 20),
    ("SELECT count(*) FILTER (WHERE llm_complete(q) = 'Q4') FROM t WHERE id < 6", 5, 1),
    ("SELECT max(llm_complete(q)), min(llm_complete(lang)) FROM t", 22, 1),
    ("WITH c AS (SELECT id, llm_complete(q) AS a FROM t) SELECT x.a FROM c x JOIN c y ON x.id = y.id", 20, 20),
    ("SELECT llm_complete('same') FROM t", 1, 20),
    ("SELECT llm_complete(NULL) FROM t", 0, 20),
    ("SELECT llm_complete('') FROM t", 0, 20),
    ("SELECT llm_complete(q) FROM t WHERE id > 100", 0, 0),
    ("SELECT llm_complete(q) FROM t UNION ALL SELECT llm_complete(q) FROM t", 20, 40),
    ("SELECT DISTINCT llm_complete(lang) FROM t", 2, 2),
    ("SELECT lang, max(id) FROM t GROUP BY lang HAVING llm_complete(lang) = 'EN'", 2, 1),
    ("SELECT id FROM t WHERE q IN (SELECT lower(llm_complete(q)) FROM t WHERE id < 4)", 3, 3),
    ("SELECT (SELECT llm_complete(max(q)) FROM t) FROM t", 1, 20),
    ("SELECT llm_complete((SELECT max(q) FROM t))", 1, 1),
    ("SELECT llm_complete('x' || arrow_cast('a', 'Utf8View'))", 1, 1),
    ("SELECT id, llm_complete(q) AS a FROM t WHERE llm_complete(q) > 'Q2' ORDER BY llm_complete(q)", 20, 8),
    ("SELECT sum(id) FROM (SELECT id, try_llm_complete(q) AS x FROM t) WHERE x['value'] = 'Q4' OR x['cached']", 20, 1),
    ("SELECT llm_filter(q) AND llm_filter(lang) FROM t WHERE id < 3", 3, 2),
    ("SELECT id FROM t WHERE llm_filter('is it so? ' || q)", 20, 10),
    ("SELECT llm_complete(q, sample => id) FROM t WHERE id < 4", 3, 3),
    ("SELECT llm_complete('joke', sample => id) FROM t", 20, 20),
    ("SELECT llm_complete('joke', {temperature: 0}) AS a, llm_complete('joke', MAP {'temperature': 0}) AS b FROM t", 1, 20),
    ("SELECT ai(q) AS a, prompt(q) AS b FROM t", 20, 20),
    ("EXPLAIN ANALYZE SELECT llm_complete(q) FROM t", 20, 1),
    ("EXPLAIN SELECT llm_complete(q) FROM t", 0, 2),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_asks_once_for_each_distinct_request_that_it_needs() {
    let mut wrong = Vec::new();
    for (query, requests, expected) in CASES {
        let model = Arc::new(Counting::default());
        let session = session(&model).await;
        match session.collect(query).await {
            Ok(batches) => {
                let found = (model.requests(), model.distinct(), rows(&batches));
                if found != (*requests, *requests, *expected) {
                    wrong.push(format!("{query}\n  requests, distinct, rows: {found:?}, expected {requests}, {expected}"));
                }
            }
            Err(error) => wrong.push(format!("{query}\n  {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_keep_their_order() {
    let model = Arc::new(Counting::default());
    let session = session(&model).await;
    let batches = session.collect("SELECT id, llm_complete(q) AS a FROM t").await.unwrap();
    let answers: Vec<String> =
        batches.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().map(|answer| answer.unwrap().to_owned())).collect();
    let expected: Vec<String> = (1..=20).map(|number| format!("Q{number}")).collect();
    assert_eq!(answers, expected, "{}", pretty_format_batches(&batches).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmp_explain() {
    let model = Arc::new(Counting::default());
    let session = session(&model).await;
    for q in [
        "EXPLAIN SELECT id, llm_complete(q) AS a FROM t WHERE lang = 'en' AND llm_complete(q) > 'Q2' ORDER BY id LIMIT 3",
        "EXPLAIN SELECT max(llm_complete(llm_complete(q))) FROM t WHERE llm_filter(q) AND llm_filter(lang)",
        "EXPLAIN SELECT id FROM t WHERE llm_filter(q) LIMIT 2",
        "EXPLAIN SELECT id, llm_complete(q) FROM t ORDER BY lang",
        "EXPLAIN SELECT id, llm_complete(q) FROM t ORDER BY lang LIMIT 3",
        "EXPLAIN ANALYZE SELECT id FROM t WHERE llm_filter(q) LIMIT 2",
        "SHOW mmevol.on_error",
        "SELECT name, value FROM information_schema.df_settings WHERE name LIKE '%mmevol%'",
        "EXPLAIN SELECT a, count(*) FROM (SELECT llm_complete(q) AS a FROM t) GROUP BY a",
    ] {
        match session.collect(q).await {
            Ok(b) => println!("{q}\n{}\n requests {}", pretty_format_batches(&b).unwrap(), model.requests()),
            Err(e) => println!("{q}\n{e}"),
        }
    }
}
