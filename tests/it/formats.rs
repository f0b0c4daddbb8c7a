//! Seed readers and dataset writers: real files, bad ones, and files written and read back.

mod parquet_files;
mod records;
mod round_trips;

use std::fs;
use std::path::{Path, PathBuf};

use mmevol::formats::SeedSample;
use mmevol::formats::detect::{Format, FormatError, detect, read_seeds};
use mmevol::formats::export::ExportFormat;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::stores::shared_data;

/// The smallest valid record of each JSON format.
const MMEVOL: &str = r#"{"id": "a", "image": "a.jpg", "conversations_v0": [{"question": "Q?", "answer": "A."}]}"#;
const LLAVA: &str =
    r#"{"id": "a", "image": "a.jpg", "conversations": [{"from": "human", "value": "<image>\nQ?"}, {"from": "gpt", "value": "A."}]}"#;
const MESSAGES: &str =
    r#"{"id": "a", "messages": [{"role": "user", "content": "<image>Q?"}, {"role": "assistant", "content": "A."}], "images": ["a.jpg"]}"#;

fn samples(path: &Path, format: Format) -> Vec<SeedSample> {
    read_seeds(path, format).unwrap().map(|record| record.unwrap().sample.unwrap()).collect()
}

/// Writes the content to a file of this name.
fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn sample(record: &str, format: Format) -> SeedSample {
    let (_folder, path) = file("seeds.jsonl", record);
    samples(&path, format).remove(0)
}

/// The fault of a file's only record.
fn fault(record: &str, format: Format) -> String {
    let (_folder, path) = file("seeds.jsonl", record);
    let mut records: Vec<_> = read_seeds(&path, format).unwrap().collect();
    assert_eq!(records.len(), 1);
    records.remove(0).unwrap().sample.unwrap_err().message
}

#[track_caller]
fn assert_fault(record: &str, format: Format, expected: &[&str]) {
    let message = fault(record, format);
    for part in expected {
        assert!(message.contains(part), "expected '{part}' in '{message}'");
    }
}

fn questions(sample: &SeedSample) -> Vec<(&str, &str)> {
    sample.rounds[0].iter().map(|item| (item.instruction.question.as_str(), item.instruction.answer.as_str())).collect()
}

mod real_files {
    use super::*;

    fn counts(samples: &[SeedSample]) -> (usize, usize, usize) {
        let items = samples.iter().flat_map(|sample| &sample.rounds).map(Vec::len).sum();
        (samples.len(), items, samples.iter().map(|sample| sample.objects.len()).sum())
    }

    #[test]
    fn seeds_of_the_reference() {
        let Some(path) = shared_data("mmevol_demo/seeds.json") else { return };
        assert_eq!(detect(&path).unwrap(), Format::Mmevol);
        let samples = samples(&path, Format::Mmevol);
        assert_eq!(counts(&samples), (1_612, 9_878, 19_966));
        assert_eq!(samples.iter().filter(|sample| sample.caption.is_some()).count(), 977);
    }

    #[test]
    fn finished_rounds_of_the_reference() {
        let Some(path) = shared_data("mmevol_demo/history.json") else { return };
        let samples = samples(&path, Format::Mmevol);
        assert_eq!(samples.len(), 50);
        let items = |round: usize| samples.iter().filter_map(|sample| sample.rounds.get(round)).flatten().collect::<Vec<_>>();
        assert_eq!([0, 1, 2, 3].map(|round| items(round).len()), [367, 183, 215, 250]);
        assert!(items(0).iter().all(|item| item.score.is_none()) && items(3).iter().all(|item| item.score.is_some()));
    }

    #[test]
    fn seeds_with_images() {
        for (name, expected) in [("coco128/seed.json", (128, 305)), ("demo_photos/seed.json", (7, 15))] {
            let Some(path) = shared_data(name) else { continue };
            let (samples, items, _) = counts(&samples(&path, detect(&path).unwrap()));
            assert_eq!((samples, items), expected, "{name}");
        }
    }
}

mod detection {
    use super::*;

    #[track_caller]
    fn refused(name: &str, content: &[u8]) -> String {
        let (_folder, path) = file(name, content);
        detect(&path).unwrap_err().to_string()
    }

