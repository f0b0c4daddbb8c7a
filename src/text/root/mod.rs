//! The verb a text is about, and what it is done to: "Describe the man's pose." has `describe` and `pose`.
//!
//! The root verb and its object are how instruction data is sorted by what it asks for (Self-Instruct, arXiv 2212.10560; figure 8 of
//! MMEvol). There a constituency parser finds them; here a part-of-speech tagger and the grammar of questions and instructions
//! do, far faster. docs/diversity.md states the rule and how often it is right.

mod grammar;
mod lemma;
mod object;
mod tagger;
mod verbs;
mod words;

use super::markup::without_code;
use super::sentences;

/// The root verb of a text and the noun that is its direct object, as dictionary forms in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Auxiliaries are passed over; `be` where it is the verb itself.
    pub verb: String,
    /// The head of the first direct object; `None` where there is none, or it is a pronoun, a name or a clause.
    pub noun: Option<String>,
}

/// The root of the first sentence that asks or instructs, else of the first that has a verb; `None` for a text without one, or not in English.
///
/// A sentence that only says how to think ("Let's think step by step.") asks for nothing. Markup is passed over, scripts and styles with what is
/// in them. Linear in the length of the text.
pub fn root(text: &str) -> Option<Root> {
    let text = without_code(text);
    let mut stated = None;
    for sentence in sentences(&text) {
        let words = words::words(sentence);
        let Some(clause) = (!words.is_empty()).then(|| grammar::main_clause(&words)).flatten() else { continue };
        if clause.asks || stated.is_none() {
            let verb = lemma::verb(&words[clause.verb].text).unwrap_or_else(|| words[clause.verb].text.clone());
            let root = Root { verb, noun: clause.object.map(|object| lemma::noun(&words[object].text)) };
            if clause.asks {
                return Some(root);
            }
            stated = Some(root);
        }
    }
    stated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_roots(expected: &[(&str, &str, Option<&str>)]) {
        for &(text, verb, noun) in expected {
            let found = root(text).map(|root| (root.verb, root.noun));
            assert_eq!(found, Some((verb.to_owned(), noun.map(str::to_owned))), "{text}");
        }
    }

    #[test]
    fn what_something_is_used_for_leaves_the_verb_where_it_is() {
        assert_roots(&[
            ("Which tool is the chef using to cut the onion?", "use", Some("tool")),
            ("What is the man using to cut the bread?", "use", None),
            ("Which hand is he using to hold the cup?", "use", Some("hand")),
        ]);
    }

    #[test]
    fn the_verb_follows_been() {
        assert_roots(&[
            ("How long has the ship been docked?", "dock", None),
            ("How long has the man been waiting?", "wait", None),
            ("Has the packaging been damaged?", "damage", None),
            ("Has there been an accident?", "be", None),
        ]);
    }

    #[test]
    fn a_way_is_no_object() {
        assert_roots(&[
            ("How fast can the cheetah run?", "run", None),
            ("How high can the athlete jump?", "jump", None),
            ("How quickly can the dog swim?", "swim", None),
            ("How many people can the bus carry?", "carry", Some("people")),
        ]);
    }

    #[test]
    fn a_participle_after_the_object_belongs_to_it() {
        assert_roots(&[
            ("Identify the landmark shown here.", "identify", Some("landmark")),
            ("Describe the setting shown in the image.", "describe", Some("setting")),
        ]);
    }

    /// Words of other languages that English has as well.
    #[test]
    fn sentences_of_other_languages_have_none() {
        for text in [
            "In welcher Hand hat die Person den Ball?",
            "Was ist das?",
            "Wer ist die Frau im Bild?",
            "Describe la escena.",
            "¿Cuántas personas hay en la foto?",
            "Comment est le temps ?",
            "Imagine une histoire.",
            "Wat is er in de foto te zien?",
            "Is de deur open?",
            "Come è il tempo?",
            "Answer: Was ist das?",
        ] {
            assert_eq!(root(text), None, "{text}");
        }
    }

    /// The shorter a text, the likelier it is taken for one of another language; names and quotations are of any.
    #[test]
    fn short_english_sentences_and_foreign_names_have_theirs() {
        assert_roots(&[
            ("Is it in?", "be", None),
            ("Was he late?", "be", None),
            ("Is the die red?", "be", None),
            ("Is Van Gogh in?", "be", None),
            ("Who was Ludwig van Beethoven?", "be", None),
            ("Describe Las Vegas.", "describe", None),
            ("Describe Rio de Janeiro.", "describe", None),
            ("Describe Oscar de la Renta.", "describe", None),
            ("Who directed Das Leben der Anderen?", "direct", None),
            ("What does the sign \"Bitte nicht auf den Rasen treten\" say?", "say", None),
            ("Describe decor.", "describe", Some("decor")),
            ("Waste material is discharged.", "discharge", None),
        ]);
    }

    #[test]
    fn a_wish_asks_for_what_is_wished() {
        assert_roots(&[
            ("I would like you to generate a caption.", "generate", Some("caption")),
            ("I'd like you to describe the image.", "describe", Some("image")),
            ("I’d really like you to please count the dogs.", "count", Some("dog")),
            ("We want you to list the objects.", "list", Some("object")),
            ("I need you to describe the dog.", "describe", Some("dog")),
            ("I would like a caption.", "like", Some("caption")),
            ("I would like to know the color of the car.", "like", None),
            ("What would you like to eat?", "like", None),
            ("It would look like a car.", "look", None),
        ]);
    }

    #[test]
    fn a_choice_between_two_states_is_no_verb() {
        assert_roots(&[
            ("Is the door open or closed?", "be", None),
            ("Is the house empty or occupied by guests?", "be", None),
            ("Is the man standing or sitting?", "stand", None),
        ]);
    }
}
