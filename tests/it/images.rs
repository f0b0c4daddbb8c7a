//! Image files as they really come: odd colour spaces, cut off, misnamed, hostile; and the way to them.

mod folders;
mod request_images;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, Rgb, RgbImage};
use mmevol::image::{ImageFormat, ImageProblem, inspect, request_jpeg};

/// The files in `tests/data/images`: 80x40 pixels, red on the left and blue on the right.
const FIXTURES: &[(&str, ImageFormat)] = &[
    ("animated.gif", ImageFormat::Gif),
    ("animated.webp", ImageFormat::WebP),
    ("cmyk.jpg", ImageFormat::Jpeg),
    ("gray.jpg", ImageFormat::Jpeg),
    ("gray16.png", ImageFormat::Png),
    ("lossy.webp", ImageFormat::WebP),
    ("lzw.tiff", ImageFormat::Tiff),
    ("palette.png", ImageFormat::Png),
    ("plain.bmp", ImageFormat::Bmp),
    ("progressive.jpg", ImageFormat::Jpeg),
];

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn encoded(image: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("a test image encodes");
    bytes.into_inner()
}

fn photo(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, ((x * y) % 239) as u8])).into()
}

fn problem_of(bytes: &[u8]) -> ImageProblem {
    inspect(bytes).expect_err("the image is faulty").problem
}

// What a file is.

