//! What a user of plain DataFusion writes to ask a model: an async function over the same client, run by `AsyncFuncExec`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use futures::{StreamExt, TryStreamExt};
use mmevol::ChatModel;
use mmevol::model::{CallKind, ChatRequest, Parameters, Task};

/// How the requests of a batch are made at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Buffered {
    /// `buffered`: an answer that takes long keeps those behind it from being asked for.
    InOrder,
    /// `buffer_unordered`, and the answers put in order afterwards.
    AsTheyCome,
}

/// The function `ask(prompt)`, with so many requests at a time within a batch.
pub fn ask_function(model: Arc<dyn ChatModel>, concurrency: usize, buffered: Buffered) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Volatile);
    AsyncScalarUDF::new(Arc::new(AskFunction { model, concurrency, buffered, signature })).into_scalar_udf()
}

/// The answer to a prompt.
pub async fn ask(model: &dyn ChatModel, prompt: &str) -> Result<String> {
    let request = ChatRequest {
        kind: CallKind::Complete,
        prompt: prompt.to_owned(),
        image_ids: Vec::new(),
        parameters: Parameters::default(),
        schema: None,
        sample_index: 0,
        task: Task::Complete,
    };
    let reply = model.chat(&request, &[]).await.map_err(|cause| exec_datafusion_err!("{cause}"))?;
    Ok(reply.text)
}

#[derive(Debug)]
struct AskFunction {
    model: Arc<dyn ChatModel>,
    concurrency: usize,
    buffered: Buffered,
    signature: Signature,
}

impl ScalarUDFImpl for AskFunction {
    fn name(&self) -> &str {
        "ask"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(exec_datafusion_err!("ask is asynchronous"))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for AskFunction {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let prompts = args.args[0].to_array(args.number_rows)?;
        let ask = async |(row, prompt)| Ok::<_, DataFusionError>((row, ask(self.model.as_ref(), prompt).await?));
        let requests: Vec<_> = prompts.as_string::<i32>().iter().flatten().enumerate().map(ask).collect();
        let requests = futures::stream::iter(requests);
        let mut answers: Vec<(usize, String)> = match self.buffered {
            Buffered::InOrder => requests.buffered(self.concurrency).try_collect().await?,
            Buffered::AsTheyCome => requests.buffer_unordered(self.concurrency).try_collect().await?,
        };
        answers.sort_unstable_by_key(|(row, _)| *row);
        Ok(ColumnarValue::Array(Arc::new(StringArray::from_iter_values(answers.into_iter().map(|(_, answer)| answer)))))
    }
}

impl PartialEq for AskFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model) && self.buffered == other.buffered
    }
}

impl Eq for AskFunction {}

impl Hash for AskFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.buffered.hash(state);
    }
}
