//! What pixels say with certainty: the colour of a region, brightness, and whether a picture has colours at all.
//!
//! Every statement needs a margin; where pixels are ambiguous, nothing is said.

use image::{ImageReader, Limits, RgbImage};

use super::scene::Region;

/// About how many pixels of a region are looked at.
const SAMPLES: u32 = 4_000;
/// Request images fit 512 x 512; anything much larger is not one.
const LARGEST_SIDE: u32 = 4_096;
/// A colour must fill this share of a region's inner part to be its colour,
const DOMINANT_SHARE: f64 = 0.5;
/// and exceed its own share around the region by this, or it may be the background's.
const LEAD_OVER_SURROUNDINGS: f64 = 0.3;

/// Small things against the light look black, and ones in glaring light white, whatever their colour.
const SMALLEST_EXTREME: f64 = 0.03;

/// A colour by its everyday name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Black,
    Grey,
    White,
    Red,
    Orange,
    Brown,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
}

impl Colour {
    /// In the order of the declaration.
    pub const ALL: [Colour; 11] = [
        Colour::Black,
        Colour::Grey,
        Colour::White,
        Colour::Red,
        Colour::Orange,
        Colour::Brown,
        Colour::Yellow,
        Colour::Green,
        Colour::Blue,
        Colour::Purple,
        Colour::Pink,
    ];

    /// The English name.
    pub fn name(self) -> &'static str {
        match self {
            Colour::Black => "black",
            Colour::Grey => "grey",
            Colour::White => "white",
            Colour::Red => "red",
            Colour::Orange => "orange",
            Colour::Brown => "brown",
            Colour::Yellow => "yellow",
            Colour::Green => "green",
            Colour::Blue => "blue",
            Colour::Purple => "purple",
            Colour::Pink => "pink",
        }
    }

    /// The colour a word names; "gray" counts too.
    pub fn named(word: &str) -> Option<Self> {
        let word = if word == "gray" { "grey" } else { word };
        Colour::ALL.into_iter().find(|colour| colour.name() == word)
    }

    /// Colours that people might call by each other's name, so that one cannot be a wrong answer to the other.
    pub fn is_near(self, other: Colour) -> bool {
        use Colour::{Black, Blue, Brown, Green, Grey, Orange, Pink, Purple, Red, White, Yellow};
        let near = |a: Colour, b: Colour| {
            matches!(
                (a, b),
                (Black, Grey | Brown)
                    | (Grey, White | Brown | Blue)
                    | (Red, Orange | Pink | Brown | Purple)
                    | (Orange, Brown | Yellow | Pink)
                    | (Brown, Yellow)
                    | (Yellow, Green | White)
                    | (Green, Blue)
                    | (Blue, Purple)
                    | (Purple, Pink)
            )
        };
        self == other || near(self, other) || near(other, self)
    }

    /// Whether it is seldom the look of something else: shadow, warm light and glass make grey and brown out of any colour.
    fn is_no_shade(self) -> bool {
        !matches!(self, Colour::Grey | Colour::Brown)
    }

    /// The name for a pixel, by hue, saturation and value.
    fn of([red, green, blue]: [u8; 3]) -> Self {
        let (red, green, blue) = (f64::from(red) / 255.0, f64::from(green) / 255.0, f64::from(blue) / 255.0);
        let value = red.max(green).max(blue);
        let chroma = value - red.min(green).min(blue);
        let saturation = if value > 0.0 { chroma / value } else { 0.0 };
        if value < 0.18 || (value < 0.3 && chroma < 0.08) {
            return Colour::Black;
        }
        if chroma < 0.09 || saturation < 0.14 {
            return if value > 0.8 { Colour::White } else { Colour::Grey };
        }
        let sector = if value == red {
            ((green - blue) / chroma).rem_euclid(6.0)
        } else if value == green {
            (blue - red) / chroma + 2.0
        } else {
            (red - green) / chroma + 4.0
        };
        match sector * 60.0 {
            hue if !(14.0..345.0).contains(&hue) && saturation < 0.45 => {
                if value > 0.6 {
                    Colour::Pink
                } else {
                    Colour::Brown
                }
            }
            hue if !(14.0..345.0).contains(&hue) => Colour::Red,
            hue if hue < 42.0 && (value < 0.7 || saturation < 0.55) => Colour::Brown,
            hue if hue < 42.0 => Colour::Orange,
            hue if hue < 68.0 && (value < 0.55 || saturation < 0.35) => Colour::Brown,
            hue if hue < 68.0 => Colour::Yellow,
            hue if hue < 165.0 => Colour::Green,
            hue if hue < 258.0 => Colour::Blue,
            hue if hue < 295.0 => Colour::Purple,
            _ if value < 0.5 => Colour::Purple,
            _ => Colour::Pink,
        }
    }
}

/// Whether a picture has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    BlackAndWhite,
    FullColour,
    /// One tint, as in sepia, or too pale to say.
    Unclear,
}

