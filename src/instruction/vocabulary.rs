//! The names of the method: nine abilities, twenty formats, four manipulations, and what models call them instead.
//!
//! Models drift from the vocabulary round by round (in the authors' runs the share of canonical ability names falls from 97.2 to
//! 93.8 % within three rounds), so counting skills needs one name per ability. The aliases are data, in `vocabulary.toml`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// The abilities an item can ask for, as seeds and prompts write them: five of sight, four of language.
pub const ABILITIES: [&str; 9] = [
    "Grounding Ability",
    "Referencing Ability",
    "Calculating Ability",
    "OCR Ability",
    "Existence Ability",
    "Relationship Description Ability",
    "Context Understanding Ability",
    "Behavior Prediction Ability",
    "Knowledge Integration Ability",
];

/// The forms a question can have: three plain ones, then the seventeen of the interaction operator.
pub const FORMATS: [&str; 20] = [
    "Norm",
    "Complex Reasoning",
    "Detailed Description",
    "region_selection",
    "missing_object_selection",
    "text_image_matching",
    "object_region_matching",
    "completeness_of_response",
    "fill_in_the_blank",
    "image_style_classification",
    "art_type",
    "rationales_generation",
    "text_detection",
    "text_translation",
    "coreference_resolution",
    "instruction_following",
    "depth_order",
    "relative_distance",
    "creative_content_generation",
    "multi_choice",
];

/// The pseudo calls of a step: find a thing's box, describe a box, compute, read text.
pub const MANIPULATIONS: [&str; 4] = ["Grounding", "Referring", "Calculate", "OCR"];

#[derive(Deserialize)]
struct Aliases {
    abilities: HashMap<String, Vec<String>>,
    formats: HashMap<String, Vec<String>>,
}

type Names = HashMap<String, &'static str>;

/// Every folded name of an ability and of a format, with the canonical one.
static NAMES: LazyLock<(Names, Names)> = LazyLock::new(|| {
    let aliases: Aliases = toml::from_str(include_str!("vocabulary.toml")).expect("vocabulary.toml is part of the source");
    (names(&ABILITIES, &aliases.abilities, fold_skill), names(&FORMATS, &aliases.formats, fold))
});

fn names(canonical: &[&'static str], aliases: &HashMap<String, Vec<String>>, fold: fn(&str) -> String) -> Names {
    let aliases_of = |name: &str| aliases.get(name).map(Vec::as_slice).unwrap_or_default();
    canonical.iter().flat_map(|name| aliases_of(name).iter().map(String::as_str).chain([*name]).map(|alias| (fold(alias), *name))).collect()
}

/// The canonical name of an ability, `None` if it is none of the nine. Case, blanks, hyphens, underscores and a trailing "ability" are ignored.
pub fn normalize_skill(skill: &str) -> Option<&'static str> {
    NAMES.0.get(&fold_skill(skill)).copied()
}

/// The canonical name of a format, `None` if it is none of the twenty. Case, blanks, hyphens and underscores are ignored.
pub fn normalize_format(format: &str) -> Option<&'static str> {
    NAMES.1.get(&fold(format)).copied()
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn fold_skill(name: &str) -> String {
    let folded = fold(name);
    let without_suffix = ["ability", "abilities", "skills", "skill"].iter().find_map(|suffix| folded.strip_suffix(suffix));
    without_suffix.filter(|rest| !rest.is_empty()).map(str::to_owned).unwrap_or(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names_are_their_own() {
        assert!(ABILITIES.iter().all(|name| normalize_skill(name) == Some(*name)));
        assert!(FORMATS.iter().all(|name| normalize_format(name) == Some(*name)));
    }

    #[test]
    fn aliases_belong_to_canonical_names_and_to_one_only() {
        let aliases: Aliases = toml::from_str(include_str!("vocabulary.toml")).unwrap();
        assert!(aliases.abilities.keys().all(|name| ABILITIES.contains(&name.as_str())));
        assert!(aliases.formats.keys().all(|name| FORMATS.contains(&name.as_str())));
        for (table, normalize) in [(&aliases.abilities, normalize_skill as fn(&str) -> _), (&aliases.formats, normalize_format)] {
            for (name, aliases) in table {
                for alias in aliases {
                    assert_eq!(normalize(alias), Some(name.as_str()), "{alias}");
                }
            }
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        for spelling in ["behavior_prediction", "Behavior Prediction", "BEHAVIOUR-PREDICTION ABILITY", "  Predictive Skills "] {
            assert_eq!(normalize_skill(spelling), Some("Behavior Prediction Ability"), "{spelling}");
        }
        for spelling in ["multi-choice", "Multi Choice", "multichoice", "multiple_choice"] {
            assert_eq!(normalize_format(spelling), Some("multi_choice"), "{spelling}");
        }
        assert_eq!(normalize_format("norm"), Some("Norm"));
    }

    #[test]
    fn other_names_are_unknown() {
        for name in ["Creative Thinking", "Rationales Generation", "Ability", ""] {
            assert_eq!(normalize_skill(name), None, "{name}");
        }
        for name in ["journey_mapping", "Context Understanding Ability", ""] {
            assert_eq!(normalize_format(name), None, "{name}");
        }
    }
}
