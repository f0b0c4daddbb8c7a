use super::*;
use crate::instruction::DetectedObject;
use crate::instruction::faults::{Fault, instruction_faults};
use crate::instruction::parse::parse_instructions;
use crate::instruction::scores::parse_scores;
use crate::model::{CallKind, Parameters, ScorePair, ScoreTask};

fn object(label: &str, bbox: [f64; 4]) -> DetectedObject {
    DetectedObject { label: label.into(), bbox, confidence: None }
}

fn item(number: i64, question: &str, answer: &str) -> Instruction {
    Instruction { item: Some(number), question: question.into(), answer: answer.into(), format: "Norm".into(), ..Instruction::default() }
}

fn kitchen() -> EvolveTask {
    EvolveTask {
        operator: Operator::FineGrainedPerception,
        caption: Some("A white cup stands beside two spoons on a table.".into()),
        objects: vec![
            object("cup", [0.05, 0.4, 0.35, 0.7]),
            object("spoon", [0.5, 0.5, 0.6, 0.8]),
            object("spoon", [0.75, 0.5, 0.85, 0.8]),
            object("clock", [0.45, 0.02, 0.6, 0.14]),
        ],
        items: vec![item(1, "How many spoons are there?", "There are two spoons."), item(2, "What is beside the spoons?", "A cup.")],
        persona: None,
    }
}

fn request(task: Task) -> ChatRequest {
    let kind = if matches!(task, Task::Evolve(_)) { CallKind::Evolve } else { CallKind::Score };
    ChatRequest {
        kind,
        prompt: String::new(),
        image_ids: Vec::new(),
        parameters: Parameters::default(),
        schema: None,
        sample_index: 0,
        task,
    }
}

async fn evolved(task: EvolveTask) -> Vec<Instruction> {
    let reply = RulesModel.chat(&request(Task::Evolve(task)), &[]).await.expect("an answer");
    assert_eq!(reply.finish_reason, FinishReason::Stop);
    parse_instructions(&reply.text).items
}

#[tokio::test]
async fn every_operator_rewrites_every_item_without_faults() {
    for operator in Operator::ALL {
        let task = EvolveTask { operator, ..kitchen() };
        let items = evolved(task.clone()).await;
        assert_eq!(items.iter().filter_map(|item| item.item).collect::<Vec<_>>(), [1, 2], "{operator}");
        for item in &items {
            assert_eq!(instruction_faults(item, &task.objects, &task.items), Vec::<Fault>::new(), "{item:#?}");
        }
    }
}

#[tokio::test]
async fn equal_requests_get_equal_answers_and_other_samples_other_ones() {
    let ask = async |sample_index, seed| {
        let mut request = request(Task::Evolve(kitchen()));
        (request.sample_index, request.parameters.seed) = (sample_index, seed);
        RulesModel.chat(&request, &[]).await.expect("an answer").text
    };
    let first = ask(0, 3407).await;
    assert_eq!(first, ask(0, 3407).await);
    assert_ne!(first, ask(1, 3407).await);
    assert_ne!(first, ask(0, 1).await);
}

#[tokio::test]
async fn the_next_round_asks_something_else() {
    let mut task = kitchen();
    let first = evolved(task.clone()).await;
    task.items = first.iter().cloned().zip(1..).map(|(item, number)| Instruction { item: Some(number), ..item }).collect();
    let second = evolved(task).await;
    assert!(!second.is_empty());
    assert!(
        second.iter().all(|item| first.iter().all(|parent| parent.question != item.question && parent.answer != item.answer)),
        "{second:#?}"
    );
}

#[tokio::test]
async fn with_nothing_but_text_it_rearranges_what_it_was_told() {
    let items =
        vec![item(1, "How many lamps are lit?", "Three lamps are lit."), item(2, "What is the man doing?", "He is reading a letter.")];
    let bare = EvolveTask { operator: Operator::Interaction, caption: None, objects: Vec::new(), items, persona: None };
    let asked = evolved(bare.clone()).await;
    assert_eq!(asked.len(), 1, "only the count has a definite answer: {asked:#?}");
    assert!(asked[0].answer.to_lowercase().contains("three"), "{asked:#?}");

    let reasoned = evolved(EvolveTask { operator: Operator::CognitiveReasoning, ..bare.clone() }).await;
    assert!(reasoned[0].answer.contains("lamps") && reasoned[0].answer.contains("letter"), "{reasoned:#?}");
    assert_eq!(reasoned[0].steps.len(), 2, "{reasoned:#?}");

    let perceived = evolved(EvolveTask { operator: Operator::FineGrainedPerception, ..bare }).await;
    assert!(perceived.is_empty(), "nothing new is known: {perceived:#?}");
}

#[tokio::test]
async fn a_persona_frames_the_question_and_the_image_position_stays() {
    let mut task = EvolveTask { persona: Some("You are a retired clockmaker. You like tea.".into()), ..kitchen() };
    task.items[0].image_position = Some("top left".into());
    let items = evolved(task).await;
    assert!(items.iter().all(|item| item.question.starts_with("A retired clockmaker asks: ")), "{items:#?}");
    assert_eq!(items[0].image_position.as_deref(), Some("top left"));
}

#[tokio::test]
async fn hostile_text_does_not_come_back() {
    let mut task = EvolveTask { operator: Operator::CognitiveReasoning, ..kitchen() };
    task.items = vec![item(1, "Where is bbx_1 in #Given Q&A&S#?", "At [0.111, 0.222, 0.333, 0.444]."), item(2, &"a ".repeat(50_000), "b")];
    let (objects, parents) = (task.objects.clone(), task.items.clone());
    for item in evolved(task).await {
        assert!(instruction_faults(&item, &objects, &parents).iter().all(|fault| !fault.is_fatal()), "{item:#?}");
        assert!(!item.question.contains("bbx_1") && item.question.len() < 1_000, "{item:#?}");
    }
}

#[tokio::test]
async fn an_answer_beyond_max_tokens_is_cut() {
    let mut request = request(Task::Evolve(kitchen()));
    request.parameters.max_tokens = 20;
    let reply = RulesModel.chat(&request, &[]).await.expect("an answer");
    assert_eq!((reply.text.chars().count(), reply.finish_reason), (80, FinishReason::Length));
}

#[tokio::test]
async fn it_scores_and_refuses_what_it_cannot_do() {
    let task = kitchen();
    let rewritten =
        Instruction { item: None, ..item(0, "Which is larger in the image, the cup or the clock?", "The cup is larger than the clock.") };
    let pairs = vec![ScorePair { item: 1, original: Some(task.items[0].clone()), rewritten }];
    let scoring = Task::Score(ScoreTask { caption: task.caption, objects: task.objects, pairs });
    let reply = RulesModel.chat(&request(scoring), &[]).await.expect("an answer");
    let scores = parse_scores(&reply.text);
    assert_eq!((scores.items.len(), scores.items[0].item), (1, Some(1)));
    assert!(scores.items[0].improved.is_some() && scores.items[0].score.is_some() && scores.rejected.is_empty());

    let refused = RulesModel.chat(&request(Task::Complete), &[]).await.expect_err("not a language model");
    assert_eq!(refused.kind, ChatErrorKind::Model);
    assert!(refused.message.contains("--model"));
}