/// A decoded image.
#[derive(Debug)]
pub struct Pixels {
    image: RgbImage,
}

impl Pixels {
    /// Decodes a request's JPEG. CPU-bound: a few milliseconds at 512 x 512.
    ///
    /// # Errors
    /// The decoder's, for bytes that are no JPEG or an image far larger than a request image.
    pub fn decode(jpeg: &[u8]) -> Result<Self, image::ImageError> {
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        let mut reader = ImageReader::with_format(std::io::Cursor::new(jpeg), image::ImageFormat::Jpeg);
        reader.limits(limits);
        Ok(Pixels { image: reader.decode()?.into_rgb8() })
    }

    /// Width divided by height.
    pub fn aspect(&self) -> f64 {
        f64::from(self.image.width()) / f64::from(self.image.height().max(1))
    }

    /// The colour that clearly prevails in the inner part of a region, outside of `others`, and not around it.
    pub fn dominant_colour(&self, region: &Region, others: &[Region]) -> Option<Colour> {
        let inner = Histogram::of(self.samples(&shrunk(region), others));
        let (colour, share) = inner.first()?;
        let around = Histogram::of(self.samples_around(region));
        let stands_out = around.total == 0 || share - around.share(colour) > LEAD_OVER_SURROUNDINGS;
        let is_extreme = matches!(colour, Colour::Black | Colour::White);
        let needed = if is_extreme { DOMINANT_SHARE + 0.2 } else { DOMINANT_SHARE };
        if is_extreme && region.area() < SMALLEST_EXTREME {
            return None;
        }
        (colour.is_no_shade() && share >= needed && inner.second_share() < share / 2.0 && stands_out).then_some(colour)
    }

    /// The colour that fills most of the whole image.
    pub fn main_colour(&self) -> Option<Colour> {
        let histogram = Histogram::of(self.samples(&WHOLE, &[]));
        let (colour, share) = histogram.first()?;
        (share > 0.6 && colour.is_no_shade() && self.tone() == Tone::FullColour).then_some(colour)
    }

    /// Whether the image has colours, judged by how far its pixels are from grey.
    pub fn tone(&self) -> Tone {
        let chromas: Vec<u8> =
            self.samples(&WHOLE, &[]).map(|[red, green, blue]| red.max(green).max(blue) - red.min(green).min(blue)).collect();
        let share_above = |limit: u8| share(chromas.iter().filter(|chroma| **chroma > limit).count(), chromas.len());
        let histogram = Histogram::of(self.samples(&WHOLE, &[]));
        let hues = Colour::ALL.into_iter().skip(3).filter(|colour| histogram.share(*colour) > 0.03).count();
        if share_above(16) < 0.01 {
            Tone::BlackAndWhite
        } else if share_above(40) > 0.2 && hues >= 2 {
            Tone::FullColour
        } else {
            Tone::Unclear
        }
    }

    /// Mean luma (ITU-R BT.601) of a region, 0 to 255; `None` if it holds no pixel.
    pub fn brightness(&self, region: &Region) -> Option<f64> {
        let (sum, count) = self.samples(region, &[]).fold((0.0, 0_u32), |(sum, count), [red, green, blue]| {
            (sum + 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue), count + 1)
        });
        (count > 0).then(|| sum / f64::from(count))
    }

    /// An even sample of a region's pixels without those in `others`.
    fn samples<'a>(&'a self, region: &Region, others: &'a [Region]) -> impl Iterator<Item = [u8; 3]> + 'a {
        let (width, height) = self.image.dimensions();
        let pixel = |fraction: f64, size: u32| (fraction * f64::from(size)).round().clamp(0.0, f64::from(size)) as u32;
        let [x1, y1, x2, y2] = region.0;
        let (left, right, top, bottom) = (pixel(x1, width), pixel(x2, width), pixel(y1, height), pixel(y2, height));
        let pixels = right.saturating_sub(left).saturating_mul(bottom.saturating_sub(top));
        let stride = (pixels / SAMPLES).isqrt().max(1) as usize;
        let is_free = move |x: u32, y: u32| {
            let (x, y) = ((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height));
            !others.iter().any(|Region([x1, y1, x2, y2])| (*x1..*x2).contains(&x) && (*y1..*y2).contains(&y))
        };
        (top..bottom)
            .step_by(stride)
            .flat_map(move |y| (left..right).step_by(stride).map(move |x| (x, y)))
            .filter(move |(x, y)| is_free(*x, *y))
            .map(|(x, y)| self.image.get_pixel(x, y).0)
    }

    /// The pixels in a frame around a region, as wide as a quarter of it.
    fn samples_around(&self, region: &Region) -> Vec<[u8; 3]> {
        let [x1, y1, x2, y2] = region.0;
        let (dx, dy) = (region.width() * 0.25, region.height() * 0.25);
        let outer = Region([(x1 - dx).max(0.0), (y1 - dy).max(0.0), (x2 + dx).min(1.0), (y2 + dy).min(1.0)]);
        self.samples(&outer, std::slice::from_ref(region)).collect()
    }
}

