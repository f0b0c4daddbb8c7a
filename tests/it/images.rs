//! Image files as they really come: odd colour spaces, cut off, misnamed, hostile; and the way to them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use image::{DynamicImage, GenericImageView, Rgb, RgbImage};
use mmevol::image::{ImageError, ImageFolder, ImageFormat, ImageProblem, REQUEST_SIDE, inspect, request_jpeg};
use mmevol::model::request_image::{ImageBytes, ImageBytesError, RequestImageError, RequestImages};

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

const RED: [u8; 3] = [220, 30, 30];
const BLUE: [u8; 3] = [30, 30, 220];
const WHITE: [u8; 3] = [255, 255, 255];

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

/// The colours at the quarter points of the request image, left to right.
fn request_colours(bytes: &[u8]) -> [[u8; 3]; 2] {
    let request = request_jpeg(bytes).expect("the image converts");
    let image = image::load_from_memory(&request.jpeg).expect("the request image decodes");
    assert_eq!(image.dimensions(), (request.width, request.height));
    let (width, height) = image.dimensions();
    let image = image.to_rgb8();
    [image.get_pixel(width / 4, height / 2).0, image.get_pixel(width * 3 / 4, height / 2).0]
}

fn assert_close(name: &str, actual: [u8; 3], expected: [u8; 3]) {
    let is_close = actual.iter().zip(expected).all(|(actual, expected)| actual.abs_diff(expected) <= 12);
    assert!(is_close, "{name}: {actual:?} is not about {expected:?}");
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

// What a model is sent.

#[test]
fn every_kind_of_image_becomes_a_request_jpeg_of_the_same_colours() {
    for (name, _) in FIXTURES.iter().filter(|(name, _)| !matches!(*name, "gray.jpg" | "gray16.png" | "palette.png")) {
        let [left, right] = request_colours(&fixture(name));
        assert_close(name, left, RED);
        assert_close(name, right, BLUE);
    }
    let [left, right] = request_colours(&fixture("gray16.png"));
    assert_close("gray16.png", left, [64; 3]);
    assert_close("gray16.png", right, [191; 3]);
}

#[test]
fn transparent_pixels_become_white() {
    let [left, right] = request_colours(&fixture("palette.png"));
    assert_close("palette.png", left, WHITE);
    assert_close("palette.png", right, BLUE);

    let half_black = DynamicImage::ImageLumaA8(image::GrayAlphaImage::from_pixel(700, 20, image::LumaA([0, 128])));
    let [left, _] = request_colours(&encoded(&half_black, image::ImageFormat::Png));
    assert_close("gray with alpha", left, [127; 3]);
}

#[test]
fn sixteen_bits_become_eight() {
    let deep = DynamicImage::ImageRgba16(image::ImageBuffer::from_pixel(600, 20, image::Rgba([0xFFFF, 0x8080, 0, 0xFFFF])));
    let [left, _] = request_colours(&encoded(&deep, image::ImageFormat::Png));
    assert_close("16 bits", left, [255, 128, 0]);
}

#[test]
fn the_request_image_stands_upright() {
    let request = request_jpeg(&fixture("rotated.jpg")).expect("the image converts");
    assert_eq!((request.width, request.height), (40, 80));
    let image = image::load_from_memory(&request.jpeg).expect("the request image decodes").to_rgb8();
    assert_close("top", image.get_pixel(20, 10).0, RED);
    assert_close("bottom", image.get_pixel(20, 70).0, BLUE);
    assert_eq!(inspect(&request.jpeg).expect("it is a JPEG").width, 40, "the orientation is not applied twice");
}

#[test]
fn large_images_shrink_to_fit_and_small_ones_stay() {
    let cases = [(1000, 500, 512, 256), (500, 2000, 128, 512), (2000, 1, 512, 1), (30, 20, 30, 20)];
    for (width, height, request_width, request_height) in cases {
        let request = request_jpeg(&encoded(&photo(width, height), image::ImageFormat::Png)).expect("the image converts");
        assert_eq!((request.width, request.height), (request_width, request_height), "{width} x {height}");
    }
}

#[test]
fn a_plain_jpeg_that_fits_is_sent_as_it_is() {
    for name in ["progressive.jpg", "gray.jpg"] {
        let bytes = fixture(name);
        assert_eq!(request_jpeg(&bytes).expect("the image converts").jpeg, bytes, "{name}");
    }
    for name in ["cmyk.jpg", "rotated.jpg"] {
        let bytes = fixture(name);
        assert_ne!(request_jpeg(&bytes).expect("the image converts").jpeg, bytes, "{name}");
    }

    let mut with_place = encoded(&photo(100, 60), image::ImageFormat::Jpeg);
    with_place.splice(2..2, *b"\xFF\xE1\x00\x0FExif\0\0N 47.37");
    let request = request_jpeg(&with_place).expect("the image converts");
    assert!(!request.jpeg.windows(4).any(|window| window == b"Exif"), "metadata stays here");

    let large = encoded(&photo(REQUEST_SIDE + 1, 10), image::ImageFormat::Jpeg);
    assert_eq!(request_jpeg(&large).expect("the image converts").width, REQUEST_SIDE);
}

// The way to the files.

struct Folders {
    _directory: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
}

fn folders() -> Folders {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let base = directory.path().canonicalize().expect("the folder exists");
    let (root, outside) = (base.join("data/coco/train2017"), base.join("outside"));
    fs::create_dir_all(root.join("inner")).expect("folders are made");
    fs::create_dir_all(&outside).expect("folders are made");
    for file in [root.join("a.jpg"), root.join("inner/b.png"), root.join("50%20off.jpg"), outside.join("secret.jpg")] {
        fs::write(file, "x").expect("a file is written");
    }
    Folders { _directory: directory, root, outside }
}

fn refused(folder: &ImageFolder, path: &str) -> ImageError {
    folder.resolve(path).expect_err(path)
}

#[test]
fn paths_inside_the_folder_are_found() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["a.jpg", "./a.jpg", "inner/../a.jpg", "50%20off.jpg"] {
        assert!(folder.resolve(path).is_ok(), "{path}");
    }
    assert_eq!(folder.resolve("inner/b.png").expect("the file is there"), folders.root.join("inner/b.png"));
    assert_eq!(folder.resolve("inner//b.png").expect("the file is there"), folders.root.join("inner/b.png"));
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let absolute = folders.root.join("a.jpg").display().to_string();
    for path in ["../a.jpg", "inner/../../train2017/a.jpg", "/etc/passwd", &absolute] {
        let error = refused(&folder, path);
        assert!(matches!(error.problem, ImageProblem::Outside { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;

    let folders = folders();
    let link = |target: PathBuf, name: &str| symlink(target, folders.root.join(name)).expect("a link is made");
    link(folders.outside.join("secret.jpg"), "file_out.jpg");
    link(folders.outside.clone(), "folder_out");
    link(folders.root.join("a.jpg"), "file_in.jpg");
    link(folders.root.join("inner"), "folder_in");
    link(folders.root.join("nowhere"), "dangling.jpg");

    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["file_out.jpg", "folder_out/secret.jpg", "folder_in/../file_out.jpg"] {
        assert!(matches!(refused(&folder, path).problem, ImageProblem::Outside { .. }), "{path}");
    }
    assert_eq!(folder.resolve("file_in.jpg").expect("the link is fine"), folders.root.join("a.jpg"));
    assert_eq!(folder.resolve("folder_in/b.png").expect("the link is fine"), folders.root.join("inner/b.png"));
    assert!(matches!(refused(&folder, "dangling.jpg").problem, ImageProblem::Missing { .. }));

    symlink(&folders.root, folders.outside.join("link_to_root")).expect("a link is made");
    let through_link = ImageFolder::open(folders.outside.join("link_to_root")).expect("the folder itself may be a link");
    assert!(through_link.resolve("a.jpg").is_ok());
}

#[test]
fn a_missing_file_is_hinted_at_where_it_is() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let data = folders.root.parent().and_then(Path::parent).expect("the root is two folders deep").display().to_string();
    let cases = [
        ("a.png", "there is 'a.jpg'".to_owned()),
        ("coco/train2017/a.jpg", format!("the path already begins with 'coco/train2017': pass --images '{data}'")),
        ("gqa/images/inner/b.png", "there is 'inner/b.png': pass the folder that holds 'gqa/images' as --images".to_owned()),
        ("a.jpg/b.jpg", "check --images, or import with --allow-missing-images".to_owned()),
        ("inner\\b.png", "check --images, or import with --allow-missing-images".to_owned()),
    ];
    for (path, hint) in cases {
        let error = refused(&folder, path);
        assert!(matches!(error.problem, ImageProblem::Missing { .. }), "{error}");
        assert_eq!(error.hint(), Some(hint), "{path}");
    }
}

/// An image in base64 has a slash every few bytes, and each was taken for a folder.
#[test]
fn what_is_too_long_is_no_path() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    let error = refused(&folder, &"Qk0ab/".repeat(200_000));
    assert_eq!(error.problem, ImageProblem::NoPath { length: 1_200_000 });
    let message = error.to_string();
    assert!(message.len() < 300 && message.ends_with("...' is no path: it has 1,200,000 characters"), "{message}");
    let deep = format!("{}a.jpg", "x/".repeat(20));
    assert_eq!(refused(&folder, &deep).hint().as_deref(), Some("check --images, or import with --allow-missing-images"));
}

#[test]
fn what_is_no_file_is_refused() {
    let folders = folders();
    let folder = ImageFolder::open(&folders.root).expect("the folder opens");
    for path in ["inner", "", ".", "inner/.."] {
        assert_eq!(refused(&folder, path).problem, ImageProblem::IsFolder, "{path:?}");
    }
    let error = refused(&folder, "a\0.jpg");
    assert!(matches!(error.problem, ImageProblem::Io { .. }), "{error}");
    assert!(!error.to_string().contains('\0'), "names are escaped");
}

#[test]
fn only_a_folder_opens() {
    let folders = folders();
    let error = ImageFolder::open(folders.root.join("a.jpg")).expect_err("it is a file");
    assert_eq!(error.problem, ImageProblem::NotAFolder);
    let error = ImageFolder::open(folders.root.join("none")).expect_err("it does not exist");
    assert!(error.to_string().starts_with("image folder '"), "{error}");
}

// Request images, made once.

/// Counts how often bytes are asked for, which is once per conversion.
struct CountedSource {
    bytes: Bytes,
    asked: AtomicUsize,
}

impl CountedSource {
    fn new(bytes: Vec<u8>) -> Arc<CountedSource> {
        Arc::new(CountedSource { bytes: bytes.into(), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ImageBytes for CountedSource {
    async fn image_bytes(&self, image_id: &str) -> Result<Bytes, ImageBytesError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Lets every other task get to the cache before this one returns.
        tokio::task::yield_now().await;
        match image_id {
            "unknown" => Err(ImageBytesError::Unknown { image_id: image_id.to_owned() }),
            _ => Ok(self.bytes.clone()),
        }
    }
}

#[tokio::test]
async fn one_image_is_converted_once_for_many_requests() {
    let source = CountedSource::new(encoded(&photo(600, 400), image::ImageFormat::Png));
    let images = RequestImages::new(source.clone(), 1 << 20);
    let all = futures::future::join_all((0..50).map(|_| images.get("a"))).await;
    let first = all[0].as_ref().expect("the image converts");
    assert!(all.iter().all(|image| image.as_ref().is_ok_and(|image| Arc::ptr_eq(image, first))));
    images.get("a").await.expect("the image is cached");
    assert_eq!(source.asked(), 1);
    images.get("b").await.expect("the image converts");
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn without_room_nothing_is_kept() {
    let source = CountedSource::new(fixture("progressive.jpg"));
    let images = RequestImages::new(source.clone(), 0);
    for _ in 0..3 {
        images.get("a").await.expect("the image converts");
    }
    assert_eq!(source.asked(), 3);
}

#[tokio::test]
async fn failures_name_the_image_and_are_tried_again() {
    let source = CountedSource::new(b"no image".to_vec());
    let images = RequestImages::new(source.clone(), 1 << 20);
    for _ in 0..2 {
        let error = images.get("a").await.expect_err("the bytes are no image");
        assert_eq!(error.to_string(), "image 'a' is not an image that can be read: it looks like plain text");
    }
    assert_eq!(source.asked(), 2);
    let error = images.get("unknown").await.expect_err("there is no such image");
    assert_eq!(error, RequestImageError::Bytes(ImageBytesError::Unknown { image_id: "unknown".to_owned() }));
}

#[tokio::test]
async fn the_data_url_holds_the_jpeg() {
    let bytes = fixture("gray.jpg");
    let images = RequestImages::new(CountedSource::new(bytes.clone()), 1 << 20);
    let image = images.get("a").await.expect("the image converts");
    let url = image.data_url();
    assert!(url.starts_with("data:image/jpeg;base64,/9j/"), "{}", &url[..40]);
    assert_eq!(url.len(), "data:image/jpeg;base64,".len() + bytes.len().div_ceil(3) * 4);
    assert!(std::ptr::eq(url, image.data_url()), "it is made once");
}
