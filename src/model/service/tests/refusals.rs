//! Refusals: of one row, of every row, and of an endpoint.

use super::*;

/// Answers everything with one error.
#[derive(Debug)]
struct Refusing(ChatErrorKind, u16);

#[async_trait]
impl ChatModel for Refusing {
    fn name(&self) -> &str {
        "refusing"
    }

    async fn chat(&self, _: &ChatRequest, _: &[Arc<RequestImage>]) -> std::result::Result<ChatReply, ChatError> {
        Err(ChatError { kind: self.0, message: "no".into(), attempts: 1, http_status: Some(self.1), usage: Usage::default() })
    }
}

/// A broken row may be the first of a million, and is first again with every new start.
#[tokio::test]
async fn a_refused_request_is_one_row_until_it_is_every_request() {
    // An answer may be given more room than the model has.
    for (kind, status) in [(ChatErrorKind::BadRequest, 400), (ChatErrorKind::ContextOverflow, 400), (ChatErrorKind::Refusal, 403)] {
        let service = ModelService::new(Arc::new(Refusing(kind, status)));
        for row in ["q1", "q2"] {
            let outcome = ask(&service, row, 10).await;
            assert_eq!(outcome.result.unwrap_err().kind, kind.name(), "{row}");
        }
        let third = service.call(&service.prepare(request("q3", 10))).await;
        assert!(matches!(&third, Err(Error::Model { cause, .. }) if cause.kind == kind), "{third:?}");
    }
}

/// Refuses long prompts at once, and answers the others when it is let to.
#[derive(Debug)]
struct RefusingLong(Arc<Counting>);

#[async_trait]
impl ChatModel for RefusingLong {
    fn name(&self) -> &str {
        "refusing long"
    }

    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> std::result::Result<ChatReply, ChatError> {
        match request.prompt.starts_with("long") {
            true => Refusing(ChatErrorKind::ContextOverflow, 400).chat(request, images).await,
            false => self.0.chat(request, images).await,
        }
    }
}

/// Of many rows at once, the broken ones are the first to come back.
#[tokio::test]
async fn refusals_do_not_end_what_may_still_be_answered() {
    let model = Counting::new(0);
    let service = ModelService::new(Arc::new(RefusingLong(Arc::clone(&model))));
    let good = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, "q", 10).await }
    });
    model.called(1).await;
    // Another moment than that of the first refusals.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    for row in 0..10 {
        assert_eq!(ask(&service, &format!("long {row}"), 10).await.result.unwrap_err().kind, "context_overflow", "{row}");
    }
    model.answers.add_permits(1);
    assert_eq!(text(&good.await.unwrap()), "q in 10");
}

#[tokio::test]
async fn what_was_never_sent_is_no_call() {
    let spending = Arc::new(Spending::new(Some(5), None));
    let service = ModelService { spending, ..ModelService::new(Arc::new(Refusing(ChatErrorKind::Authentication, 401))) };
    let unreadable = ChatRequest { image_ids: vec!["missing".into()], ..request("q0", 10) };
    assert_eq!(service.call(&service.prepare(unreadable)).await.unwrap().result.unwrap_err().kind, "image");
    assert_eq!(service.spending.calls_left(), Some(5));
    assert!(service.call(&service.prepare(request("q1", 10))).await.is_err());
    for row in ["q2", "q3"] {
        assert_eq!(ask(&service, row, 10).await.result.unwrap_err().kind, "authentication", "{row}");
    }
    assert_eq!((service.spending.spent().failed, service.spending.calls_left()), (4, Some(4)));
}

#[tokio::test]
async fn an_endpoint_that_answers_nobody_is_an_error_of_everyone_who_waits() {
    let service = ModelService::new(Arc::new(Refusing(ChatErrorKind::Authentication, 401)));
    let prepared = service.prepare(request("q", 10));
    let (first, second) = tokio::join!(service.call(&prepared), service.call(&prepared));
    for outcome in [first, second] {
        assert!(matches!(&outcome, Err(Error::Model { cause, .. }) if cause.kind == ChatErrorKind::Authentication), "{outcome:?}");
    }
}
