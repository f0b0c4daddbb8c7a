//! Seeds for benches: real photos made distinct, real questions.

use std::path::{Path, PathBuf};

/// Writes `count` samples with distinct JPEGs of about `image_bytes` and a seed file. Returns the seed file.
///
/// Every image is one of the bundled photos with a comment segment of its own, which pads it to the wanted size.
pub fn write_seeds(directory: &Path, count: usize, image_bytes: usize) -> PathBuf {
    let photos: Vec<Vec<u8>> =
        ["rocket", "text"].iter().map(|name| std::fs::read(format!("examples/seeds/images/{name}.jpg")).unwrap()).collect();
    let images = directory.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let mut records = Vec::with_capacity(count);
    for index in 0..count {
        let photo = &photos[index % photos.len()];
        let name = format!("{index:06}.jpg");
        std::fs::write(images.join(&name), with_comment(photo, index, image_bytes.saturating_sub(photo.len()))).unwrap();
        records.push(serde_json::json!({
            "id": format!("{index:06}"),
            "image": name,
            "caption": [{ "from": "human", "value": "<image>" }, { "from": "gpt", "value": format!("Photo number {index} of a person and a dog.") }],
            "det": [{ "label": "person", "bbox": [0.1, 0.1, 0.5, 0.9] }, { "label": "dog", "bbox": [0.6, 0.5, 0.9, 0.9] }],
            "conversations_v0": [
                { "question": format!("What is in photo {index}?"), "answer": "A person and a dog." },
                { "question": "Where is the dog?", "answer": "The dog is at [0.600, 0.500, 0.900, 0.900]." },
            ],
        }));
    }
    let path = directory.join("seed.json");
    std::fs::write(&path, serde_json::to_vec(&records).unwrap()).unwrap();
    path
}

/// The JPEG with a comment after its first marker: other bytes, the same picture.
pub fn with_comment(photo: &[u8], index: usize, padding: usize) -> Vec<u8> {
    let text = format!("{index:0width$}", width = padding.clamp(16, 60_000));
    let mut bytes = photo[..2].to_vec();
    bytes.extend([0xff, 0xfe]);
    bytes.extend(((text.len() + 2) as u16).to_be_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(&photo[2..]);
    bytes
}
