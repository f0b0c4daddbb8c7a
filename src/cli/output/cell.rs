//! One value of a column as text.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::text::grouped;

/// Who reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A program: bytes as base64, floats exact.
    Data,
    /// A person: bytes as their count, floats rounded to six digits.
    Screen,
}

/// Turns the values of one array into text.
pub(super) struct CellFormatter<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Float(Box<dyn Fn(usize) -> String + 'a>),
    Bytes(BytesAt<'a>, Style),
    Json(NullableEncoder<'a>),
    Plain(ArrayFormatter<'a>),
}

type BytesAt<'a> = Box<dyn Fn(usize) -> &'a [u8] + 'a>;

impl<'a> CellFormatter<'a> {
    /// Lists, structs and maps become JSON text; a type that JSON cannot express becomes Arrow's own text.
    ///
    /// # Errors
    /// The type has no text form at all.
    pub(super) fn new(field: &'a FieldRef, array: &'a dyn Array, style: Style) -> Result<Self, ArrowError> {
        let values = if let Some(bytes) = bytes_at(array) {
            Values::Bytes(bytes, style)
        } else if array.data_type().is_nested()
            && let Ok(encoder) = make_encoder(field, array, json_options(style))
        {
            Values::Json(encoder)
        } else if style == Style::Screen
            && let Some(floats) = rounded_at(array)
        {
            Values::Float(floats)
        } else {
            Values::Plain(ArrayFormatter::try_new(array, &FormatOptions::new().with_display_error(false))?)
        };
        Ok(Self { nulls: array.logical_nulls(), values })
    }

    /// The text of the value in `row`, `None` for NULL.
    ///
    /// # Errors
    /// The value lies outside what its type can show, such as a date far beyond the calendar.
    pub(super) fn text(&mut self, row: usize) -> Result<Option<String>, ArrowError> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        Ok(Some(match &mut self.values {
            Values::Float(text) => text(row),
            Values::Bytes(bytes, style) => bytes_text(bytes(row), *style),
            Values::Json(encoder) => {
                let mut json = Vec::new();
                encoder.encode(row, &mut json);
                String::from_utf8_lossy(&json).into_owned()
            }
            Values::Plain(formatter) => formatter.value(row).try_to_string()?,
        }))
    }
}

/// How JSON is written: nulls explicit, so that all rows have the same keys; bytes as `style` says, at any depth.
pub(super) fn json_options(style: Style) -> &'static EncoderOptions {
    static DATA: LazyLock<EncoderOptions> = LazyLock::new(|| options_for(Style::Data));
    static SCREEN: LazyLock<EncoderOptions> = LazyLock::new(|| options_for(Style::Screen));
    match style {
        Style::Data => &DATA,
        Style::Screen => &SCREEN,
    }
}

fn options_for(style: Style) -> EncoderOptions {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(BytesAsText(style)))
}

/// Arrow writes bytes as hex; base64 is shorter and what other JSON formats expect.
#[derive(Debug)]
struct BytesAsText(Style);

impl EncoderFactory for BytesAsText {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder = bytes_at(array).map(|bytes| BytesEncoder { bytes, style: self.0 });
        Ok(encoder.map(|encoder| NullableEncoder::new(Box::new(encoder), array.nulls().cloned())))
    }
}

struct BytesEncoder<'a> {
    bytes: BytesAt<'a>,
    style: Style,
}

impl Encoder for BytesEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        // Neither form has a character that JSON would escape.
        out.push(b'"');
        out.extend_from_slice(bytes_text((self.bytes)(row), self.style).as_bytes());
        out.push(b'"');
    }
}

fn bytes_at(array: &dyn Array) -> Option<BytesAt<'_>> {
    match array.data_type() {
        DataType::Binary => array.as_binary_opt::<i32>().map(|array| Box::new(|row| array.value(row)) as BytesAt<'_>),
        DataType::LargeBinary => array.as_binary_opt::<i64>().map(|array| Box::new(|row| array.value(row)) as BytesAt<'_>),
        DataType::BinaryView => array.as_binary_view_opt().map(|array| Box::new(|row| array.value(row)) as BytesAt<'_>),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary_opt().map(|array| Box::new(|row| array.value(row)) as BytesAt<'_>),
        _ => None,
    }
}

fn bytes_text(bytes: &[u8], style: Style) -> String {
    match style {
        Style::Data => BASE64_STANDARD.encode(bytes),
        Style::Screen if bytes.len() == 1 => "<1 byte>".to_owned(),
        Style::Screen => format!("<{} bytes>", grouped(bytes.len() as u64)),
    }
}

fn rounded_at(array: &dyn Array) -> Option<Box<dyn Fn(usize) -> String + '_>> {
    if let Some(array) = array.as_primitive_opt::<Float64Type>() {
        return Some(Box::new(|row| rounded(array.value(row), format!("{:.5e}", array.value(row)))));
    }
    let array = array.as_primitive_opt::<Float32Type>()?;
    Some(Box::new(|row| rounded(array.value(row).into(), format!("{:.5e}", array.value(row)))))
}

/// `value` with six significant digits, which `six_digits` holds; from a million on, whole numbers would lose digits, so
/// larger values stay as they are.
fn rounded(value: f64, six_digits: String) -> String {
    let keeps_whole_part = value.abs() < 1e6;
    let rounded = if keeps_whole_part { six_digits.parse().unwrap_or(value) } else { value };
    format!("{rounded:?}")
}
