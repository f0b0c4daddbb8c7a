//! How results look in every output format.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, MapBuilder, RecordBatch,
    StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use futures::stream;
use mmevol::cli::output::{OutputError, OutputFormat, OutputOptions, RowCount, write_stream};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("the columns have one length")
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

async fn write_with(batches: Vec<RecordBatch>, schema: SchemaRef, format: OutputFormat, options: OutputOptions) -> (String, RowCount) {
    let mut out = Vec::new();
    let batches = stream::iter(batches.into_iter().map(Ok::<_, OutputError>));
    let count = write_stream(schema, batches, format, options, &mut out).await.expect("every value has a text form");
    (String::from_utf8(out).expect("results are UTF-8"), count)
}

async fn write_at(batches: Vec<RecordBatch>, format: OutputFormat, width: usize) -> (String, RowCount) {
    let schema = batches[0].schema();
    write_with(batches, schema, format, OutputOptions { width, ..OutputOptions::default() }).await
}

async fn write(batches: Vec<RecordBatch>, format: OutputFormat) -> String {
    write_at(batches, format, 80).await.0
}

fn assert_text(actual: &str, expected: &str) {
    assert_eq!(actual, expected, "\nactual:\n{actual}\nexpected:\n{expected}");
}

/// Every kind of value, in a full row and in a row of NULLs.
fn all_kinds() -> RecordBatch {
    let boxes = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\x00\xffab"), None]));
    let labels: ArrayRef = Arc::new(StringArray::from(vec![Some("a \"cat\""), None]));
    let fields = vec![Field::new("label", DataType::Utf8, true), Field::new("raw", DataType::Binary, true)];
    let object = StructArray::new(fields.into(), vec![labels, bytes.clone()], Some(vec![true, false].into()));
    batch(vec![
        ("text", Arc::new(StringArray::from(vec![Some("a,b\n\"c\""), None]))),
        ("yes", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("count", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("score", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
        ("small", Arc::new(Float32Array::from(vec![Some(0.7), None]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_700_000_000_500_000), None]).with_timezone("+00:00"))),
        ("boxes", Arc::new(boxes)),
        ("object", Arc::new(object)),
        ("bytes", bytes),
    ])
}

#[tokio::test]
async fn json_has_every_key_in_every_row_and_bytes_as_base64() {
    let full = concat!(
        r#"{"text":"a,b\n\"c\"","yes":true,"count":9223372036854775807,"score":0.1,"small":0.7,"time":"2023-11-14T22:13:20.500Z","#,
        r#""boxes":[1,null],"object":{"label":"a \"cat\"","raw":"AP9hYg=="},"bytes":"AP9hYg=="}"#
    );
    let nulls = r#"{"text":null,"yes":null,"count":null,"score":null,"small":null,"time":null,"boxes":null,"object":null,"bytes":null}"#;
    assert_text(&write(vec![all_kinds()], OutputFormat::Jsonl).await, &format!("{full}\n{nulls}\n"));
    assert_text(&write(vec![all_kinds()], OutputFormat::Json).await, &format!("[{full},\n {nulls}]\n"));
}

#[tokio::test]
async fn csv_has_nested_values_as_json_and_nothing_for_null() {
    let expected = concat!(
        "text,yes,count,score,small,time,boxes,object,bytes\n",
        "\"a,b\n\"\"c\"\"\",true,9223372036854775807,0.1,0.7,2023-11-14T22:13:20.500Z,",
        "\"[1,null]\",\"{\"\"label\"\":\"\"a \\\"\"cat\\\"\"\"\",\"\"raw\"\":\"\"AP9hYg==\"\"}\",AP9hYg==\n",
        ",,,,,,,,\n",
    );
    assert_text(&write(vec![all_kinds()], OutputFormat::Csv).await, expected);
}

#[tokio::test]
async fn markdown_keeps_cells_on_one_line_and_shows_tags() {
    let rows =
        batch(vec![("question|?", texts(&["<image>\nWhat | is & this?", ""])), ("score", Arc::new(Int32Array::from(vec![Some(7), None])))]);
    let expected = "| question\\|? | score |\n| --- | ---: |\n| &lt;image><br>What \\| is &amp; this? | 7 |\n|  | NULL |\n";
    assert_text(&write(vec![rows], OutputFormat::Markdown).await, expected);
}

#[tokio::test]
async fn batches_follow_each_other_in_every_format() {
    let rows = |first: i32| batch(vec![("n", Arc::new(Int32Array::from(vec![first, first + 1])))]);
    let batches = || vec![rows(1), rows(3).slice(0, 0), rows(3)];
    assert_text(&write(batches(), OutputFormat::Json).await, "[{\"n\":1},\n {\"n\":2},\n {\"n\":3},\n {\"n\":4}]\n");
    assert_text(&write(batches(), OutputFormat::Jsonl).await, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
    assert_text(&write(batches(), OutputFormat::Csv).await, "n\n1\n2\n3\n4\n");
    assert_text(&write(batches(), OutputFormat::Table).await, "n\n─\n1\n2\n3\n4\n");
    let (line, count) = write_at(batches(), OutputFormat::Line, 20).await;
    assert_text(&line, "─[ 1 ]──────────────\nn  1\n─[ 2 ]──────────────\nn  2\n─[ 3 ]──────────────\nn  3\n─[ 4 ]──────────────\nn  4\n");
    assert_eq!(count, RowCount { rows: 4, ..RowCount::default() });
}

#[tokio::test]
async fn an_empty_result_has_its_header_or_an_empty_array() {
    for batches in [vec![], vec![all_kinds().slice(0, 0)]] {
        for (format, expected) in [
            (OutputFormat::Json, "[]\n"),
            (OutputFormat::Jsonl, ""),
            (OutputFormat::Line, ""),
            (OutputFormat::Csv, "text,yes,count,score,small,time,boxes,object,bytes\n"),
        ] {
            let (text, count) = write_with(batches.clone(), all_kinds().schema(), format, OutputOptions::default()).await;
            assert_eq!((text.as_str(), count.rows), (expected, 0), "{format}");
        }
    }
    let narrow = Arc::new(Schema::new(vec![Field::new("sample_id", DataType::Utf8, false), Field::new("n", DataType::Int64, false)]));
    let (table, _) = write_with(vec![], narrow.clone(), OutputFormat::Table, OutputOptions::default()).await;
    assert_text(&table, "sample_id  n\n────────── ─\n");
    let (markdown, _) = write_with(vec![], narrow, OutputFormat::Markdown, OutputOptions::default()).await;
    assert_text(&markdown, "| sample_id | n |\n| --- | ---: |\n");
}

#[tokio::test]
async fn a_statement_without_result_writes_nothing() {
    for format in [OutputFormat::Table, OutputFormat::Csv, OutputFormat::Markdown, OutputFormat::Json] {
        let (text, _) = write_with(vec![], Arc::new(Schema::empty()), format, OutputOptions::default()).await;
        assert_eq!(text, "", "{format}");
    }
}

#[tokio::test]
async fn json_has_no_key_twice_and_no_value_that_json_lacks() {
    let numbers = |values: [f64; 3]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let rows = batch(vec![
        ("x", numbers([f64::NAN, 1.0, 1e300])),
        ("x", numbers([f64::INFINITY, 0.30000000000000004, -0.0])),
        ("x_2", numbers([f64::NEG_INFINITY, 1e-7, 5.0])),
    ]);
    let text = write(vec![rows], OutputFormat::Jsonl).await;
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(rows[0], serde_json::json!({"x": null, "x_3": null, "x_2": null}));
    assert_eq!(rows[1], serde_json::json!({"x": 1.0, "x_3": 0.30000000000000004, "x_2": 1e-7}));
    assert_eq!(rows[2]["x"], serde_json::json!(1e300));
}

#[tokio::test]
async fn tables_share_the_width_fairly_and_never_cut_numbers() {
    let rows = batch(vec![
        ("operator", texts(&["cognitive_reasoning", "interaction"])),
        ("samples", Arc::new(Int64Array::from(vec![12, 1_234_567]))),
        ("question", texts(&["What is the colour of the car that stands to the left of the house?", "Why?"])),
        ("mean_score", Arc::new(Float64Array::from(vec![7.333333333333333, 8.0]))),
        ("answer", texts(&["It is red, as far as one can tell from this side of the street.", "Because."])),
    ]);
    let (text, count) = write_at(vec![rows], OutputFormat::Table, 80).await;
    let expected = "\
operator             samples  question            mean_score  answer
──────────────────── ──────── ─────────────────── ─────────── ──────────────────
cognitive_reasoning       12  What is the colou…     7.33333  It is red, as far…
interaction          1234567  Why?                       8.0  Because.
";
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80), "{text}");
    assert_text(&text, expected);
    assert_eq!(count.cut_to, Some(80));
    assert_eq!(count.cut_note().as_deref(), Some("(cut to fit 80 columns; whole: --output line or jsonl, in the shell .mode line)"));
}

