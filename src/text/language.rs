//! The language of a text: a guess from its letters, confirmed by its commonest words.
//!
//! The guess (`whichlang`) always names one of sixteen languages, whatever the text is. So it counts only where the text has words that
//! nobody can do without in that language, or a script that only that language has.

use whichlang::{LANGUAGES, Lang, detect_language};

/// How much of a text is looked at, in bytes. More does not change the answer.
const ENOUGH: usize = 2_000;

/// The share of words that must be common ones, as one in so many. Running text of any of the languages has one in three. Also the share of letters
/// that are kana in Japanese.
const ONE_IN: usize = 10;

/// The commonest words of English, of two letters or more.
const ENGLISH: &str = "the an of and is are in to what how on this that you it for with do does can be why where who which at as or if";

/// Words that stand in lower case inside of names: Rio de Janeiro, Ludwig van Beethoven, Oscar de la Renta.
const INSIDE_NAMES: &str = "de la le les du des del della di da do dos las los el van der den von";

/// As many of them as a name has one after the other.
const LONGEST_INSIDE_NAME: usize = 2;

/// The language of a text as its ISO 639-1 code: `ar`, `de`, `en`, `es`, `fr`, `hi`, `it`, `ja`, `ko`, `nl`, `pt`, `ru`, `sv`, `tr`, `vi` or `zh`.
/// `None` for a text of any other language, and where too few common words tell: a single noun, a number, code, or words that several of these languages
/// have alike. A language that shares its commonest words with one of these, as Danish with Swedish, may be taken for it. The first 2,000 bytes decide.
pub fn language(text: &str) -> Option<&'static str> {
    let text = &text[..text.floor_char_boundary(ENOUGH)];
    confirmed(text, detect_language(text)).filter(|(code, common_words)| is_told_apart(text, code, common_words)).map(|(code, _)| code)
}

/// Whether one of the common words in a text is that of no other language: of a few words, the guess confuses relatives, which share many (`la`,
/// `que`, `una`). English needs none: a short question often has one common word alone (`is`), and little else is guessed to be English.
fn is_told_apart(text: &str, code: &str, common_words: &str) -> bool {
    let lowered = text.to_lowercase();
    let is_others =
        |word: &str| LANGUAGES.iter().map(|other| code_and_words(*other)).any(|(other, listed)| other != code && is_among(word, listed));
    code == "en" || common_words.is_empty() || words(&lowered).any(|word| is_among(word, common_words) && !is_others(word))
}

/// Whether a sentence is of another language than English, though its words may all be English ones as well. `forms` are its words and marks,
/// without what it quotes.
///
/// A guess alone is often wrong of a few words. So it counts only where more of the words are among that language's commonest than among those of
/// English; names, which stand in a sentence of any language, are none of them.
pub(super) fn is_foreign(sentence: &str, forms: &[&str]) -> bool {
    let text = &sentence[..sentence.floor_char_boundary(ENOUGH)];
    let guess = detect_language(text);
    if matches!(guess, Lang::Eng) {
        return false;
    }
    let Some((_, common_words)) = confirmed(text, guess) else { return false };
    let lowered: Vec<String> = forms.iter().map(|form| form.to_lowercase()).collect();
    // The first word has a capital in any case.
    let is_name = |at: &usize| *at > 0 && forms[*at].starts_with(char::is_uppercase);
    let is_inside_name = |at: usize| {
        let is_other = |at: &usize| !is_among(&lowered[*at], INSIDE_NAMES);
        let before = (0..at).rev().take(LONGEST_INSIDE_NAME).find(is_other);
        let after = (at + 1..forms.len()).take(LONGEST_INSIDE_NAME).find(is_other);
        !is_other(&at) && before.as_ref().is_some_and(is_name) && after.as_ref().is_some_and(is_name)
    };
    let english = lowered.iter().filter(|word| is_among(word, ENGLISH)).count();
    let foreign = (0..forms.len()).filter(|at| is_among(&lowered[*at], common_words) && !is_name(at) && !is_inside_name(*at)).count();
    foreign > english
}

/// The code of the guessed language and its commonest words, if the text has enough of them or is mostly of the language's own script.
fn confirmed(text: &str, guess: Lang) -> Option<(&'static str, &'static str)> {
    // Chinese has no kana; of a few signs with one of them, the guess is often Chinese.
    let guess = if matches!(guess, Lang::Cmn) && has_kana(text) { Lang::Jpn } else { guess };
    let (code, common_words) = code_and_words(guess);
    let is_confirmed = match code {
        "ja" => is_mostly(text, |c| is_kana(c) || is_han(c)),
        "ko" => is_mostly(text, |c| matches!(c, '가'..='힣')),
        "zh" => is_mostly(text, is_han),
        _ => {
            let lowered = text.to_lowercase();
            let common = words(&lowered).filter(|word| is_among(word, common_words)).count();
            common > 0 && common * ONE_IN >= words(&lowered).count()
        }
    };
    is_confirmed.then_some((code, common_words))
}

