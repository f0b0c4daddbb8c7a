//! Parquet files as Hugging Face datasets have them, and files that are damaged or hold something else.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int64Array, ListArray, ListViewArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use bytes::Bytes;
use mmevol::formats::SeedImage;
use mmevol::formats::detect::{Format, FormatError, detect, read_seeds};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::{questions, samples};

fn list_of(fields: &[&str]) -> DataType {
    let fields: Fields = fields.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)))
}

/// Images as Hugging Face's Image feature stores them.
fn image_structs(bytes: Vec<Option<&[u8]>>, paths: Vec<Option<&str>>) -> StructArray {
    let fields = Fields::from(vec![Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)]);
    StructArray::new(fields, vec![Arc::new(BinaryArray::from(bytes)), Arc::new(StringArray::from(paths))], None)
}

/// Writes a column of images and one of something else.
fn write(path: &Path, images: (&str, ArrayRef), texts: (&str, DataType), rows: &[Value]) {
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new(texts.0, texts.1, true)]));
    let mut decoder = ReaderBuilder::new(schema).build_decoder().unwrap();
    let rows: Vec<Value> = rows.iter().enumerate().map(|(row, value)| json!({"id": row, texts.0: value})).collect();
    decoder.serialize(&rows).unwrap();
    let texts = decoder.flush().unwrap().unwrap();
    let mut columns: Vec<(Arc<str>, ArrayRef)> = vec![(images.0.into(), images.1)];
    columns.extend(
        texts.schema().fields().iter().zip(texts.columns()).map(|(field, column)| (field.name().as_str().into(), Arc::clone(column))),
    );
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn conversations_with_an_image_struct() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let images = image_structs(vec![Some(b"one"), None, None], vec![Some("1.jpg"), Some("2.jpg"), None]);
    let turns = json!([{"from": "human", "value": "<image>\nQ?"}, {"from": "gpt", "value": "A."}]);
    let rows = [turns.clone(), turns.clone(), turns];
    write(&path, ("image", Arc::new(images)), ("conversations", list_of(&["from", "value"])), &rows);
    assert_eq!(detect(&path).unwrap(), Format::Parquet);
    let records: Vec<_> = read_seeds(&path, Format::Parquet).unwrap().map(Result::unwrap).collect();
    assert_eq!(records.iter().map(|record| record.number).collect::<Vec<_>>(), [1, 2, 3]);
    let first = records[0].sample.as_ref().unwrap();
    assert_eq!((first.source_id.as_deref(), questions(first)), (Some("0"), vec![("Q?", "A.")]));
    assert_eq!(first.images, [SeedImage::Bytes { bytes: Bytes::from_static(b"one"), name: Some("1.jpg".to_owned()) }]);
    assert_eq!(records[1].sample.as_ref().unwrap().images, [SeedImage::Path("2.jpg".to_owned())]);
    let fault = records[2].sample.as_ref().unwrap_err();
    assert!(fault.message.contains("no image") && fault.source_id.as_deref() == Some("2"), "{fault:?}");
}

#[test]
fn texts_with_a_list_of_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let images = image_structs(vec![Some(b"one"), Some(b"two"), Some(b"three")], vec![None, None, None]);
    let item = Arc::new(Field::new("item", images.data_type().clone(), true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([2, 1]), Arc::new(images), None);
    let rows = [json!([{"user": "Q1", "assistant": "A1"}, {"user": "Q2", "assistant": "A2"}]), json!([{"user": "Q3"}])];
    write(&path, ("images", Arc::new(lists)), ("texts", list_of(&["user", "assistant", "source"])), &rows);
    let records: Vec<_> = read_seeds(&path, Format::Parquet).unwrap().map(Result::unwrap).collect();
    let first = records[0].sample.as_ref().unwrap();
    assert_eq!((questions(first), first.images.len()), (vec![("Q1", "A1"), ("Q2", "A2")], 2));
    assert!(records[1].sample.as_ref().unwrap_err().message.contains("texts[0].assistant is missing"));
}

