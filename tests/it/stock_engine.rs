//! Why model calls have a plan node of their own: what the engine makes of an asynchronous function, beside what a session makes of a call.
//!
//! When one of these tests fails after an update of the engine, it has become better, and a part of `query/model_calls` may go.

use std::future::pending;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use async_trait::async_trait;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{FutureExt, StreamExt};
use mmevol::ChatModel;

use crate::model_calls::harness::{Counting, answers, lines, rows, session};

/// `f(number)` is a struct of the number twice, `g(number)` the number; both count the rows they are asked about. `g` fails for 7, and never
/// answers for negative numbers.
#[derive(Debug)]
struct Asked {
    name: &'static str,
    signature: Signature,
    result: DataType,
    rows: Arc<AtomicUsize>,
}

fn pair() -> Fields {
    Fields::from(vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Int64, true)])
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Asked {}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Asked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("it is asynchronous")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Asked {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = args.args[0].to_array(args.number_rows)?;
        self.rows.fetch_add(numbers.len(), Ordering::Relaxed);
        let values: &Int64Array = numbers.as_primitive::<Int64Type>();
        if values.iter().flatten().any(|number| number < 0) {
            return pending().await;
        }
        if self.name == "g" && values.iter().flatten().any(|number| number == 7) {
            return exec_err!("no answer for 7");
        }
        let array: ArrayRef = match self.name {
            "f" => Arc::new(StructArray::new(pair(), vec![Arc::clone(&numbers), numbers], None)),
            _ => numbers,
        };
        Ok(ColumnarValue::Array(array))
    }
}

/// The engine as it comes, with a table `t` of so many numbers `id` from `first`, and the count of rows that it asked about.
async fn stock(first: i64, count: i64) -> (SessionContext, Arc<AtomicUsize>) {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let asked = Arc::new(AtomicUsize::new(0));
    for (name, result) in [("f", DataType::Struct(pair())), ("g", DataType::Int64), ("h", DataType::Int64)] {
        let signature = Signature::exact(vec![DataType::Int64], Volatility::Volatile);
        let function = AsyncScalarUDF::new(Arc::new(Asked { name, signature, result, rows: Arc::clone(&asked) }));
        context.register_udf(function.into_scalar_udf());
    }
    let table = format!("CREATE TABLE t AS SELECT value AS id FROM generate_series({first}, {})", first + count - 1);
    context.sql(&table).await.unwrap().collect().await.unwrap();
    (context, asked)
}

async fn run(context: &SessionContext, query: &str) -> Result<usize> {
    Ok(rows(&context.sql(query).await?.collect().await?))
}

/// Rows that the engine asks about, and requests that a session makes, for the same query; `?` is the call.
async fn compare(query: &str, stock_call: &str, call: &str) -> (usize, usize) {
    let (context, asked) = stock(1, 20).await;
    run(&context, &query.replace('?', stock_call)).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    answers(&session, &query.replace('?', call)).await;
    (asked.load(Ordering::Relaxed), model.requests())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_becomes_three() {
    let (context, asked) = stock(1, 20).await;
    let query = "SELECT x['a'], x['b'] FROM (SELECT f(id) AS x FROM t) WHERE x['a'] > 5";
    let plan = lines(&context.sql(&format!("EXPLAIN {query}")).await.unwrap().collect().await.unwrap()).join("\n");
    assert_eq!(plan.matches("async_expr(").count(), 3, "{plan}");
    assert_eq!((run(&context, query).await.unwrap(), asked.load(Ordering::Relaxed)), (15, 60));

    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    let query = "SELECT x['value'], x['error'] FROM (SELECT try_llm_complete(q) AS x FROM t) WHERE x['value'] <> 'Q5'";
    assert_eq!((answers(&session, query).await.len(), model.requests()), (19, 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_ask_for_every_row() {
    for (query, stock_rows, requests) in [
        ("SELECT CASE WHEN id = 1 THEN ? END FROM t", 20, 1),
        ("SELECT coalesce(CASE WHEN id > 1 THEN 'there' END, ?) FROM t", 20, 1),
        ("SELECT id = 1 AND ? = '1' FROM t", 20, 1),
        ("SELECT id > 1 OR ? = '1' FROM t", 20, 1),
        ("SELECT id FROM t WHERE id > 1 OR ? = '1'", 20, 1),
    ] {
        assert_eq!(compare(query, "arrow_cast(h(id), 'Utf8')", "llm_complete(q)").await, (stock_rows, requests), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn most_clauses_fail() {
    let (context, _) = stock(1, 20).await;
    for query in [
        "SELECT id FROM t ORDER BY h(id)",
        "SELECT h(id), count(*) FROM t GROUP BY h(id)",
        "SELECT a.id FROM t a JOIN t b ON h(a.id + b.id) = 7",
        "SELECT row_number() OVER (ORDER BY h(id)) FROM t",
        "SELECT h(h(id)) FROM t",
    ] {
        let error = run(&context, query).await.expect_err(query).to_string();
        assert!(error.contains("async functions should not be called directly"), "{query}: {error}");
    }
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for query in [
        "SELECT id FROM t ORDER BY llm_complete(q)",
        "SELECT llm_complete(q), count(*) FROM t GROUP BY llm_complete(q)",
        "SELECT a.id FROM t a JOIN t b ON a.id = b.id AND llm_complete(a.q || b.q) > ''",
        "SELECT row_number() OVER (ORDER BY llm_complete(q)) FROM t",
        "SELECT llm_complete(llm_complete(q)) FROM t",
    ] {
        assert_eq!(answers(&session, query).await.len(), 20, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_asks_for_whole_batches() {
    let (context, asked) = stock(1, 20_000).await;
    assert_eq!(run(&context, "SELECT id FROM t WHERE f(id)['a'] > 0 LIMIT 2").await.unwrap(), 2);
    assert!(asked.load(Ordering::Relaxed) >= 8192, "{asked:?}");
}

/// Nothing of the second batch is asked before all of the first one is answered.
#[tokio::test]
async fn a_slow_answer_holds_up_its_batch_and_those_behind_it() {
    let (context, asked) = stock(-1, 20_000).await;
    let mut stream = context.sql("SELECT h(id) FROM t").await.unwrap().execute_stream().await.unwrap();
    assert!(stream.next().now_or_never().is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 8192);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failure_loses_every_row() {
    let (context, asked) = stock(1, 20).await;
    let error = run(&context, "SELECT g(id) FROM t").await.unwrap_err().to_string();
    assert!(error.contains("no answer for 7"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 20);

    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    let query = "SELECT count(*), count(llm_complete(CASE WHEN id = 7 THEN 'bad' ELSE q END)) FROM t";
    assert_eq!(answers(&session, query).await, ["20 19"]);
}

/// Aggregates with different calls read each other's column, and say nothing about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregates_of_different_calls_are_wrong() {
    let (context, _) = stock(1, 20).await;
    let frame = context.sql("SELECT sum(h(id)), sum(h(id * 10)), max(h(id + 100)) FROM t").await.unwrap();
    let right = ["210 2100 120"];
    assert_ne!(lines(&frame.collect().await.unwrap()), right);
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    let query = "SELECT min(llm_complete(q)), max(llm_complete(lang)), sum(length(llm_complete(concat(q, lang)))) FROM t";
    assert_eq!(answers(&session, query).await, ["Q1 EN 91"]);
}
