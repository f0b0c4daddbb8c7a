//! What the start of an image file says, and whether the rest can be trusted to be there.

use std::io::{Cursor, ErrorKind};
use std::ops::Range;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::ending::{self, Ending};
use super::{ImageFormat, ImageProblem, MAX_PIXELS, foreign, jpeg};

/// What a decoder may allocate: [`MAX_PIXELS`] of 16-bit RGBA, and some room to work.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// Where a PNG says its bits per sample and its colour type (2 is RGB, 6 RGBA). The decoder says what it makes of them.
const PNG_DEPTH_AND_COLOUR: Range<usize> = 24..26;

/// The facts in a file's header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) format: ImageFormat,
    /// As the pixels are stored, before the orientation is applied.
    pub(super) stored_width: u32,
    pub(super) stored_height: u32,
    pub(super) orientation: Orientation,
    /// A JPEG that any decoder reads, and nothing else: 8 bits, gray or three colours, baseline or progressive, no EXIF or XMP.
    pub(super) is_plain_jpeg: bool,
    /// A JPEG, PNG or WebP whose pixels stand as red, green and blue of 8 bits, with transparency or without.
    pub(super) is_rgb: bool,
}

impl Header {
    /// Width and height as a viewer shows them.
    pub(super) fn displayed_size(&self) -> (u32, u32) {
        let is_turned = matches!(
            self.orientation,
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        if is_turned { (self.stored_height, self.stored_width) } else { (self.stored_width, self.stored_height) }
    }
}

/// Reads a file's header and checks that the file is within limits and all there.
pub(super) fn read(bytes: &[u8]) -> Result<Header, ImageProblem> {
    if bytes.is_empty() {
        return Err(ImageProblem::Empty);
    }
    let Some(format) = ImageFormat::of(bytes) else {
        return Err(ImageProblem::NotAnImage { looks_like: foreign::describe(bytes) });
    };
    let (header, ending) = match format {
        ImageFormat::Jpeg => jpeg::read(bytes)?,
        _ => read_with_decoder(format, bytes)?,
    };
    check_size(&header)?;
    match ending {
        Ending::Whole => Ok(header),
        Ending::CutOff(missing) => Err(ending::cut_off(bytes, missing)),
        Ending::Unclear => decode(format, bytes).map(|_| header),
    }
}

/// Decodes all pixels of the first frame, as they are stored.
pub(super) fn decode(format: ImageFormat, bytes: &[u8]) -> Result<DynamicImage, ImageProblem> {
    reader(format, bytes).decode().map_err(|error| unreadable(format, bytes, &error))
}

fn read_with_decoder(format: ImageFormat, bytes: &[u8]) -> Result<(Header, Ending), ImageProblem> {
    let ending = ending::of(format, bytes);
    match header_from_decoder(format, bytes) {
        Ok(header) => Ok((header, ending)),
        Err(error) => Err(match (ending, foreign::text_kind(bytes)) {
            // Text may begin like an image: "BM" is enough for a BMP.
            (_, Some(looks_like)) => ImageProblem::NotAnImage { looks_like },
            (Ending::CutOff(missing), _) => ending::cut_off(bytes, missing),
            _ => unreadable(format, bytes, &error),
        }),
    }
}

fn header_from_decoder(format: ImageFormat, bytes: &[u8]) -> image::ImageResult<Header> {
    let mut decoder = reader(format, bytes).into_decoder()?;
    let (stored_width, stored_height) = decoder.dimensions();
    // Metadata that cannot be read turns nothing: so do viewers.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let is_rgb = match format {
        ImageFormat::Png => matches!(bytes.get(PNG_DEPTH_AND_COLOUR), Some([8, 2 | 6])),
        // It has no other pixels.
        ImageFormat::WebP => true,
        _ => false,
    };
    Ok(Header { format, stored_width, stored_height, orientation, is_plain_jpeg: false, is_rgb })
}

fn reader(format: ImageFormat, bytes: &[u8]) -> ImageReader<Cursor<&[u8]>> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.decoder());
    reader.limits(limits);
    reader
}

fn check_size(header: &Header) -> Result<(), ImageProblem> {
    let (width, height) = header.displayed_size();
    match u64::from(width) * u64::from(height) {
        0 => Err(ImageProblem::Unreadable { format: header.format.name(), cause: "its header gives a size of zero".to_owned() }),
        1..=MAX_PIXELS => Ok(()),
        _ => Err(ImageProblem::TooLarge { width, height }),
    }
}

/// What the decoder's error means for the user: it calls the end of the file a buffer that it failed to fill.
fn unreadable(format: ImageFormat, bytes: &[u8], error: &image::ImageError) -> ImageProblem {
    match error {
        image::ImageError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => ending::cut_off(bytes, "more bytes were expected"),
        _ => ImageProblem::Unreadable { format: format.name(), cause: error.to_string() },
    }
}
