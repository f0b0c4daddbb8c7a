//! What templates get to see: the data of a task as JSON text.
//!
//! A value such as `items` is the finished text of a ```json block, not a list to loop over. So no template can print it in another
//! form than the model is used to, or forget to escape it.

use minijinja::{Value, context};
use serde::Serialize;

use crate::instruction::{DetectedObject, Instruction, Operator, Step};
use crate::model::{EvolveTask, ScorePair, ScoreTask};

/// The values of the rewriting prompts; `persona` is there only for persona variants.
pub(super) const EVOLVE_VARIABLES: &[&str] = &["caption", "image_count", "item_count", "items", "mosaic", "objects", "persona"];

/// The values of the judging prompt.
pub(super) const SCORE_VARIABLES: &[&str] = &["caption", "image_count", "item_count", "mosaic", "objects", "pairs"];

/// The values of the prompt for conditions.
pub(super) const FILTER_VARIABLES: &[&str] = &["condition", "image_count"];

pub(super) fn evolve(task: &EvolveTask, image_count: usize) -> Value {
    context! {
        caption => task.caption.as_deref().and_then(text),
        objects => objects(&task.objects),
        image_count => image_count,
        item_count => task.items.len(),
        items => lines(task.items.iter().map(|item| ShownItem::new(item, item.item))),
        mosaic => task.items.iter().any(|item| corner(item).is_some()),
        persona => task.persona.as_deref().map(json),
    }
}

pub(super) fn score(task: &ScoreTask, image_count: usize) -> Value {
    let mut instructions = task.pairs.iter().flat_map(|pair| pair.original.iter().chain([&pair.rewritten]));
    context! {
        caption => task.caption.as_deref().and_then(text),
        objects => objects(&task.objects),
        image_count => image_count,
        item_count => task.pairs.len(),
        mosaic => instructions.any(|item| corner(item).is_some()),
        pairs => lines(task.pairs.iter().map(ShownPair::from)),
    }
}

pub(super) fn filter(condition: &str, image_count: usize) -> Value {
    context! { condition => json(condition), image_count => image_count }
}

/// An instruction without what would mislead: empty lists, which models copy, and the position in a mosaic that is none.
#[derive(Serialize)]
struct ShownItem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_position: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    objects: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skills: &'a [String],
    format: &'a str,
    question: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    steps: &'a [Step],
    answer: &'a str,
}

impl<'a> ShownItem<'a> {
    fn new(item: &'a Instruction, number: Option<i64>) -> Self {
        ShownItem {
            item: number,
            image_position: corner(item),
            objects: &item.objects,
            skills: &item.skills,
            format: &item.format,
            question: &item.question,
            steps: &item.steps,
            answer: &item.answer,
        }
    }
}

/// A pair to judge. Its items go without numbers of their own: the judge must echo the pair's.
#[derive(Serialize)]
struct ShownPair<'a> {
    item: i64,
    original: Option<ShownItem<'a>>,
    rewritten: ShownItem<'a>,
}

impl<'a> From<&'a ScorePair> for ShownPair<'a> {
    fn from(pair: &'a ScorePair) -> Self {
        ShownPair {
            item: pair.item,
            original: pair.original.as_ref().map(|item| ShownItem::new(item, None)),
            rewritten: ShownItem::new(&pair.rewritten, None),
        }
    }
}

#[derive(Serialize)]
struct ShownObject<'a> {
    label: &'a str,
    bbox: [f64; 4],
}

/// The boxes, or `None` when there are none: a template asks `{% if objects %}`.
fn objects(objects: &[DetectedObject]) -> Option<String> {
    let shown = objects.iter().map(|object| ShownObject { label: &object.label, bbox: object.bbox.map(with_three_decimals) });
    (!objects.is_empty()).then(|| lines(shown))
}

/// A box is compared with what an answer quotes of it, so every digit printed must be one that a model can be expected to copy.
fn with_three_decimals(coordinate: f64) -> f64 {
    (coordinate * 1000.0).round() / 1000.0
}

/// The quarter of a mosaic that an item is about; `None` when the picture is no mosaic.
fn corner(item: &Instruction) -> Option<&str> {
    item.image_position.as_deref().filter(|position| !position.is_empty() && *position != "single")
}

fn text(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| json(text))
}

/// A JSON list with one element per line.
fn lines(elements: impl Iterator<Item = impl Serialize>) -> String {
    let elements: Vec<String> = elements.map(json).collect();
    format!("[\n{}\n]", elements.join(",\n"))
}

/// JSON that cannot close the fence it stands in. Backticks occur in JSON inside strings only, where their escape means the same.
fn json(value: impl Serialize) -> String {
    let text = serde_json::to_string(&value).expect("structs of strings and numbers have a JSON form");
    text.replace("```", "\\u0060\\u0060\\u0060")
}

/// Made-up data that every template is tried with when it is loaded.
#[derive(Clone, Copy)]
pub(super) enum Trial {
    /// Caption, boxes, mosaic positions, several images.
    Full,
    /// Everything full, one image, no mosaic.
    Plain,
    /// Nothing but the items.
    Bare,
}

impl Trial {
    pub(super) const ALL: [Trial; 3] = [Trial::Full, Trial::Plain, Trial::Bare];

    pub(super) fn evolve(self, operator: Operator, persona: Option<&str>) -> (EvolveTask, usize) {
        let items = vec![Instruction { item: Some(1), ..self.instruction() }];
        let task = EvolveTask { operator, caption: self.caption(), objects: self.objects(), items, persona: persona.map(str::to_owned) };
        (task, self.image_count())
    }

    pub(super) fn score(self) -> (ScoreTask, usize) {
        let original = (!matches!(self, Trial::Bare)).then(|| self.instruction());
        let pairs = vec![ScorePair { item: 1, original, rewritten: self.instruction() }];
        (ScoreTask { caption: self.caption(), objects: self.objects(), pairs }, self.image_count())
    }

    fn caption(self) -> Option<String> {
        (!matches!(self, Trial::Bare)).then(|| "A dog.".to_owned())
    }

    fn objects(self) -> Vec<DetectedObject> {
        match self {
            Trial::Bare => Vec::new(),
            Trial::Full | Trial::Plain => vec![DetectedObject { label: "dog".to_owned(), bbox: [0.1, 0.2, 0.3, 0.4], confidence: None }],
        }
    }

    fn image_count(self) -> usize {
        match self {
            Trial::Full => 2,
            Trial::Plain => 1,
            Trial::Bare => 0,
        }
    }

    fn instruction(self) -> Instruction {
        let image_position = matches!(self, Trial::Full).then(|| "top left".to_owned());
        let (question, answer) = ("What is it?".to_owned(), "A dog.".to_owned());
        Instruction { image_position, format: "Norm".to_owned(), question, answer, ..Instruction::default() }
    }
}
