//! A hash that stays nearly the same when a picture is resized, recompressed or brightened.
//!
//! The DCT hash of Christoph Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010, section 3.2), in the form of
//! Neal Krawetz, "Looks Like It" (hackerfactor.com, 2011), with the bit order and the median of Python's `imagehash.phash`, whose hashes of
//! the same picture differ from these by a few bits at most: decoders and filters round differently.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use image::{DynamicImage, GrayImage, Luma, RgbImage};

use super::pixels::{on_white, resize};
use super::{ImageError, header};

/// The side of the gray picture that is transformed, in pixels.
const SIDE: usize = 32;

/// The lowest frequencies kept in each direction: 8 x 8 are the 64 bits.
const FREQUENCIES: usize = 8;

/// Hexadecimal digits of a hash.
const DIGITS: usize = 16;

/// What a picture looks like, in 64 bits; displayed and parsed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PerceptualHash(u64);

impl PerceptualHash {
    /// How many of the 64 bits differ, 0 to 64. Copies of a picture differ in a few, unrelated pictures in about half of them.
    pub fn distance(self, other: PerceptualHash) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// The 64 bits.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

/// A text that is not 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a perceptual hash: expected {DIGITS} hexadecimal digits", .0.escape_debug())]
pub struct InvalidHash(String);

impl FromStr for PerceptualHash {
    type Err = InvalidHash;

    /// Digits of either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Checked first: the standard library's reading takes a sign too.
        let is_hash = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = is_hash.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        bits.map(PerceptualHash).ok_or_else(|| InvalidHash(text.to_owned()))
    }
}

/// The perceptual hash of an image: upright, first frame, transparent pixels on white, in gray, squeezed to 32 x 32.
///
/// A picture of one colour has no structure to hash: all of them hash alike, but for one bit in the hash of black. Costs a decode of the whole image.
///
/// # Errors
/// As [`inspect`](super::inspect), and where the pixels cannot be decoded.
pub fn perceptual_hash(bytes: &[u8]) -> Result<PerceptualHash, ImageError> {
    let header = header::read(bytes)?;
    let pixels = on_white(header::decode(header.format, bytes)?);
    // Turned when it is small: a square keeps its size.
    let mut small = DynamicImage::ImageLuma8(gray(&resize(pixels, SIDE as u32, SIDE as u32)?));
    small.apply_orientation(header.orientation);
    Ok(PerceptualHash(hash(&small.into_luma8())))
}

/// Luma of ITU-R BT.601, as JPEG and Pillow have it.
fn gray(image: &RgbImage) -> GrayImage {
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue] = image.get_pixel(x, y).0.map(u32::from);
        Luma([((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8])
    })
}

/// One bit for each low frequency, row by row from the highest bit: whether it is above their median.
fn hash(picture: &GrayImage) -> u64 {
    let frequencies = low_frequencies(picture);
    let mut sorted = frequencies;
    sorted.sort_unstable();
    // The mean of the middle two, doubled to stay whole.
    let twice_the_median = sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2];
    frequencies.iter().fold(0, |bits, frequency| bits << 1 | u64::from(2 * frequency > twice_the_median))
}

/// The type II discrete cosine transform of rows and columns, [`FREQUENCIES`] of each, in thousandths.
///
/// Whole numbers, because what is zero but for the rounding of cosines (most of a flat or symmetric picture) must not become random bits.
fn low_frequencies(picture: &GrayImage) -> [i64; FREQUENCIES * FREQUENCIES] {
    let cosine = |frequency: usize, position: usize| (PI * frequency as f64 * (2 * position + 1) as f64 / (2 * SIDE) as f64).cos();
    let mut rows = [[0.0; FREQUENCIES]; SIDE];
    for (x, y, pixel) in picture.enumerate_pixels() {
        for (frequency, sum) in rows[y as usize].iter_mut().enumerate() {
            *sum += f64::from(pixel.0[0]) * cosine(frequency, x as usize);
        }
    }
    std::array::from_fn(|index| {
        let (vertical, horizontal) = (index / FREQUENCIES, index % FREQUENCIES);
        let sum: f64 = rows.iter().enumerate().map(|(y, row)| row[horizontal] * cosine(vertical, y)).sum();
        (sum * 1000.0).round() as i64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixel: impl Fn(u32, u32) -> u8) -> GrayImage {
        GrayImage::from_fn(SIDE as u32, SIDE as u32, |x, y| Luma([pixel(x, y)]))
    }

    #[test]
    fn frequencies_are_those_of_the_definition() {
        // One horizontal wave of frequency 2 on a gray ground: only that one and the mean are not zero (in scale: N/2 * N * 100, N * N * 128).
        let wave = |x: u32| (PI * 2.0 * f64::from(2 * x + 1) / 64.0).cos();
        let frequencies = low_frequencies(&picture(|x, _| (128.0 + 100.0 * wave(x)).round() as u8));
        let close = |index: usize, expected: f64| (frequencies[index] as f64 / 1000.0 - expected).abs() < 0.01 * expected;
        assert!(close(0, 32.0 * 32.0 * 128.0) && close(2, 16.0 * 32.0 * 100.0), "{frequencies:?}");
        assert!(frequencies[FREQUENCIES..].iter().all(|frequency| *frequency == 0), "{frequencies:?}");
    }

    #[test]
    fn flat_pictures_hash_alike() {
        assert_eq!(hash(&picture(|_, _| 1)), 1 << 63);
        assert_eq!(hash(&picture(|_, _| 255)), 1 << 63);
        assert_eq!(hash(&picture(|_, _| 0)), 0);
    }

    #[test]
    fn a_hash_is_sixteen_digits() {
        let hash = PerceptualHash(0xab);
        assert_eq!(hash.to_string(), "00000000000000ab");
        assert_eq!("00000000000000AB".parse(), Ok(hash));
        for text in ["", "ab", "+0000000000000ab", "00000000000000ag", "00000000000000ab0"] {
            assert_eq!(text.parse::<PerceptualHash>(), Err(InvalidHash(text.to_owned())));
        }
    }
}
