//! Datasets written by us and read back.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use bytes::Bytes;
use mmevol::formats::detect::{Format, FormatError, detect, read_seeds};
use mmevol::formats::export::{ExportFormat, ExportImage, ExportInstruction, ExportSample};
use mmevol::formats::{SeedImage, SeedItem, SeedOrigin, SeedSample};
use mmevol::instruction::{DetectedObject, Instruction, Step};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{questions, samples};
use crate::stores::shared_data;

fn instruction(round: i32, number: i32) -> ExportInstruction {
    ExportInstruction {
        instruction_id: format!("i{round}-{number}"),
        parent_id: (round > 0).then(|| format!("i{}-{number}", round - 1)),
        root_id: Some(format!("i0-{number}")),
        round,
        operator: if round == 0 { "seed" } else { "interaction" }.to_owned(),
        instruction: Instruction {
            item: None,
            image_position: Some("single".to_owned()),
            objects: vec!["dog".to_owned()],
            skills: vec!["OCR".to_owned(), "Existence".to_owned()],
            format: "multi_choice".to_owned(),
            question: format!("Round {round}, question {number}: \"öé\"\n(a) x?"),
            steps: vec![Step { manipulation: "OCR_1(sign)->txt_1".to_owned(), description: "Read.".to_owned() }],
            answer: format!("Answer {number}"),
        },
        improved: (round > 0).then_some(true),
        score: (round > 0).then_some(6),
        status: "kept".to_owned(),
        model: None,
    }
}

fn export_sample(name: &str, images: usize, rounds: i32) -> ExportSample {
    let image = |number: usize| ExportImage {
        image_id: format!("{name}-{number}"),
        uri: format!("coco/{name}-{number}.jpg"),
        file_name: None,
        media_type: "image/jpeg".to_owned(),
        bytes: Some(Bytes::from(vec![number as u8; 100])),
    };
    ExportSample {
        sample_id: format!("sample-{name}"),
        source: "test".to_owned(),
        source_id: Some(name.to_owned()),
        caption: (images == 1).then(|| "A dog by a sign.".to_owned()),
        objects: vec![DetectedObject { label: "dog".to_owned(), bbox: [0.1, 0.2, 0.30000000000000004, 1.0], confidence: Some(0.5) }],
        topics: vec!["pets".to_owned()],
        images: (0..images).map(image).collect(),
        missing_images: Vec::new(),
        instructions: (0..=rounds).flat_map(|round| [instruction(round, 0), instruction(round, 1)]).collect(),
    }
}

fn export(format: ExportFormat, samples: &[ExportSample], path: &Path) -> u64 {
    let mut writer = format.create(path).unwrap();
    samples.iter().for_each(|sample| writer.write(sample).unwrap());
    writer.finish().unwrap()
}

/// What a reader should find of the sample, with all that its format carries.
fn seed(sample: &ExportSample) -> SeedSample {
    let mut rounds = vec![Vec::new(); 1 + sample.instructions.iter().map(|exported| exported.round).max().unwrap() as usize];
    for exported in &sample.instructions {
        let item = SeedItem { instruction: exported.instruction.clone(), score: exported.score, ..SeedItem::default() };
        rounds[exported.round as usize].push(item);
    }
    SeedSample {
        source_id: sample.source_id.clone(),
        images: sample.images.iter().map(|image| SeedImage::Path(image.uri.clone())).collect(),
        caption: sample.caption.clone(),
        objects: sample.objects.clone(),
        topics: sample.topics.clone(),
        rounds,
    }
}

#[test]
fn mmevol_carries_context_rounds_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let exported = [export_sample("a", 1, 3), export_sample("b", 2, 0)];
    assert_eq!(export(ExportFormat::Mmevol, &exported, &path), 2);
    assert_eq!(detect(&path).unwrap(), Format::Mmevol);
    assert_eq!(samples(&path, Format::Mmevol), exported.each_ref().map(seed));
}

#[test]
fn llava_and_messages_carry_turns_and_images() {
    let folder = tempfile::tempdir().unwrap();
    let exported = [export_sample("a", 1, 1), export_sample("b", 3, 0)];
    for (format, read_as) in [(ExportFormat::Llava, Format::Llava), (ExportFormat::Messages, Format::Messages)] {
        let path = folder.path().join(format.name());
        assert_eq!(export(format, &exported, &path), 2);
        assert_eq!(detect(&path).unwrap(), read_as);
        for (read, written) in samples(&path, read_as).iter().zip(exported.each_ref().map(seed)) {
            assert_eq!((&read.source_id, &read.images), (&written.source_id, &written.images));
            let flat = SeedSample { rounds: vec![written.rounds.concat()], ..written };
            assert_eq!(questions(read), questions(&flat));
        }
    }
}

#[test]
fn openai_holds_images_and_is_read_as_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let exported = [export_sample("a", 2, 0)];
    assert_eq!(export(ExportFormat::OpenAi, &exported, &path), 1);
    let read = samples(&path, Format::Messages).remove(0);
    let bytes = |number| SeedImage::Bytes { bytes: Bytes::from(vec![number; 100]), name: None };
    assert_eq!(read.images, [bytes(0), bytes(1)]);
    assert_eq!(questions(&read), questions(&seed(&exported[0])));
}

