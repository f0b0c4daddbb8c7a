//! The main clause of a tagged sentence: its verb, and that verb's object.
//!
//! English questions and instructions have few shapes, and the shape tells where the verb is: an instruction begins with it, a yes-no
//! question has it after the subject, a question about the subject right after the question word. So a tagger and these rules do
//! without a parser.

use super::lemma;
use super::object::{direct_object, head_of};
use super::tagger::Tag;
use super::verbs::{
    Class, DEMONSTRATIVES, Group, class, group, hidden_verb, is_auxiliary, is_followed_by_verb, is_participle, is_verb, main_clause_verbs,
    skip_adverbs,
};
use super::words::{Word, is_possessive, is_question_word};

/// What a sentence was found to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// Whether it asks or instructs, rather than states.
    pub asks: bool,
    /// The place of the main verb.
    pub verb: usize,
    /// The place of the head noun of its direct object.
    pub object: Option<usize>,
}

/// What stands before the auxiliary of a question.
#[derive(Debug, Clone, Copy, Default)]
struct Fronted {
    /// The head noun of `what color`, `how many people`.
    noun: Option<usize>,
    /// Whether what is asked for is a thing (`what`, `which person`) and not a place, time, way or reason: only a thing can be what the verb
    /// is about.
    is_thing: bool,
}

/// Verbs whose subject is only somewhere: `what is the man standing on the left` asks who he is, not for what he stands.
const INTRANSITIVE: [&str; 16] = [
    "stand", "sit", "lie", "hang", "wait", "sleep", "float", "occur", "happen", "appear", "come", "live", "lean", "rest", "kneel", "exist",
];

/// Verbs without an object: what follows them is a clause or a complement. In `what story do you think they tell` the story is told.
const WITHOUT_OBJECT: [&str; 4] = ["be", "think", "believe", "suppose"];

/// Finds the main clause of a sentence; `None` where there is no verb.
pub fn main_clause(words: &[Word]) -> Option<Clause> {
    let starts = starts(words);
    let is_question = words.iter().rev().take(2).any(|word| word.text == "?");
    let has_prefix = words.get(starts[0]).is_some_and(|first| is_prefix(first, words.get(starts[0] + 1)));
    for (order, &start) in starts.iter().enumerate() {
        let introduced = order == 0 || has_prefix || (start > 0 && words[start - 1].is(&[":", ";", "-", "–", "—"]));
        let asked = if introduced || is_question { question(words, start) } else { None };
        if let Some(clause) = asked.or_else(|| instruction(words, start, introduced)).or_else(|| wish(words, start)) {
            return Some(clause);
        }
    }
    // A question after a stretch that no comma ends: `Based on the image what is the man holding?`
    let question_words = (1..words.len()).filter(|&at| has_prefix && is_question_word(&words[at].text));
    let late = question_words.filter(|&at| words.get(at + 1..).is_some_and(|rest| rest.iter().take(3).any(is_auxiliary)));
    late.filter_map(|at| question(words, at)).next().or_else(|| {
        let main = if has_prefix { starts.get(1..).unwrap_or_default() } else { &[] };
        main.iter().chain(&starts[..1]).find_map(|&start| statement(words, start))
    })
}

/// Where a main clause may begin: at the front, and after marks, each without words such as `please` and `then`.
fn starts(words: &[Word]) -> Vec<usize> {
    let after_marks = (1..words.len()).filter(|&at| words[at - 1].is(&[",", ":", ";", "-", "–", "—"]));
    let mut starts: Vec<usize> = std::iter::once(0).chain(after_marks).map(|start| skip_fillers(words, start)).collect();
    starts.dedup();
    starts
}

fn skip_fillers(words: &[Word], start: usize) -> usize {
    const FILLERS: [&str; 22] = [
        "and",
        "but",
        "so",
        "or",
        "then",
        "now",
        "next",
        "first",
        "also",
        "just",
        "finally",
        "additionally",
        "hi",
        "hello",
        "hey",
        "well",
        "ok",
        "okay",
        "instead",
        "further",
        "q",
        "question",
    ];
    let is_filler = |at: usize| {
        let word = &words[at];
        let is_number = word.tag == Tag::Number && words.get(at + 1).is_some_and(|next| next.is(&[".", ")"]));
        let is_adverb = word.tag == Tag::Adverb && word.text.ends_with("ly");
        word.is(&FILLERS) || is_number || is_adverb || matches!(word.tag, Tag::Interjection | Tag::Mark | Tag::Symbol)
    };
    (start..words.len()).find(|&at| !is_filler(at)).unwrap_or(start)
}

