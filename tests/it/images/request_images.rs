//! What a model is sent of an image, and that it is made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use image::{DynamicImage, GenericImageView};
use mmevol::image::{REQUEST_SIDE, inspect, request_jpeg};
use mmevol::model::request_image::{ImageBytes, ImageBytesError, RequestImageError, RequestImages};

use super::{FIXTURES, encoded, fixture, photo};

const RED: [u8; 3] = [220, 30, 30];
const BLUE: [u8; 3] = [30, 30, 220];
const WHITE: [u8; 3] = [255, 255, 255];

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