const WHOLE: Region = Region([0.0, 0.0, 1.0, 1.0]);

/// The inner part, where a box is least likely to show background.
fn shrunk(region: &Region) -> Region {
    let [x1, y1, x2, y2] = region.0;
    let (dx, dy) = (region.width() * 0.2, region.height() * 0.2);
    Region([x1 + dx, y1 + dy, x2 - dx, y2 - dy])
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[derive(Debug)]
struct Histogram {
    counts: [usize; Colour::ALL.len()],
    total: usize,
}

impl Histogram {
    fn of(pixels: impl IntoIterator<Item = [u8; 3]>) -> Self {
        let mut histogram = Histogram { counts: [0; Colour::ALL.len()], total: 0 };
        for pixel in pixels {
            histogram.counts[Colour::of(pixel) as usize] += 1;
            histogram.total += 1;
        }
        histogram
    }

    fn share(&self, colour: Colour) -> f64 {
        share(self.counts[colour as usize], self.total)
    }

    /// The most frequent colour; `None` for too few pixels to say.
    fn first(&self) -> Option<(Colour, f64)> {
        let colour = Colour::ALL.into_iter().max_by_key(|colour| self.counts[*colour as usize])?;
        (self.total >= 60).then(|| (colour, self.share(colour)))
    }

    fn second_share(&self) -> f64 {
        let mut counts = self.counts;
        counts.sort_unstable();
        share(counts[counts.len() - 2], self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of one colour with a square of another in its middle.
    fn picture(ground: [u8; 3], square: [u8; 3]) -> Pixels {
        let inside = |x: u32, y: u32| (50..150).contains(&x) && (50..150).contains(&y);
        Pixels { image: RgbImage::from_fn(200, 200, |x, y| image::Rgb(if inside(x, y) { square } else { ground })) }
    }

    const SQUARE: Region = Region([0.25, 0.25, 0.75, 0.75]);

    #[test]
    fn clear_colours_have_names() {
        for (rgb, colour) in [
            ([220, 20, 30], Colour::Red),
            ([250, 140, 10], Colour::Orange),
            ([110, 70, 35], Colour::Brown),
            ([250, 230, 20], Colour::Yellow),
            ([40, 140, 50], Colour::Green),
            ([30, 80, 200], Colour::Blue),
            ([240, 130, 170], Colour::Pink),
            ([10, 10, 12], Colour::Black),
            ([128, 128, 128], Colour::Grey),
            ([250, 250, 250], Colour::White),
        ] {
            assert_eq!(Colour::of(rgb), colour, "{rgb:?}");
        }
    }

    #[test]
    fn a_square_has_its_colour_and_not_the_grounds() {
        assert_eq!(picture([40, 140, 50], [220, 20, 30]).dominant_colour(&SQUARE, &[]), Some(Colour::Red));
        assert_eq!(picture([40, 140, 50], [45, 150, 50]).dominant_colour(&SQUARE, &[]), None, "no different from its surroundings");
    }

    #[test]
    fn what_other_objects_cover_does_not_count() {
        let red_half = Region([0.25, 0.25, 0.5, 0.75]);
        let mut pixels = picture([40, 140, 50], [30, 80, 200]);
        for (x, y) in (50..100).flat_map(|x| (50..150).map(move |y| (x, y))) {
            pixels.image.put_pixel(x, y, image::Rgb([220, 20, 30]));
        }
        assert_eq!(pixels.dominant_colour(&SQUARE, &[]), None, "half red, half blue");
        assert_eq!(pixels.dominant_colour(&SQUARE, &[red_half]), Some(Colour::Blue));
    }

    #[test]
    fn tone_and_brightness() {
        let grey = picture([60, 60, 60], [200, 200, 200]);
        assert_eq!(grey.tone(), Tone::BlackAndWhite);
        assert_eq!(grey.brightness(&SQUARE).map(f64::round), Some(200.0));
        assert_eq!(picture([40, 140, 50], [220, 20, 30]).tone(), Tone::FullColour);
        assert_eq!(picture([150, 120, 90], [200, 160, 120]).tone(), Tone::Unclear, "one tint");
    }

    #[test]
    fn what_is_no_jpeg_is_an_error() {
        assert!(Pixels::decode(b"no image").is_err());
        assert!(Pixels::decode(&[]).is_err());
    }

    #[test]
    fn regions_without_pixels_say_nothing() {
        let tiny = Region([0.5, 0.5, 0.5004, 0.5004]);
        let pixels = picture([0, 0, 0], [255, 0, 0]);
        assert_eq!(pixels.brightness(&tiny), None);
        assert_eq!(pixels.dominant_colour(&tiny, &[]), None);
    }
}