/// Whether a sentence that begins with this word has something before its main clause: `In the kitchen, ...`, `Considering the light, ...`.
fn is_prefix(first: &Word, next: Option<&Word>) -> bool {
    let is_participle = first.tag == Tag::Verb && (first.text.ends_with("ing") || first.text.ends_with("ed"));
    let is_question = is_question_word(&first.text) && next.is_some_and(is_auxiliary);
    is_participle
        || (matches!(first.tag, Tag::Adposition | Tag::Subordinator) && !is_question)
        || first.is(&[
            "if", "when", "while", "where", "as", "given", "since", "because", "although", "though", "once", "after", "before", "to",
            "based",
        ])
}

/// A question that begins at `start`.
fn question(words: &[Word], start: usize) -> Option<Clause> {
    let first = words.get(start)?;
    if first.tag == Tag::Adposition && words.get(start + 1)?.is(&["what", "which", "whose", "whom"]) {
        return asked_with_word(words, start + 1, false);
    }
    if is_question_word(&first.text) {
        return asked_with_word(words, start, first.is(&["what", "which", "who", "whom", "whose", "how"]));
    }
    let subject = &words[skip_adverbs(words, start + 1)..].first()?;
    let is_subject =
        matches!(subject.tag, Tag::Determiner | Tag::Pronoun | Tag::Noun | Tag::Name | Tag::Number | Tag::Adjective | Tag::Verb);
    let asks = words.last().is_some_and(|last| last.text == "?") || !first.is(&["have", "do"]);
    (is_auxiliary(first) && first.text != "be" && is_subject && asks)
        .then(|| after_subject(words, start, Fronted::default()))
        .flatten()
        .map(|group| clause(words, group, None))
}

/// A question with a question word at `at`.
fn asked_with_word(words: &[Word], at: usize, is_thing: bool) -> Option<Clause> {
    let word = &words[at];
    let next = words.get(at + 1)?;
    match next.text.as_str() {
        "if" => return statement(words, at + 2).map(|clause| Clause { asks: true, ..clause }),
        "about" => return None,
        "to" | "not" => return (at + 2..words.len()).find(|&at| is_verb(&words[at])).map(|verb| active(words, verb)),
        _ => {}
    }
    if word.is(&["when", "where"]) && !is_auxiliary(next) {
        return None;
    }
    let end = end_of_clause(words, at);
    let verb = (at + 1..end).find(|&verb| is_auxiliary(&words[verb]) || is_main_verb(words, at, verb));
    let verb = verb.or_else(|| hidden_verb(words, at + 1, end, false))?;
    // `How` asks for a thing only with a noun: `how many people`.
    let noun = if is_thing { head_of(words, at + 1, verb) } else { None };
    let fronted = Fronted { noun, is_thing: is_thing && (word.text != "how" || noun.is_some()) };
    if !is_auxiliary(&words[verb]) || is_followed_by_verb(words, verb) {
        return Some(clause(words, group(words, verb), None));
    }
    let group = after_subject(words, verb, fronted)?;
    let is_object = !group.passive && !is_stranded(words, end);
    // `How fast can it run`: an adjective that is also a noun says in which way.
    let names_thing = |&noun: &usize| word.text != "how" || words[noun].tag != Tag::Adjective;
    Some(clause(words, group, fronted.noun.filter(names_thing).filter(|_| is_object)))
}

/// Whether `verb` is the finite verb of a question about its subject: `which image shows`, `who painted`.
fn is_main_verb(words: &[Word], question_word: usize, verb: usize) -> bool {
    let (word, next) = (&words[verb], words.get(verb + 1));
    let is_participle = word.text.ends_with("ing") || word.text.ends_with("ed");
    let modifies_next = is_participle && next.is_some_and(Word::is_nominal);
    let modifies_last = is_participle && verb > question_word + 1 && words[verb + 1..].iter().any(is_auxiliary);
    word.tag == Tag::Verb && !modifies_next && !modifies_last && words[verb - 1].text != "to"
}

/// The verb after the subject of a question whose auxiliary stands at `auxiliary`.
fn after_subject(words: &[Word], auxiliary: usize, fronted: Fronted) -> Option<Group> {
    let subject = skip_adverbs(words, auxiliary + 1);
    let end = end_of_clause(words, auxiliary);
    let itself = Group { verb: auxiliary, passive: false };
    match class(&words[auxiliary]) {
        Class::Be => Some(participle_after(words, subject, end, fronted).unwrap_or(itself)),
        Class::Have => {
            // `Has it been seen`: the verb follows `been`.
            let is_perfect = |&at: &usize| words[at].text == "been" || (is_participle(words, at) && !words[at].text.ends_with("ing"));
            let participle = main_clause_verbs(words, subject + 1, end).find(is_perfect);
            Some(participle.map_or(itself, |at| group(words, at)))
        }
        Class::Do | Class::Modal => {
            let first = words.get(subject)?;
            if first.tag == Tag::Pronoun && !is_possessive(first) && !first.is(&DEMONSTRATIVES) {
                let verb = skip_courtesy(words, subject + 1);
                if words.get(verb).is_some_and(|word| lemma::is_base_verb(&word.text)) {
                    return Some(group(words, verb));
                }
            }
            let verb = main_clause_verbs(words, subject + 1, end).find(|&at| lemma::is_base_verb(&words[at].text));
            // `How might climate change impact the trends`: of two that may be the verb, the one before an object is.
            let is_modifier = |&verb: &usize| {
                hidden_verb(words, verb + 1, (verb + 3).min(end), true).filter(|&at| at == verb + 1 && words[at + 1].tag == Tag::Determiner)
            };
            let verb = verb.map(|verb| is_modifier(&verb).filter(|_| words[verb - 1].is_nominal()).unwrap_or(verb));
            verb.or_else(|| hidden_verb(words, subject + 1, end, true)).map(|verb| group(words, verb))
        }
    }
}

