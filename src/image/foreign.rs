//! Names what a file that is no readable image looks like, for the error message.

/// First bytes and what they mean, for what turns up in image folders. Longer signatures stand before their prefixes.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"version https://git-lfs", "a Git LFS pointer (run git lfs pull)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"8BPS", "a Photoshop file"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"PAR1", "a Parquet file"),
    (b"\x89HDF", "an HDF5 file"),
];

/// Brands of ISO media files, which follow `ftyp` at byte 4.
const MEDIA_BRANDS: &[(&[u8], &str)] = &[
    (b"avif", "an AVIF image"),
    (b"avis", "an AVIF image"),
    (b"heic", "a HEIC image"),
    (b"heix", "a HEIC image"),
    (b"mif1", "a HEIC image"),
];

/// How much of a file is looked at to tell text from binary data.
const TEXT_SAMPLE_BYTES: usize = 512;

/// What the file looks like. `bytes` is not empty and no image that can be read.
pub(super) fn describe(bytes: &[u8]) -> &'static str {
    if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return name;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return MEDIA_BRANDS.iter().find(|(brand, _)| bytes.get(8..12) == Some(*brand)).map_or("a video", |(_, name)| name);
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return "a file of zeros";
    }
    text_kind(bytes).unwrap_or("binary data of an unknown kind")
}

/// Whether what [`describe`] calls so shows something, in a format that is not read.
pub(super) fn is_picture(looks_like: &str) -> bool {
    looks_like.ends_with(" image") || matches!(looks_like, "a Photoshop file" | "a Windows icon" | "an SVG drawing")
}

/// What kind of text the bytes are; `None` for binary data.
pub(super) fn text_kind(bytes: &[u8]) -> Option<&'static str> {
    let sample = bytes.get(..TEXT_SAMPLE_BYTES).unwrap_or(bytes);
    let text = match std::str::from_utf8(sample) {
        Ok(text) => text,
        // The sample may end inside a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(sample.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|character| character.is_control() && !character.is_whitespace()) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    Some(if start.starts_with("<svg") || (start.starts_with("<?xml") && start.contains("<svg")) {
        "an SVG drawing"
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "an HTML page (perhaps what a download returned instead of the image)"
    } else if start.starts_with('<') {
        "XML or HTML"
    } else if start.starts_with('{') || start.starts_with('[') {
        "JSON"
    } else {
        "plain text"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_turns_up_in_image_folders() {
        assert_eq!(describe(b"version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer (run git lfs pull)");
        assert_eq!(describe(b"\0\0\0\x1cftypavif"), "an AVIF image");
        assert_eq!(describe(b"\0\0\0\x1cftypisom"), "a video");
        assert_eq!(
            describe(b"\xef\xbb\xbf<!DOCTYPE html><title>404"),
            "an HTML page (perhaps what a download returned instead of the image)"
        );
        assert_eq!(describe(b"<?xml version='1.0'?>\n<svg/>"), "an SVG drawing");
        assert_eq!(describe(b"{\"error\": 404}"), "JSON");
        assert_eq!(describe(&[0; 100]), "a file of zeros");
        assert_eq!(describe(&[1, 2, 3]), "binary data of an unknown kind");
    }

    #[test]
    fn pictures_can_be_converted() {
        for bytes in [b"\0\0\0\x1cftypavif".as_slice(), b"\0\0\0\x0cjP  ", b"\0\0\x01\0", b"8BPS", b"<svg/>"] {
            assert!(is_picture(describe(bytes)), "{}", describe(bytes));
        }
        for bytes in [b"%PDF".as_slice(), b"\0\0\0\x1cftypisom", b"<!doctype html>", &[0; 9]] {
            assert!(!is_picture(describe(bytes)), "{}", describe(bytes));
        }
    }

    #[test]
    fn a_sample_that_ends_inside_a_character_is_still_text() {
        let text = "ä".repeat(TEXT_SAMPLE_BYTES);
        assert_eq!(describe(format!("x{text}").as_bytes()), "plain text");
    }
}