    #[test]
    fn by_the_keys_of_the_first_record() {
        let sharegpt = r#"{"conversations": [{"role": "user", "content": "Q?"}], "image": "a.jpg"}"#;
        let llama_factory = r#"{"conversations": [{"from": "human", "value": "Q?"}], "images": ["a.jpg"]}"#;
        for (record, expected) in [
            (MMEVOL, Format::Mmevol),
            (LLAVA, Format::Llava),
            (MESSAGES, Format::Messages),
            (sharegpt, Format::Messages),
            (llama_factory, Format::Messages),
        ] {
            for content in
                [record.to_owned(), format!("[{record}]"), format!("\u{feff}\n [\n{record},{record}]"), format!("not json\n{record}")]
            {
                let (_folder, path) = file("seeds.jsonl", &content);
                assert_eq!(detect(&path).unwrap(), expected, "{content}");
            }
        }
    }

    #[test]
    fn what_fits_nothing_is_said_with_its_keys() {
        let message = refused("a.json", br#"[{"id": 1, "caption": "c", "url": "u"}]"#);
        assert!(message.contains("the keys id, caption, url") && message.contains("llava wants image and conversations"), "{message}");
        assert!(refused("a.json", b"[1, 2]").contains("the record is a number"));
        assert!(refused("a.json", b"[]").contains("is empty"));
        assert!(refused("a.json", b"").contains("is empty"));
        assert!(refused("a.jsonl", b"one\ntwo\n").contains("line 1, column 1 is not JSON"));
        assert!(refused("a.json", b"id,image\n").contains("begins with 'i'"));
    }

    #[test]
    fn paths_that_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(detect(folder.path()), Err(FormatError::Directory { .. })));
        assert!(matches!(detect(folder.path().join("none.json")), Err(FormatError::Missing { .. })));
        assert!(matches!(read_seeds(folder.path(), Format::Parquet).err(), Some(FormatError::Directory { .. })));
    }

    #[test]
    fn unknown_names_are_answered_with_near_ones() {
        assert_eq!("parquet".parse::<Format>().unwrap(), Format::Parquet);
        let message = "lava".parse::<Format>().unwrap_err().to_string();
        assert!(message.contains("mmevol, llava, messages, parquet") && message.contains("Did you mean 'llava'?"), "{message}");
        assert!(!"xyz".parse::<ExportFormat>().unwrap_err().to_string().contains("Did you mean"));
    }

    #[test]
    fn a_format_that_does_not_fit_names_the_right_one() {
        assert_fault(LLAVA, Format::Mmevol, &["conversations_v0 is missing", "id, image, conversations", "--format llava"]);
        assert_fault(MMEVOL, Format::Llava, &["conversations is missing", "--format mmevol"]);
        assert_fault(MMEVOL, Format::Messages, &["messages is missing", "--format mmevol"]);
        let (_folder, path) = file("a.json", MMEVOL);
        assert!(read_seeds(&path, Format::Parquet).err().unwrap().to_string().contains("be no Parquet file"));
    }
}

mod hostile_input {
    use super::*;

    /// Reads everything; what matters is that it ends.
    fn read_all(name: &str, content: &[u8]) {
        let (_folder, path) = file(name, content);
        for format in Format::ALL {
            if let Ok(records) = read_seeds(&path, format) {
                // After an error nothing may follow.
                let results: Vec<_> = records.collect();
                assert!(results.iter().rev().skip(1).all(Result::is_ok));
            }
        }
        let _ = detect(&path);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn random_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
            read_all("random", &content);
            read_all("random.jsonl", &content);
        }

        #[test]
        fn mutated_records_never_panic(
            which in 0..3_usize,
            is_list in any::<bool>(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(br#"{}[]",:0-9.eanf\ "#.to_vec())), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let record = [MMEVOL, LLAVA, MESSAGES][which];
            let mut content = if is_list { format!("[{record},\n{record}]") } else { format!("{record}\n{record}\n") }.into_bytes();
            for (at, byte) in edits {
                let at = at.index(content.len());
                content[at] = byte;
            }
            read_all("mutated.json", &content);
            content.truncate(cut.index(content.len()));
            read_all("cut.jsonl", &content);
        }
    }
}