/// The place of the next word from `from` on that is no adverb, negation or courtesy: `can you please just list`, `could you, please, list`. In `how
/// can you please the cat` no verb follows, so that it is the verb itself.
fn skip_courtesy(words: &[Word], from: usize) -> usize {
    let start = skip_adverbs(words, from);
    let past_comma = |at: usize| at + usize::from(words.get(at).is_some_and(|word| word.text == ","));
    let courtesy = past_comma(start);
    if words.get(courtesy).is_none_or(|word| word.tag != Tag::Interjection) {
        return start;
    }
    let verb = skip_adverbs(words, past_comma(courtesy + 1));
    if words.get(verb).is_some_and(|word| lemma::is_base_verb(&word.text)) { verb } else { start }
}

/// The participle that a form of `be` before the subject belongs to; `None` where `be` is the verb itself.
fn participle_after(words: &[Word], subject: usize, end: usize, fronted: Fronted) -> Option<Group> {
    if words.get(subject)?.text == "there" {
        return None;
    }
    let verb = main_clause_verbs(words, subject + 1, end).find(|&at| is_participle(words, at))?;
    let progressive = words[verb].text.ends_with("ing");
    let next = words.get(verb + 1).filter(|_| verb + 1 < end);
    let ends_with_adjective = !progressive && next.is_some() && words[end - 1].tag == Tag::Adjective;
    // `Is the door open or closed`: of a pair with an adjective, both say what it is like.
    let follows_adjective = verb > subject + 1 && words[verb - 1].tag == Tag::Conjunction && words[verb - 2].tag == Tag::Adjective;
    let belongs = match (fronted.is_thing, next) {
        (false, _) => !ends_with_adjective && !follows_adjective,
        (true, _) if is_stranded(words, end) => true,
        (true, None) => progressive,
        // The thing that is asked for is what the verb is done to, unless an object follows or the verb has none.
        (true, Some(next)) => {
            let is_intransitive = lemma::verb(&words[verb].text).is_some_and(|lemma| INTRANSITIVE.contains(&lemma.as_str()));
            // `What are the benefits of people working in teams` asks for the benefits.
            let modifies_part = words[verb].text != "doing" && words[subject..verb].iter().any(|word| word.text == "of");
            let ends_here = matches!(next.tag, Tag::Adposition | Tag::Adverb | Tag::Subordinator | Tag::Mark | Tag::Conjunction);
            // `What is she using to cut the bread`: what it is done for follows.
            let has_purpose = next.text == "to" && words.get(verb + 2).is_some_and(is_verb);
            progressive && (ends_here || has_purpose) && !is_intransitive && !modifies_part
        }
    };
    belongs.then_some(Group { verb, passive: !progressive })
}

/// An instruction that begins at `start`. One that no mark or prefix introduces must be plain.
fn instruction(words: &[Word], start: usize, introduced: bool) -> Option<Clause> {
    let first = words.get(start)?;
    let next = words.get(start + 1);
    if first.text == "let" && next.is_some_and(|next| next.is(&["'s", "us"])) {
        let verb = skip_adverbs(words, start + 2);
        let is_verb = words.get(verb).is_some_and(|word| lemma::is_base_verb(&word.text));
        return (is_verb && !is_reasoning_cue(words, verb)).then(|| active(words, verb));
    }
    if first.is(&["do", "never"]) && next.is_some_and(|next| first.text == "never" || next.is(&["n't", "not"])) {
        let verb = skip_adverbs(words, start + 1);
        return words.get(verb).filter(|word| lemma::is_base_verb(&word.text)).map(|_| active(words, verb));
    }
    let is_auxiliary_only = is_auxiliary(first) && !first.is(&["be", "have", "do"]);
    if is_auxiliary_only
        || !lemma::is_base_verb(&first.text)
        || matches!(first.tag, Tag::Pronoun | Tag::Determiner | Tag::Adposition | Tag::Number | Tag::Subordinator)
    {
        return None;
    }
    let begins_object = next.is_some_and(|next| {
        matches!(next.tag, Tag::Determiner | Tag::Number | Tag::Pronoun) || next.is(&["if", "that", "all"]) || is_question_word(&next.text)
    });
    let is_subject = next.is_some_and(|next| is_auxiliary(next) && !next.is(&["be"]));
    let is_plain =
        if first.tag == Tag::Verb { introduced || begins_object } else { begins_object || (introduced && !states(words, start + 1)) };
    (is_plain && !is_subject).then(|| active(words, start))
}

