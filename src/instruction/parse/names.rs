//! The names of an item's fields, best first. Compared without case, blanks, hyphens and underscores.

pub const QUESTION: &[&str] = &[
    "rewrittenquestion",
    "evolvedquestion",
    "newquestion",
    "question",
    "questions",
    "q",
    "instruction",
    "prompt",
    "query",
    "human",
    "user",
    "input",
];
pub const ANSWER: &[&str] = &[
    "rewrittenanswer",
    "evolvedanswer",
    "newanswer",
    "answer",
    "correctanswer",
    "correctoption",
    "correctchoice",
    "answers",
    "finalanswer",
    "answertext",
    "a",
    "response",
    "output",
    "reply",
    "gpt",
    "assistant",
];
pub const OBJECTS: &[&str] = &["objects", "object", "objectcategories", "visualobjects"];
pub const SKILLS: &[&str] = &["skills", "skill", "abilities", "ability"];
pub const FORMAT: &[&str] = &["format", "form", "questionformat", "questiontype"];
/// Where a question that is an object keeps its text.
pub const QUESTION_TEXT: &[&str] = &["text", "question", "content", "value", "stem"];
/// Also says what kind of thing an object is: `"type": "question"`.
pub const TYPE: &[&str] = &["type"];
pub const CHOICES: &[&str] = &["options", "option", "choices", "answeroptions", "answerchoices", "possibleanswers"];
pub const STEPS: &[&str] = &["steps", "step", "solvingsteps", "solutionsteps", "reasoningsteps", "reasoning"];
pub const MANIPULATION: &[&str] = &["manipulation", "operation", "call", "function", "tool", "action"];
pub const DESCRIPTION: &[&str] = &["description", "desc", "explanation", "text", "detail", "content", "step"];
pub const IMAGE_POSITION: &[&str] = &["imageposition", "position"];
/// Where an answer says which of the numbered items or pairs it is about. What names that item comes before what may be a number of
/// the answer's own.
pub const ITEM: &[&str] = &[
    "item",
    "itemnumber",
    "itemno",
    "itemnum",
    "itemid",
    "itemindex",
    "itemidx",
    "originalitem",
    "originalitemnumber",
    "originalnumber",
    "originalindex",
    "originalid",
    "givenitem",
    "sourceitem",
    "sourceid",
    "sourceindex",
    "parentitem",
    "parentid",
    "parentindex",
    "pair",
    "pairnumber",
    "pairno",
    "pairid",
    "pairindex",
    "number",
    "index",
    "id",
    "source",
    "parent",
    "questionnumber",
    "questionno",
    "questionid",
    "questionindex",
    "qid",
    "num",
    "idx",
    "no",
];
/// Where a model repeats what it was given, or keeps its draft, beside what it made of it. Those that are in [`ITEM`] too may hold a
/// number instead.
pub const GIVEN: &[&str] = &[
    "original",
    "originals",
    "originalitem",
    "originalitems",
    "originalqa",
    "given",
    "givenitem",
    "givenitems",
    "givenqa",
    "source",
    "sourceitem",
    "parent",
    "parentitem",
    "old",
    "olditem",
    "draft",
    "drafts",
];
