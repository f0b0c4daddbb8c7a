//! SQL functions over images: what looks alike, and where the bytes may come from.

use std::io::Cursor;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;
use mmevol::Session;
use mmevol::image::{PerceptualHash, perceptual_hash};

/// The bundled photos with the hashes that `imagehash.phash` of Python gives them.
const PHOTOS: [(&str, &str); 7] = [
    ("astronaut", "c2924c5532bddfc8"),
    ("camera", "bff1c1c0434e8cbc"),
    ("chelsea", "b15fe6465121175e"),
    ("coffee", "bb8320376c0f3637"),
    ("coins", "e4d5b5a92b54523a"),
    ("rocket", "c0371bec1be51267"),
    ("text", "b630ba8e2370cddc"),
];

fn photo(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/seeds/images/{name}.jpg"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn hash(bytes: &[u8]) -> PerceptualHash {
    perceptual_hash(bytes).expect("the photo is fine")
}

fn jpeg(image: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).expect("a photo encodes");
    bytes
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("a photo encodes");
    bytes.into_inner()
}

#[test]
fn hashes_are_those_of_imagehash_up_to_rounding() {
    for (name, expected) in PHOTOS {
        let distance = hash(&photo(name)).distance(expected.parse().expect("a hash"));
        assert!(distance <= 2, "{name}: {distance} bits from {expected}");
    }
}

#[test]
fn a_changed_copy_keeps_its_hash_and_another_photo_has_another() {
    let hashes = PHOTOS.map(|(name, _)| (name, hash(&photo(name))));
    for (name, original) in hashes {
        let image = image::load_from_memory(&photo(name)).expect("the photo decodes");
        let (width, height) = (image.width(), image.height());
        let smaller = image.resize_exact(width / 2, height / 2, image::imageops::FilterType::Triangle);
        let squeezed = image.resize_exact(width, height / 2, image::imageops::FilterType::CatmullRom);
        let copies = [
            ("recompressed", jpeg(&image, 30)),
            ("halved", jpeg(&smaller, 75)),
            ("squeezed", png(&squeezed)),
            ("brighter", png(&image.brighten(10))),
            ("gray", png(&image.grayscale())),
        ];
        for (change, copy) in copies {
            let distance = hash(&copy).distance(original);
            assert!(distance <= 6, "{name}, {change}: {distance}");
        }
        for (other, hash) in hashes.iter().filter(|(other, _)| *other != name) {
            let distance = hash.distance(original);
            assert!(distance >= 20, "{name} and {other}: {distance}");
        }
    }
}

/// Parquet files as others write them: plain bytes, and the struct of Hugging Face's Image feature.
#[tokio::test]
async fn bytes_of_a_parquet_file_are_images() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let session = Session::builder().build().await.expect("a session");
    let literal: String = photo("coffee").iter().map(|byte| format!("{byte:02x}")).collect();
    for column in ["X'LITERAL'", "arrow_cast(X'LITERAL', 'LargeBinary')", "arrow_cast(X'LITERAL', 'BinaryView')"] {
        let file = folder.path().join("images.parquet");
        let column = column.replace("LITERAL", &literal);
        let copy = format!("COPY (SELECT {column} AS bytes, struct({column} AS bytes) AS image) TO '{}' STORED AS PARQUET", file.display());
        session.collect(&copy).await.expect("the file is written");
        let query = format!("SELECT image_width(bytes), image_height(image['bytes']) FROM '{}'", file.display());
        let rows = session.collect(&query).await.expect("the file is read");
        let sizes = [0, 1].map(|column| rows[0].column(column).as_primitive::<Int32Type>().value(0));
        assert_eq!(sizes, [512, 341]);
        std::fs::remove_file(file).expect("the file is removed");
    }
}