/// An instruction that begins at `start` as a wish: `I would like you to describe the dog`, `we want you to count`. What is wished for is asked for.
fn wish(words: &[Word], start: usize) -> Option<Clause> {
    if !words.get(start)?.is(&["i", "we"]) {
        return None;
    }
    let next = skip_adverbs(words, start + 1);
    let is_polite = words.get(next)?.is(&["would", "'d"]);
    let wish = if is_polite { skip_adverbs(words, next + 1) } else { next };
    let wishes: &[&str] = if is_polite { &["like", "love", "want"] } else { &["want", "need"] };
    if !words.get(wish)?.is(wishes) || words.get(wish + 1)?.text != "you" || words.get(wish + 2)?.text != "to" {
        return None;
    }
    let verb = skip_courtesy(words, wish + 3);
    words.get(verb).filter(|word| lemma::is_base_verb(&word.text)).map(|_| active(words, verb))
}

/// Whether a finite verb follows in the same clause, so that what stands before it is its subject.
fn states(words: &[Word], from: usize) -> bool {
    let clause = words[from..].iter().take_while(|word| !is_question_word(&word.text) && !word.is(&["that", "if", ","]));
    // What ends in a colon is a heading.
    clause.zip(&words[from - 1..]).any(|(word, before)| {
        is_auxiliary(word) || word.text == ":" || (word.tag == Tag::Verb && word.text.ends_with('s') && before.is_nominal())
    })
}

/// Whether `let's VERB ...` is only a request to think aloud, as in "Let's think step by step".
fn is_reasoning_cue(words: &[Word], verb: usize) -> bool {
    words[verb].is(&["think", "reason"]) || words[verb..].iter().any(|word| word.is(&["step", "steps", "step-by-step"]))
}

/// A statement that begins at `start`.
fn statement(words: &[Word], start: usize) -> Option<Clause> {
    let end = words.len();
    let is_finite = |&at: &usize| {
        let reduced = words[at].text.ends_with("ed")
            && words.get(at + 1).is_some_and(|next| next.tag == Tag::Adposition)
            && words[at + 1..].iter().any(is_auxiliary);
        is_auxiliary(&words[at]) || !(words[at].text.ends_with("ing") || reduced)
    };
    let first = words.get(start).filter(|word| is_verb(word)).map(|_| start);
    let verbs = || first.into_iter().chain(main_clause_verbs(words, start + 1, end));
    let verb = verbs().find(is_finite).or_else(|| hidden_verb(words, start + 1, end, false)).or_else(|| verbs().next())?;
    Some(Clause { asks: false, ..clause(words, group(words, verb), None) })
}

fn active(words: &[Word], verb: usize) -> Clause {
    clause(words, Group { verb, passive: false }, None)
}

fn clause(words: &[Word], group: Group, fronted: Option<usize>) -> Clause {
    let has_none = lemma::verb(&words[group.verb].text).is_some_and(|lemma| WITHOUT_OBJECT.contains(&lemma.as_str()));
    let object = if group.passive || has_none { None } else { direct_object(words, group.verb).or(fronted) };
    Clause { asks: true, verb: group.verb, object }
}

/// Where the clause ends that has a word at `from`: at a mark other than a comma, or before a second question.
fn end_of_clause(words: &[Word], from: usize) -> usize {
    let ends = |&at: &usize| {
        let asks_again = words.get(at + 1).is_some_and(|next| is_question_word(&next.text)) && words.get(at + 2).is_some_and(is_auxiliary);
        words[at]
            .is(&["?", ".", "!", ":", ";", "if", "because", "when", "while", "although", "though", "unless", "until", "since", "whereas"])
            || (words[at].is(&["and", ",", "or"]) && asks_again)
    };
    (from + 1..words.len()).find(ends).unwrap_or(words.len())
}

/// Whether the clause ends in a preposition whose noun is what the question asks for: `what is it made of`.
fn is_stranded(words: &[Word], end: usize) -> bool {
    words.get(end.wrapping_sub(1)).is_some_and(|last| {
        last.is(&[
            "of", "in", "on", "at", "from", "with", "by", "into", "for", "to", "about", "under", "as", "through", "over", "near", "toward",
            "towards",
        ])
    })
}