#[test]
fn the_content_says_what_an_image_is() {
    for (name, format) in FIXTURES {
        let bytes = fixture(name);
        let info = inspect(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((info.format, info.width, info.height), (*format, 80, 40), "{name}");
        assert_eq!(info.image_id, blake3::hash(&bytes).to_hex().as_str(), "{name}");
    }
}

#[test]
fn the_size_is_the_one_a_viewer_shows() {
    let info = inspect(&fixture("rotated.jpg")).expect("the image is fine");
    assert_eq!((info.width, info.height), (40, 80));
}

#[test]
fn formats_have_names_and_media_types() {
    assert_eq!((ImageFormat::Jpeg.name(), ImageFormat::Jpeg.media_type()), ("jpeg", "image/jpeg"));
    assert_eq!((ImageFormat::WebP.name(), ImageFormat::WebP.media_type()), ("webp", "image/webp"));
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(problem_of(b""), ImageProblem::Empty);
}

#[test]
fn a_file_that_is_no_image_is_called_what_it_looks_like() {
    let cases: &[(&[u8], &str)] = &[
        (b"a note, renamed to .jpg", "plain text"),
        // "BM" is all a BMP needs to begin with.
        (b"BMW is a car maker", "plain text"),
        (b"[{\"id\": 1}]", "JSON"),
        (b"%PDF-1.7\n", "a PDF document"),
    ];
    for (bytes, expected) in cases {
        match problem_of(bytes) {
            ImageProblem::NotAnImage { looks_like } => assert_eq!(looks_like, *expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

/// A PNG of a few bytes that claims 20,000 x 20,000 pixels: 1.2 GB if it were decoded.
pub fn png_bomb() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(20_000_u32.to_be_bytes());
    header.extend(20_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    for chunk in [header, b"IDAT".to_vec(), b"IEND".to_vec()] {
        bytes.extend((chunk.len() as u32 - 4).to_be_bytes());
        bytes.extend(&chunk);
        bytes.extend(crc32(&chunk).to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())))
}

#[test]
fn an_image_of_too_many_pixels_is_refused_by_its_header() {
    let bomb = png_bomb();
    assert_eq!(problem_of(&bomb), ImageProblem::TooLarge { width: 20_000, height: 20_000 });
    let error = request_jpeg(&bomb).expect_err("the image is too large").named("bomb.png");
    assert_eq!(error.to_string(), "image 'bomb.png' has 20,000 x 20,000 pixels, more than the limit of 100 million");
}

// Cut off.

#[test]
fn a_file_cut_in_half_is_refused() {
    for (name, _) in FIXTURES {
        let bytes = fixture(name);
        let half = &bytes[..bytes.len() / 2];
        let problem = problem_of(half);
        assert!(matches!(problem, ImageProblem::CutOff { .. } | ImageProblem::Unreadable { .. }), "{name}: {problem:?}");
        assert!(request_jpeg(half).is_err(), "{name}");
    }
}

/// These have no end to look for: what the decoder says of a buffer is put into words.
#[test]
fn a_bitmap_or_tiff_that_is_cut_off_is_called_so() {
    for name in ["plain.bmp", "lzw.tiff"] {
        let bytes = fixture(name);
        for length in [20, 100, bytes.len() / 2, bytes.len() - 1] {
            let cut_off = ImageProblem::CutOff { missing: "more bytes were expected".to_owned(), length };
            assert_eq!(problem_of(&bytes[..length]), cut_off, "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn no_part_of_a_file_passes_that_lacks_pixels() {
    for (name, _) in FIXTURES {
        let bytes = fixture(name);
        for length in 0..bytes.len() {
            if inspect(&bytes[..length]).is_ok() {
                let [whole, part] = [&bytes, &bytes[..length]].map(|bytes| image::load_from_memory(bytes).ok());
                assert_eq!(whole, part, "{name} cut to {length} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn a_message_says_what_is_missing_and_the_hint_what_to_do() {
    let bytes = encoded(&photo(300, 200), image::ImageFormat::Jpeg);
    let part = &bytes[..bytes.len() - 100];
    let error = inspect(part).expect_err("the image is cut off").named("a.jpg");
    let length = format!("{},{:03}", part.len() / 1000, part.len() % 1000);
    assert_eq!(error.to_string(), format!("image 'a.jpg' is cut off: the JPEG end marker is missing ({length} bytes)"));
    assert_eq!(error.hint().as_deref(), Some("replace the file"));

    let error = inspect(b"\0\0\0\x1cftypavif").expect_err("the image is of a format that is not read");
    assert_eq!(error.hint().as_deref(), Some("convert it to JPEG or PNG"));

    let webp = fixture("animated.webp");
    let error = inspect(&webp[..100]).expect_err("the image is cut off");
    assert_eq!(error.to_string(), format!("the image is cut off: at least {} bytes were expected (100 bytes)", webp.len()));
}

#[test]
fn padding_after_the_end_is_no_fault() {
    for (name, _) in FIXTURES {
        let mut bytes = fixture(name);
        bytes.extend([0; 1000]);
        assert!(inspect(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn the_end_marker_of_an_embedded_thumbnail_is_not_the_images_end() {
    let bytes = encoded(&photo(100, 100), image::ImageFormat::Jpeg);
    let thumbnail = [0xFF, 0xD8, 0xFF, 0xD9];
    let mut with_thumbnail = bytes[..2].to_vec();
    with_thumbnail.extend([0xFF, 0xE2, 0, 6]);
    with_thumbnail.extend(thumbnail);
    with_thumbnail.extend(&bytes[2..]);
    assert!(inspect(&with_thumbnail).is_ok());
    assert!(matches!(problem_of(&with_thumbnail[..with_thumbnail.len() - 2]), ImageProblem::CutOff { .. }));
}

#[test]
fn a_jpeg_header_is_found_behind_long_metadata() {
    let bytes = encoded(&photo(100, 60), image::ImageFormat::Jpeg);
    let mut long = bytes[..2].to_vec();
    for _ in 0..20 {
        long.extend([0xFF, 0xE2, 0xFF, 0xFF]);
        long.extend(vec![0xFF; 65_533]);
    }
    long.extend(&bytes[2..]);
    let info = inspect(&long).expect("the image is fine");
    assert_eq!((info.width, info.height), (100, 60));

    let request = request_jpeg(&long).expect("the image converts");
    assert!(request.jpeg.len() < 100_000, "a megabyte of metadata is not sent");
}

#[test]
fn a_png_without_its_end_chunk_is_cut_off() {
    let bytes = encoded(&photo(50, 50), image::ImageFormat::Png);
    let problem = problem_of(&bytes[..bytes.len() - 12]);
    assert!(matches!(&problem, ImageProblem::CutOff { missing, .. } if missing == "the PNG end chunk is missing"), "{problem:?}");
}

#[test]
fn a_jpeg_without_an_image_is_refused() {
    assert!(matches!(problem_of(&[0xFF, 0xD8, 0xFF, 0xD9]), ImageProblem::Unreadable { .. }));
}

#[test]
fn damaged_files_do_not_panic() {
    for (name, _) in FIXTURES {
        let bytes = fixture(name);
        for position in (0..bytes.len().min(400)).chain((400..bytes.len()).step_by(97)) {
            let mut damaged = bytes.clone();
            damaged[position] = !damaged[position];
            // Whether it is refused depends on the byte; it must not panic.
            inspect(&damaged).ok();
        }
    }
}