#[tokio::test]
async fn nested_values_bytes_and_null_are_short_in_tables() {
    let columns = ["yes", "score", "boxes", "bytes"].map(|name| (name, all_kinds().column_by_name(name).expect("it is there").clone()));
    let expected = "\
yes   score  boxes     bytes
───── ────── ───────── ─────────
true    0.1  [1,null]  <4 bytes>
NULL   NULL  NULL      NULL
";
    assert_text(&write(vec![batch(columns.to_vec())], OutputFormat::Table).await, expected);
    let image: ArrayRef = Arc::new(BinaryArray::from_iter_values([vec![0_u8; 25_432], vec![1]]));
    assert_text(
        &write(vec![batch(vec![("bytes", image)])], OutputFormat::Table).await,
        "bytes\n──────────────\n<25,432 bytes>\n<1 byte>\n",
    );
}

#[tokio::test]
async fn data_cannot_send_control_characters_to_the_terminal() {
    let hostile = "\u{1b}[31mred\u{1b}[0m\ttab\r\nline\nend\u{7}\u{9b}31m\u{202e}abc\u{7f}";
    let rows = batch(vec![("a\u{1b}[1m", texts(&[hostile, "plain"]))]);
    let expected = "a␛[1m\n───────────────────────────────────\n␛[31mred␛[0m tab⏎line⏎end␇�31m�abc␡\nplain\n";
    assert_text(&write(vec![rows.clone()], OutputFormat::Table).await, expected);
    for format in [OutputFormat::Table, OutputFormat::Line, OutputFormat::Markdown] {
        let text = write(vec![rows.clone()], format).await;
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{format}: {text:?}");
    }
    let json: serde_json::Value = serde_json::from_str(&write(vec![rows], OutputFormat::Json).await).expect("it is JSON");
    assert_eq!(json[0]["a\u{1b}[1m"], hostile, "data formats keep what is there");
}

