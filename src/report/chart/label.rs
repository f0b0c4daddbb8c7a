//! How wide a text will be, without the reader's fonts: labels are cut to the room they have.

use unicode_width::UnicodeWidthChar;

/// A size and weight of the page's style, the larger of the one on a phone and the one elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    size: f64,
    is_bold: bool,
}

/// Class `label`.
pub const LABEL: Font = Font { size: 13.5, is_bold: false };
/// Class `tile-name`.
pub const TILE_NAME: Font = Font { size: 12.5, is_bold: false };
/// Class `group-name`.
pub const GROUP_NAME: Font = Font { size: 12.5, is_bold: true };

impl Font {
    /// About as wide as DejaVu Sans, the widest of the common fonts, sets it; a letter that no font of the page's list has may be wider.
    pub fn width(self, text: &str) -> f64 {
        let weight = if self.is_bold { 1.15 } else { 1.0 };
        text.chars().map(character_width).sum::<f64>() * self.size * weight
    }

    /// The text, or as much of its beginning as fits with an ellipsis; empty where not even that does.
    pub fn fitted(self, text: &str, room: f64) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let mut fitted = String::new();
        for character in text.chars() {
            fitted.push(character);
            if self.width(&fitted) + self.width("…") > room {
                fitted.pop();
                break;
            }
        }
        if fitted.is_empty() { fitted } else { fitted + "…" }
    }
}

/// As a share of the font's size.
fn character_width(character: char) -> f64 {
    match character {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | '[' | ']' | '-' | '/' => {
            0.42
        }
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '—' => 1.0,
        'a'..='z' | '0'..='9' => 0.64,
        character if character.is_ascii() => 0.84,
        // Emoji are wider than the two columns of a terminal; other scripts than Latin have wide letters.
        character if character.width().unwrap_or(0) > 1 => 1.3,
        _ => 0.9,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::chart::bars::WIDTH;

    /// The sizes of a style's texts in pictures, by selector.
    fn sizes(style: &str) -> BTreeMap<&str, f64> {
        let mut sizes = BTreeMap::new();
        for (selectors, rule) in style.lines().filter_map(|line| line.trim().split_once(" { ")) {
            let size = rule.split_once("font-size: ").and_then(|(_, rest)| rest.split_once("px"));
            let Some(size) = size.and_then(|(size, _)| size.parse::<f64>().ok()) else { continue };
            sizes.extend(selectors.split(", ").filter(|selector| selector.starts_with("svg .")).map(|selector| (selector, size)));
        }
        sizes
    }

    /// Pictures shrink with the page: on a screen of 375 px they are 321 px wide.
    #[test]
    fn texts_are_nine_pixels_or_more_on_a_narrow_phone() {
        let (everywhere, phone) = include_str!("../page.css").split_once("@media (max-width: 480px) {").unwrap();
        let (everywhere, phone) = (sizes(everywhere), sizes(phone));
        assert!(everywhere.len() > 5, "{everywhere:?}");
        for selector in everywhere.keys() {
            let size = phone.get(selector).unwrap_or(&0.0);
            assert!(size * 321.0 / WIDTH >= 9.0, "{selector}: {size}");
        }
        let fonts = [("svg .label", LABEL), ("svg .tile-name", TILE_NAME), ("svg .group-name", GROUP_NAME)];
        assert!(fonts.iter().all(|(selector, font)| font.size >= phone[selector].max(everywhere[selector])));
    }

    /// So far do pictures shrink that scroll.
    fn least_scale(style: &str) -> f64 {
        let scale = style.split_once("min-width: calc(var(--width, 0) * ").and_then(|(_, rest)| rest.split_once("px"));
        scale.unwrap().0.parse().unwrap()
    }

    #[test]
    fn texts_of_pictures_that_scroll_are_nine_pixels_or_more() {
        let (everywhere, phone) = include_str!("../page.css").split_once("@media (max-width: 480px) {").unwrap();
        for style in [everywhere, phone] {
            assert!(sizes(style).iter().all(|(_, size)| size * least_scale(style) >= 9.0));
        }
    }

    #[test]
    fn labels_fit_their_room() {
        assert_eq!(LABEL.fitted("round 1", 100.0), "round 1");
        for text in
            ["impact on the environment", "MMMMMMMMMMMMMMMM", "日本語の非常に長い名前", "🐕🐕🐕🐕🐕🐕🐕🐕", "iiiiiiiiiiiiiiiiiiiiiiiii"]
        {
            for font in [LABEL, TILE_NAME, GROUP_NAME] {
                let fitted = font.fitted(text, 60.0);
                assert!(fitted.ends_with('…') && fitted.chars().count() > 1 && font.width(&fitted) <= 60.0, "{fitted}");
            }
        }
        assert_eq!(GROUP_NAME.fitted("impact", 8.0), "");
    }

    /// As Chromium measures them in DejaVu Sans Bold, 12.5 px.
    #[test]
    fn bold_names_are_not_thought_narrower_than_they_are() {
        assert!(GROUP_NAME.width("impact") >= 48.3, "{}", GROUP_NAME.width("impact"));
    }
}