#[test]
fn parquet_carries_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut without_bytes = export_sample("c", 2, 1);
    without_bytes.images.iter_mut().for_each(|image| image.bytes = None);
    let mut eliminated = instruction(1, 7);
    eliminated.status = "eliminated".to_owned();
    without_bytes.instructions.push(eliminated);
    let exported = [export_sample("a", 1, 2), export_sample("b", 3, 20), without_bytes];
    assert_eq!(export(ExportFormat::Parquet, &exported, &path), 6 + 42 + 5);
    assert_eq!(detect(&path).unwrap(), Format::Parquet);
    let read = samples(&path, Format::Parquet);
    assert_eq!(read.len(), 3);
    for (read, exported) in read.into_iter().zip(exported) {
        let kept = exported.instructions.iter().filter(|exported| exported.status == "kept").cloned().collect();
        let images = exported.images.iter().map(|image| match &image.bytes {
            Some(bytes) => SeedImage::Bytes { bytes: bytes.clone(), name: Some(image.uri.clone()) },
            None => SeedImage::Path(image.uri.clone()),
        });
        let exported = ExportSample { instructions: kept, ..exported.clone() };
        let mut expected = SeedSample { images: images.collect(), ..seed(&exported) };
        // The items of an export are in the order of their rounds.
        for (item, exported) in expected.rounds.iter_mut().flatten().zip(exported.instructions) {
            item.origin = SeedOrigin {
                instruction_id: Some(exported.instruction_id),
                parent_id: exported.parent_id,
                operator: Some(exported.operator),
                improved: exported.improved,
            };
        }
        assert_eq!(read, expected);
    }
}

/// Sorted by round, items came in without the parents they have; shuffled, parts of samples came in as samples.
#[test]
fn parquet_rows_of_a_sample_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    export(ExportFormat::Parquet, &[export_sample("a", 1, 1), export_sample("b", 1, 1)], &path);
    let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
    let by_round = sort_to_indices(rows.column_by_name("round").unwrap(), None, None).unwrap();
    let sorted = take_record_batch(&rows, &by_round).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), sorted.schema(), None).unwrap();
    writer.write(&sorted).unwrap();
    writer.close().unwrap();
    let mut records: Vec<_> = read_seeds(&path, Format::Parquet).unwrap().collect();
    let error = records.pop().unwrap().unwrap_err();
    assert!(matches!(error, FormatError::Scattered { .. }) && records.iter().all(Result::is_ok), "{error}");
    let message = error.to_string();
    assert!(message.contains("the rows of sample sample-") && message.contains("Sort the rows by sample_id, then by round"), "{message}");
}

#[test]
fn parquet_stores_an_image_once_for_all_rows_of_its_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut exported = export_sample("a", 1, 99);
    // Bytes that do not compress.
    let noise: Vec<u8> =
        (0_u64..40_000).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(n | 1).to_le_bytes()).collect();
    exported.images[0].bytes = Some(noise.clone().into());
    export(ExportFormat::Parquet, std::slice::from_ref(&exported), &path);
    assert!(fs::metadata(&path).unwrap().len() < 2 * noise.len() as u64);
}

#[test]
fn real_seeds_survive_the_formats() {
    let Some(path) = shared_data("mmevol_demo/history.json") else { return };
    let originals = samples(&path, Format::Mmevol);
    let exported: Vec<ExportSample> = originals.iter().map(as_export).collect();
    let folder = tempfile::tempdir().unwrap();
    for (format, read_as) in [(ExportFormat::Mmevol, Format::Mmevol), (ExportFormat::Parquet, Format::Parquet)] {
        let path = folder.path().join(format.name());
        export(format, &exported, &path);
        for (read, original) in samples(&path, read_as).iter().zip(&originals) {
            let last = original.rounds.iter().rposition(|round| !round.is_empty()).unwrap();
            assert_eq!(read, &SeedSample { rounds: original.rounds[..=last].to_vec(), ..original.clone() });
        }
    }
}

fn as_export(sample: &SeedSample) -> ExportSample {
    let items = sample.rounds.iter().enumerate().flat_map(|(round, items)| items.iter().map(move |item| (round, item)));
    let instructions = items.map(|(round, item)| ExportInstruction {
        round: round as i32,
        instruction: item.instruction.clone(),
        score: item.score,
        status: "kept".to_owned(),
        ..ExportInstruction::default()
    });
    let images = sample.images.iter().map(|image| match image {
        SeedImage::Path(path) => ExportImage { uri: path.clone(), ..ExportImage::default() },
        SeedImage::Bytes { .. } => panic!("the reference holds paths"),
    });
    ExportSample {
        sample_id: sample.source_id.clone().unwrap(),
        source: "reference".to_owned(),
        source_id: sample.source_id.clone(),
        caption: sample.caption.clone(),
        objects: sample.objects.clone(),
        topics: sample.topics.clone(),
        images: images.collect(),
        missing_images: Vec::new(),
        instructions: instructions.collect(),
    }
}

#[test]
fn a_file_appears_only_when_finished() {
    let folder = tempfile::tempdir().unwrap();
    for format in ExportFormat::ALL {
        let path = folder.path().join(format.name());
        fs::write(&path, "old").unwrap();
        let mut writer = format.create(&path).unwrap();
        writer.write(&export_sample("a", 1, 0)).unwrap();
        drop(writer);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{format}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{format} leaves a temporary file");
        export(format, &[], &path);
        assert_ne!(fs::read(&path).unwrap(), b"old", "{format}");
        fs::remove_file(&path).unwrap();
        assert!(format.create(folder.path()).err().unwrap().to_string().contains("is a directory"));
        assert!(format.create(&folder.path().join("none/out")).is_err());
    }
}