#[tokio::test]
async fn wide_characters_line_up() {
    let family = "👨‍👩‍👧";
    let rows = batch(vec![
        ("text", texts(&["写真の中の猫は何色ですか", family, "cafe\u{301}", "ascii"])),
        ("n", Arc::new(Int32Array::from(vec![1, 2, 3, 4]))),
    ]);
    let (text, _) = write_at(vec![rows], OutputFormat::Table, 20).await;
    assert_text(
        &text,
        &format!(
            "text               n\n────────────────── ─\n写真の中の猫は何…  1\n{family}                 2\ncafe\u{301}               3\nascii              4\n"
        ),
    );
}

#[tokio::test]
async fn too_many_columns_become_records() {
    let columns: Vec<(String, ArrayRef)> =
        (0..12).map(|index| (format!("column_{index}"), texts(&["some words that are long", "x"]))).collect();
    let rows = batch(columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect());
    let (text, count) = write_at(vec![rows], OutputFormat::Table, 30).await;
    assert_eq!(text.lines().next(), Some("─[ 1 ]────────────────────────"));
    assert_eq!(text.lines().nth(1), Some("column_0   some words that ar…"));
    assert_eq!(text.lines().nth(12), Some("column_11  some words that ar…"));
    assert_eq!(text.lines().nth(13), Some("─[ 2 ]────────────────────────"));
    assert_eq!((count.rows, count.hidden, count.cut_to), (2, 0, Some(30)));
}

#[tokio::test]
async fn a_single_row_and_a_plan_are_shown_whole() {
    let long = "What is the colour of the car that stands to the left of the small house behind the old tree in the garden?";
    let (text, count) = write_at(vec![batch(vec![("id", texts(&["a"])), ("question", texts(&[long]))])], OutputFormat::Table, 60).await;
    let expected = "\
─[ 1 ]──────────────────────────────────
id        a
question  What is the colour of the car that stands to the
          left of the small house behind the old tree in the
          garden?
";
    assert_text(&text, expected);
    assert_eq!(count.cut_to, None);
    let plan = batch(vec![("plan_type", texts(&["logical_plan"])), ("plan", texts(&["Projection: a\n  TableScan: t"]))]);
    let text = write(vec![plan], OutputFormat::Table).await;
    assert!(text.ends_with("plan_type  logical_plan\nplan       Projection: a\n             TableScan: t\n"), "{text}");
}

