//! Names of images that no file can have, or that an import takes for addresses.

use std::fs;

use mmevol::formats::export::{ExportFormat, ExportImage, ExportInstruction, ExportSample};
use mmevol::instruction::Instruction;
use serde_json::Value;

use super::photo;
use crate::command::Workspace;

/// A store with one sample for each name, whose image came under it as bytes.
fn with_images(names: &[&str]) -> (Workspace, Vec<Vec<u8>>) {
    let workspace = Workspace::new();
    let photos: Vec<Vec<u8>> = (0..).zip(names).map(|(shade, _)| photo([shade, 0, 0])).collect();
    let mut writer = ExportFormat::Parquet.create(&workspace.path("seeds.parquet")).unwrap();
    for (place, (name, bytes)) in names.iter().zip(&photos).enumerate() {
        let image = ExportImage { uri: (*name).to_owned(), bytes: Some(bytes.clone().into()), ..ExportImage::default() };
        let instruction = Instruction { question: "What is it?".to_owned(), answer: "A shade.".to_owned(), ..Instruction::default() };
        let sample = ExportSample {
            sample_id: format!("sample {place}"),
            source_id: Some(place.to_string()),
            images: vec![image],
            instructions: vec![ExportInstruction { instruction, status: "kept".to_owned(), ..ExportInstruction::default() }],
            ..ExportSample::default()
        };
        writer.write(&sample).unwrap();
    }
    writer.finish().unwrap();
    workspace.run(&["import", "seeds.parquet"]).expect_code(0);
    (workspace, photos)
}

/// One such name once ended the export, or its file could not be imported.
#[test]
fn are_ids_where_no_file_can_have_them() {
    let (long_name, long_path) = (format!("{}.png", "x".repeat(300)), format!("{}a.png", "a/".repeat(3000)));
    let fine = "photos/a.png?x=1";
    let names = [fine, "https://h/x.png?y=1", "b.png/", "c.png/.", "d\0e.png", long_name.as_str(), long_path.as_str()];
    let (workspace, photos) = with_images(&names);
    for format in ["llava", "messages", "mmevol"] {
        let file = format!("{format}/out");
        workspace.run(&["export", "-o", &file, "--format", format]).expect_code(0);
        let store = format!("from-{format}");
        let import = ["--store", &store, "import", &file, "--format", format];
        workspace.run(&import).expect_code(0).expect_stderr(&["imported 7 of 7 records: 7 instructions, 7 images"]);
    }
    let records: Vec<Value> = serde_json::from_str(&fs::read_to_string(workspace.path("llava/out")).unwrap()).unwrap();
    for record in records {
        let (place, image): (usize, _) = (record["id"].as_str().unwrap().parse().unwrap(), record["image"].as_str().unwrap());
        match names[place] == fine {
            true => assert_eq!(image, format!("images/{fine}")),
            false => assert_eq!(image.len(), "images/".len() + 64 + ".png".len(), "{image}"),
        }
        assert_eq!(fs::read(workspace.path("llava").join(image)).unwrap(), photos[place], "{image}");
    }
}
