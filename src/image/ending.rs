//! Whether a file's end is there, told from its structure.

use super::error::with_thousands;
use super::{ImageFormat, ImageProblem};

const PNG_SIGNATURE_LENGTH: usize = 8;
/// Length, type and checksum of a PNG chunk.
const PNG_CHUNK_FRAME: usize = 12;
const GIF_HEADER_LENGTH: usize = 13;
/// A GIF image descriptor, from its separator to its flags.
const GIF_DESCRIPTOR_LENGTH: usize = 10;

/// What a file's structure says about its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// The lengths in the file do not add up, or it has none: only decoding tells.
    Unclear,
    /// Says what is missing.
    CutOff(String),
}

/// The problem of a file that lacks something.
pub(super) fn cut_off(bytes: &[u8], missing: impl Into<String>) -> ImageProblem {
    ImageProblem::CutOff { missing: missing.into(), length: bytes.len() }
}

/// Looks for the end of a file of any format but JPEG, whose end is found on the way through its headers.
pub(super) fn of(format: ImageFormat, bytes: &[u8]) -> Ending {
    match format {
        ImageFormat::Png => png(bytes),
        ImageFormat::WebP => webp(bytes),
        ImageFormat::Gif => gif(bytes),
        ImageFormat::Bmp => bmp(bytes),
        // A TIFF has no end: its directories point anywhere.
        ImageFormat::Tiff | ImageFormat::Jpeg => Ending::Unclear,
    }
}

/// Walks the chunks to IEND.
fn png(bytes: &[u8]) -> Ending {
    let mut position = PNG_SIGNATURE_LENGTH;
    while let Some(&[l3, l2, l1, l0, ref kind @ ..]) = bytes.get(position..position + 8) {
        if kind == b"IEND" {
            return Ending::Whole;
        }
        let end = position + PNG_CHUNK_FRAME + u32::from_be_bytes([l3, l2, l1, l0]) as usize;
        if end > bytes.len() {
            return expected(end);
        }
        position = end;
    }
    Ending::CutOff("the PNG end chunk is missing".to_owned())
}

/// Compares with the size in the RIFF header, which leaves out its own eight bytes.
fn webp(bytes: &[u8]) -> Ending {
    match little_endian(bytes, 4) {
        // Some writers leave out the padding byte after an odd last chunk.
        Some(size) if size + 8 > bytes.len() + 1 => expected(size + 8),
        Some(_) => Ending::Whole,
        None => Ending::CutOff("it ends inside its header".to_owned()),
    }
}

/// Walks the blocks to the trailer.
fn gif(bytes: &[u8]) -> Ending {
    let mut position = match bytes.get(10) {
        Some(flags) => GIF_HEADER_LENGTH + gif_palette_length(*flags),
        None => return Ending::CutOff("it ends inside its header".to_owned()),
    };
    let mut frames = 0;
    loop {
        let data = match bytes.get(position) {
            Some(0x3B) => return Ending::Whole,
            // Extension: its label, then sub-blocks.
            Some(0x21) => Some(position + 2),
            // Image: descriptor, palette, code size, then sub-blocks.
            Some(0x2C) => {
                frames += 1;
                bytes
                    .get(position + GIF_DESCRIPTOR_LENGTH - 1)
                    .map(|flags| position + GIF_DESCRIPTOR_LENGTH + gif_palette_length(*flags) + 1)
            }
            Some(_) => return Ending::Unclear,
            // Every frame is there, only the trailer is not.
            None if position == bytes.len() && frames > 0 => return Ending::Whole,
            None => None,
        };
        match data.and_then(|data| skip_sub_blocks(bytes, data)) {
            Some(end) => position = end,
            None => return Ending::CutOff("it ends inside a GIF block".to_owned()),
        }
    }
}

fn gif_palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 0x07) + 1) }
}

/// The position after the zero-length sub-block that ends a GIF block; `None` if the bytes end before it.
fn skip_sub_blocks(bytes: &[u8], mut position: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(position)?);
        position += 1 + length;
        if length == 0 {
            return Some(position);
        }
    }
}

/// Trusts the file size in the header if it is one: many writers leave zero or nonsense there.
fn bmp(bytes: &[u8]) -> Ending {
    match (little_endian(bytes, 2), little_endian(bytes, 10)) {
        (Some(size), Some(pixels_at)) if size > pixels_at && size <= bytes.len() => Ending::Whole,
        (Some(_), Some(_)) => Ending::Unclear,
        _ => Ending::CutOff("it ends inside its header".to_owned()),
    }
}

fn expected(length: usize) -> Ending {
    Ending::CutOff(format!("at least {} bytes were expected", with_thousands(length)))
}

fn little_endian(bytes: &[u8], position: usize) -> Option<usize> {
    let field = bytes.get(position..position + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?) as usize)
}