/// The code of a language and its commonest words; no words where the script tells.
fn code_and_words(language: Lang) -> (&'static str, &'static str) {
    match language {
        Lang::Ara => ("ar", "في من على ما هذا هذه إلى هل أن التي الذي عن مع هو هي كيف أين كم لا ماذا"),
        Lang::Deu => {
            ("de", "der die das und ist ein eine einen zu den von mit auf was wie im in sich nicht für sind wo es dem des er sie welche")
        }
        Lang::Eng => ("en", ENGLISH),
        Lang::Spa => ("es", "el la los las de que en un una es por con para se qué cuál cómo está del al no lo su hay son esta este dónde"),
        Lang::Fra => {
            ("fr", "le la les de des un une et est que qu en dans pour qui sur ce cette quel quelle il elle du au pas sont avec où")
        }
        Lang::Hin => ("hi", "है हैं में का की के को और से यह क्या पर इस एक ने कौन कहाँ कितने वह था नहीं"),
        Lang::Ita => (
            "it",
            "il lo la i gli le di che e è un una in per con non cosa come sono del della nel nella questo questa si da chi dove quale l",
        ),
        Lang::Nld => ("nl", "de het een en van is in op dat wat hoe die te zijn met voor er aan niet wie waar deze dit om bij je"),
        Lang::Por => ("pt", "os as de que em um uma por com para se não no na do da qual como está esta este são onde ao quais"),
        Lang::Rus => ("ru", "не на что как по это из за кто где какой какая он она они от для то есть или"),
        Lang::Swe => ("sv", "och att det som en ett är på av för med den till vad hur inte de om var vem har vilken detta"),
        Lang::Tur => ("tr", "ve bir bu da de ne mi mı için ile olan nasıl nerede kim kaç var çok daha gibi hangi mu mü"),
        Lang::Vie => ("vi", "là và của có trong những các một này cho được với không người gì đang trên bao nhiêu nào tôi hãy mô tả"),
        Lang::Jpn => ("ja", ""),
        Lang::Kor => ("ko", ""),
        Lang::Cmn => ("zh", ""),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic() && !is_mark(c)).filter(|word| !word.is_empty())
}

/// Whether a word is one of those in a list. A letter alone is not: it is a word of many languages, and the mark of a list item.
fn is_among(word: &str, list: &str) -> bool {
    word.chars().nth(1).is_some() && list.split(' ').any(|listed| listed == word)
}

/// Whether more than half of the letters are such, and at least two.
fn is_mostly(text: &str, is_such: impl Fn(char) -> bool) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let such = text.chars().filter(|c| is_such(*c)).count();
    such >= 2 && such * 2 > letters
}

/// Whether at least one letter in [`ONE_IN`] is kana. A Chinese text may have one in a name.
fn has_kana(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let kana = text.chars().filter(|c| c.is_alphabetic() && is_kana(*c)).count();
    kana > 0 && kana * ONE_IN >= letters
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30FF}')
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}')
}

/// Vowel signs of Devanagari, which are marks and no letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}')
}

#[cfg(test)]
mod tests {
    use super::language;

    #[test]
    fn each_language() {
        for (text, code) in [
            ("ما هذا الذي في الصورة؟", "ar"),
            ("Was ist auf dem Bild zu sehen?", "de"),
            ("Describe the dog.", "en"),
            ("What color is the car?", "en"),
            ("¿Qué está haciendo el hombre?", "es"),
            ("Qu'est-ce que c'est que ce bâtiment ?", "fr"),
            ("इस चित्र में क्या है?", "hi"),
            ("Che cosa vedi nella foto?", "it"),
            ("これは何ですか", "ja"),
            ("이것은 무엇입니까?", "ko"),
            ("Welke kleur heeft de auto op de foto?", "nl"),
            ("Descreva a imagem em detalhes.", "pt"),
            ("Что на картинке?", "ru"),
            ("Vad gör mannen på bilden?", "sv"),
            ("Bu resimde ne görüyorsun?", "tr"),
            ("Trong hình có gì?", "vi"),
            ("这是什么？", "zh"),
            ("Is John happy?", "en"),
            ("Describe las fotos", "es"),
            ("画像の説明", "ja"),
        ] {
            assert_eq!(language(text), Some(code), "{text}");
        }
    }

    #[test]
    fn none_for_too_little_and_for_other_languages() {
        for text in [
            "",
            " ",
            "42",
            "ok",
            "Norm",
            "??!",
            "asdf qwer zxcv uiop hjkl",
            "a. b. c. d.",
            "Opisz szczegółowo psa widocznego tutaj.",
            "Kuvaile kuvassa näkyvä koira.",
            "Ποιο είναι το χρώμα;",
            "라",
            "x = foo(bar)[0] + baz;",
            // Spanish, French and Italian.
            "Describe la imagen",
            "La foto del gato",
        ] {
            assert_eq!(language(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(language(&"这是什么？".repeat(10_000)), Some("zh"));
        assert_eq!(language(&"What is the color of the car? ".repeat(5_000)), Some("en"));
    }
}