/// The images after it once moved up, and the tags showed others than those meant.
#[test]
fn a_null_in_a_list_of_images_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let texts = json!([{"user": "<image>What is it?", "assistant": "A dog."}]);
    let fault = |images: ArrayRef| {
        let item = Arc::new(Field::new("item", images.data_type().clone(), true));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([images.len()]), images, None);
        write(&path, ("images", Arc::new(lists)), ("texts", list_of(&["user", "assistant"])), std::slice::from_ref(&texts));
        read_seeds(&path, Format::Parquet).unwrap().next().unwrap().unwrap().sample.unwrap_err().message
    };
    let expected = |index: usize| format!("images[{index}] is null, expected the path of an image");
    assert_eq!(fault(Arc::new(image_structs(vec![None, Some(b"two")], vec![None, None]))), expected(0));
    assert_eq!(fault(Arc::new(StringArray::from(vec![Some("a.jpg"), None]))), expected(1));
    assert_eq!(fault(Arc::new(BinaryArray::from(vec![Some(b"one".as_slice()), None]))), expected(1));
}

#[test]
fn messages_with_plain_bytes_and_with_paths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let rows = [json!([{"role": "system", "content": "s"}, {"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}])];
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"one".as_slice()]));
    write(&path, ("image", bytes), ("messages", list_of(&["role", "content"])), &rows);
    let sample = samples(&path, Format::Parquet).remove(0);
    assert_eq!(sample.images, [SeedImage::Bytes { bytes: Bytes::from_static(b"one"), name: None }]);
    assert_eq!(questions(&sample), [("Q?", "A.")]);
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a.jpg"]));
    write(&path, ("image", paths), ("messages", list_of(&["role", "content"])), &rows);
    assert_eq!(samples(&path, Format::Parquet)[0].images, [SeedImage::Path("a.jpg".to_owned())]);
}

/// The column's images, each with more fields than an image has, as some datasets have them.
fn wider(images: &StructArray) -> StructArray {
    let height = (Arc::new(Field::new("height", DataType::Int64, true)), Arc::new(Int64Array::from(vec![7; images.len()])) as ArrayRef);
    let parts = images.fields().iter().cloned().zip(images.columns().iter().cloned());
    StructArray::from([height].into_iter().chain(parts).collect::<Vec<_>>())
}

/// Such files were once called damaged.
#[test]
fn images_in_other_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let turns = json!([{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]);
    let read = |images: ArrayRef| {
        write(&path, ("images", images), ("messages", list_of(&["role", "content"])), std::slice::from_ref(&turns));
        samples(&path, Format::Parquet).remove(0).images
    };
    let image = |bytes: &'static [u8], name: &str| SeedImage::Bytes { bytes: Bytes::from_static(bytes), name: Some(name.to_owned()) };
    let expected = [image(b"one", "1.jpg"), image(b"two", "2.jpg")];
    let images = wider(&image_structs(vec![Some(b"one"), Some(b"two")], vec![Some("1.jpg"), Some("2.jpg")]));
    let item = Arc::new(Field::new("item", images.data_type().clone(), true));
    let pair = FixedSizeListArray::new(Arc::clone(&item), 2, Arc::new(images.clone()), None);
    assert_eq!(read(Arc::new(pair)), expected);
    let view = ListViewArray::new(item, vec![0].into(), vec![2].into(), Arc::new(images.clone()), None);
    assert_eq!(read(Arc::new(view)), expected);
    assert_eq!(read(Arc::new(images.slice(1, 1))), expected[1..]);
    let bytes = FixedSizeBinaryArray::try_from_iter([b"six"].into_iter()).unwrap();
    assert_eq!(read(Arc::new(bytes)), [SeedImage::Bytes { bytes: Bytes::from_static(b"six"), name: None }]);

    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    write(&path, ("images", numbers), ("messages", list_of(&["role", "content"])), &[turns]);
    let error = read_seeds(&path, Format::Parquet).err().unwrap();
    assert!(matches!(error, FormatError::ImageColumn { .. }));
    let message = error.to_string();
    assert!(message.contains("column 'images' has the type Int64") && !message.contains("damaged"), "{message}");
}

#[test]
fn a_conversation_that_is_null_is_named_as_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a.jpg"]));
    write(&path, ("image", paths), ("conversations", list_of(&["from", "value"])), &[Value::Null]);
    let fault = read_seeds(&path, Format::Parquet).unwrap().next().unwrap().unwrap().sample.unwrap_err();
    assert_eq!((fault.message.as_str(), fault.source_id.as_deref()), ("no conversation: conversations is null", Some("0")));
}

