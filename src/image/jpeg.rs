//! The headers of a JPEG file, read without a decoder: import looks at every file, and a walk over the segments costs about a microsecond.
//!
//! Markers and segments: ITU-T T.81, annex B.

use image::metadata::Orientation;

use super::ending::{self, Ending};
use super::header::Header;
use super::{ImageFormat, ImageProblem};

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
/// Holds EXIF or XMP: orientation, camera, place.
const APP1: u8 = 0xE1;
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// What the frame header says.
struct Frame {
    marker: u8,
    bits: u8,
    height: u16,
    width: u16,
    components: u8,
}

impl Frame {
    /// Any decoder reads it: Huffman-coded (baseline, extended, progressive), 8 bits, gray or three colours.
    fn is_plain(&self) -> bool {
        matches!(self.marker, 0xC0..=0xC2) && self.bits == 8 && matches!(self.components, 1 | 3)
    }
}

/// Reads the segments up to the first scan, and looks for the end marker behind it.
///
/// # Errors
/// [`ImageProblem::CutOff`] if the file ends before its first scan, [`ImageProblem::Unreadable`] if it has no usable frame header.
pub(super) fn read(bytes: &[u8]) -> Result<(Header, Ending), ImageProblem> {
    let mut frame = None;
    let mut orientation = None;
    let mut has_metadata = false;
    let mut position = 2;
    let scans = loop {
        let (marker, start) = next_marker(bytes, position).ok_or_else(|| ends_in_headers(bytes))?;
        if marker == END_OF_IMAGE {
            return Err(unreadable("it holds no image data"));
        }
        if stands_alone(marker) {
            position = start;
            continue;
        }
        let (payload, end) = segment(bytes, start).ok_or_else(|| ends_in_headers(bytes))?;
        match marker {
            START_OF_SCAN => break bytes.get(end..).unwrap_or_default(),
            APP1 => {
                has_metadata = true;
                orientation = orientation.or_else(|| Orientation::from_exif_chunk(payload.strip_prefix(EXIF_PREFIX)?));
            }
            _ if is_frame(marker) => frame = read_frame(marker, payload),
            _ => {}
        }
        position = end;
    };

    let frame = frame.ok_or_else(|| unreadable("it has no frame header"))?;
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let header = Header {
        format: ImageFormat::Jpeg,
        stored_width: frame.width.into(),
        stored_height: frame.height.into(),
        orientation,
        is_plain_jpeg: frame.is_plain() && !has_metadata,
        is_rgb: frame.bits == 8 && frame.components == 3,
    };
    let ending = if has_end(scans) { Ending::Whole } else { Ending::CutOff("the JPEG end marker is missing".to_owned()) };
    Ok((header, ending))
}

/// Whether an end marker stands in what follows the first scan's header. In coded data 0xFF is always followed by a stuffed zero or
/// a restart marker, so these two bytes are the end. They are an intact file's last ones: looked for from the back, past any padding.
fn has_end(scans: &[u8]) -> bool {
    scans.windows(2).rev().any(|pair| pair == [0xFF, END_OF_IMAGE])
}

/// The next marker at or after `position`, with where its segment starts. Fill bytes and stray bytes are passed over, as decoders do.
fn next_marker(bytes: &[u8], position: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(position..)?;
    let offset = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF))?;
    let marker_at = position + offset + 1;
    Some((*bytes.get(marker_at)?, marker_at + 1))
}

/// The payload of the segment whose length field stands at `start`, and where it ends.
fn segment(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let length = bytes.get(start..start + 2)?;
    let end = start + usize::from(u16::from_be_bytes(length.try_into().ok()?));
    Some((bytes.get(start + 2..end)?, end))
}

/// Restart markers, a repeated start of image, and TEM have no length field.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn read_frame(marker: u8, payload: &[u8]) -> Option<Frame> {
    let &[bits, h1, h0, w1, w0, components, ..] = payload else { return None };
    Some(Frame { marker, bits, height: u16::from_be_bytes([h1, h0]), width: u16::from_be_bytes([w1, w0]), components })
}

fn ends_in_headers(bytes: &[u8]) -> ImageProblem {
    ending::cut_off(bytes, "it ends inside its headers")
}

fn unreadable(cause: &str) -> ImageProblem {
    ImageProblem::Unreadable { format: ImageFormat::Jpeg.name(), cause: cause.to_owned() }
}