#[tokio::test]
async fn long_results_show_their_first_rows_and_count_the_rest() {
    let rows = || batch(vec![("n", Arc::new(Int32Array::from_iter_values(0..900)))]);
    let (text, count) = write_at(vec![rows(), rows()], OutputFormat::Table, 80).await;
    assert_eq!(text.lines().count(), 2 + 200);
    assert_eq!((count.rows, count.hidden), (1_800, 1_600));
    assert_eq!(count.to_string(), "1,800 rows");
    assert_eq!(count.hidden_note().as_deref(), Some("(… 1,600 more rows; all of them: --output csv or jsonl, fewer: LIMIT)"));
    let (text, count) = write_at(vec![rows(), rows()], OutputFormat::Csv, 80).await;
    assert_eq!((text.lines().count(), count.hidden_note(), count.to_string()), (1_801, None, "1,800 rows".to_owned()));
}

#[tokio::test]
async fn floats_are_short_in_tables_and_exact_in_data() {
    let values = [0.1 + 0.2, 7.0, 1234567.125, 1e-7, 2.0 / 3.0, 1e20, f64::NAN, 999_999.5];
    let rows = batch(vec![("x", Arc::new(Float64Array::from(values.to_vec())))]);
    let table = write(vec![rows.clone()], OutputFormat::Table).await;
    let shown: Vec<&str> = table.lines().skip(2).map(str::trim).collect();
    assert_eq!(shown, ["0.3", "7.0", "1234567.125", "1e-7", "0.666667", "1e20", "NaN", "1000000.0"]);
    let csv = write(vec![rows], OutputFormat::Csv).await;
    let exact: Vec<f64> = csv.lines().skip(1).map(|line| line.parse().expect("each line is a number")).collect();
    assert!(exact.iter().zip(values).all(|(read, written)| read.to_bits() == written.to_bits() || written.is_nan()), "{csv}");
}

#[tokio::test]
async fn maps_with_any_key_are_shown() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("a");
    map.values().append_value("b");
    map.append(true).expect("one key and one value");
    let rows = batch(vec![("m", Arc::new(map.finish()))]);
    assert_text(&write(vec![rows.clone()], OutputFormat::Jsonl).await, "{\"m\":{\"a\":\"b\"}}\n");
    assert_text(&write(vec![rows], OutputFormat::Table).await, "m\n─────────\n{\"a\":\"b\"}\n");
}

/// A pipe whose reader goes away, or a disk that is full.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_query_quietly_but_a_full_disk_is_an_error() {
    let rows = || batch(vec![("n", Arc::new(Int32Array::from_iter_values(0..9)))]);
    let endless = || stream::iter(std::iter::repeat_with(move || Ok::<_, OutputError>(rows())));
    let mut pipe = Failing(io::ErrorKind::BrokenPipe);
    let count = write_stream(rows().schema(), endless(), OutputFormat::Csv, OutputOptions::default(), &mut pipe).await;
    assert!(count.is_ok_and(|count| count.reader_left));
    let mut disk = Failing(io::ErrorKind::StorageFull);
    let result = write_stream(rows().schema(), endless(), OutputFormat::Jsonl, OutputOptions::default(), &mut disk).await;
    assert!(matches!(result, Err(OutputError::Write(error)) if error.kind() == io::ErrorKind::StorageFull));
}

#[tokio::test]
async fn an_error_in_the_stream_comes_back_after_the_rows_before_it() {
    let rows = batch(vec![("n", Arc::new(Int32Array::from(vec![1])))]);
    let failure = OutputError::Write(io::Error::other("the model said no"));
    let mut out = Vec::new();
    let batches = stream::iter([Ok(rows.clone()), Err(failure)]);
    let result = write_stream(rows.schema(), batches, OutputFormat::Jsonl, OutputOptions::default(), &mut out).await;
    assert!(result.is_err_and(|error| error.to_string().contains("the model said no")));
    assert_eq!(out, b"{\"n\":1}\n");
}