/// They once came in as hexadecimal digits.
#[test]
fn texts_that_are_stored_as_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let write_all = |columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let image = || Arc::new(StringArray::from(vec!["a.jpg", "b.jpg", "c.jpg"])) as ArrayRef;
    let questions_as_bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"What?".as_slice(), b"\xff\xfe", "Größe?".as_bytes()]));
    let answers: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([b"Yes.", b"No..", b"One."].into_iter()).unwrap());
    write_all(vec![("image", image()), ("question", questions_as_bytes), ("answer", answers)]);
    let read = || read_seeds(&path, Format::Parquet).unwrap().map(|record| record.unwrap().sample).collect::<Vec<_>>();
    let records = read();
    assert_eq!(questions(records[0].as_ref().unwrap()), [("What?", "Yes.")]);
    assert_eq!(records[1].as_ref().unwrap_err().message, "question holds bytes that are no UTF-8 text");
    assert_eq!(questions(records[2].as_ref().unwrap()), [("Größe?", "One.")]);

    let users: ArrayRef = Arc::new(BinaryArray::from(vec![b"Q1".as_slice(), b"\xff", b"Q3"]));
    let assistants: ArrayRef = Arc::new(StringArray::from(vec!["A1", "A2", "A3"]));
    let texts = StructArray::from(vec![
        (Arc::new(Field::new("user", DataType::Binary, true)), users),
        (Arc::new(Field::new("assistant", DataType::Utf8, true)), assistants),
    ]);
    let item = Arc::new(Field::new("item", texts.data_type().clone(), true));
    let texts = ListArray::new(item, OffsetBuffer::from_lengths([1, 1, 1]), Arc::new(texts), None);
    write_all(vec![("image", image()), ("texts", Arc::new(texts))]);
    let records = read();
    assert_eq!(questions(records[0].as_ref().unwrap()), [("Q1", "A1")]);
    assert_eq!(records[1].as_ref().unwrap_err().message, "texts holds bytes that are no UTF-8 text");
    assert_eq!(questions(records[2].as_ref().unwrap()), [("Q3", "A3")]);
}

/// Such as UUIDs: every row was once refused because of them.
#[test]
fn ids_that_are_bytes_and_no_text_become_digits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let ids: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([b"\xff\x01", b"ab"].into_iter()).unwrap());
    let texts = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns = [("id", ids), ("image", texts(["a.jpg", "b.jpg"])), ("question", texts(["Q?", "Q?"])), ("answer", texts(["A.", "A."]))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let ids = samples(&path, Format::Parquet).into_iter().map(|sample| sample.source_id.unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), ["ff01", "ab"]);
}

/// The second text once spoke of image 1 again. The only image of a row is shown by every tag.
#[test]
fn images_are_counted_through_the_texts_of_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let text = |user: &str| json!({"user": user, "assistant": "A."});
    let texts = json!([text("<image>What is it?"), text("And what is in <image> here?")]);
    for (images, expected) in
        [(2, ["Image 1: What is it?", "And what is in image 2 here?"]), (1, ["What is it?", "And what is in image 1 here?"])]
    {
        let paths = StringArray::from(["a.jpg", "b.jpg"][..images].to_vec());
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let lists: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([images]), Arc::new(paths), None));
        write(&path, ("images", lists), ("texts", list_of(&["user", "assistant"])), std::slice::from_ref(&texts));
        let sample = samples(&path, Format::Parquet).remove(0);
        assert_eq!(questions(&sample), expected.map(|question| (question, "A.")));
    }
}

#[test]
fn columns_that_are_not_known_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a.jpg"]));
    write(&path, ("image", Arc::clone(&paths)), ("label", DataType::Utf8), &[json!("dog")]);
    let error = read_seeds(&path, Format::Parquet).err().unwrap();
    assert!(matches!(error, FormatError::Columns { .. }));
    let message = error.to_string();
    assert!(message.contains("found image, id, label; wanted image or images"), "{message}");
}

#[test]
fn a_damaged_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let turns = json!([{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]);
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a.jpg"]));
    write(&path, ("image", paths), ("messages", list_of(&["role", "content"])), &[turns]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let message = read_seeds(&path, Format::Parquet).err().unwrap().to_string();
    assert!(message.contains("train.parquet") && message.contains("may be cut off"), "{message}");
    // Every byte in turn: whatever it says, it says it without a panic.
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, damaged).unwrap();
        if let Ok(records) = read_seeds(&path, Format::Parquet) {
            records.for_each(drop);
        }
    }
}
