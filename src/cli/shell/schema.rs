//! A table's columns as text, close to SQL.

use arrow::datatypes::{DataType, Field, Schema};

use super::TableName;
use super::completer::quoted_if_needed;

/// Deeper types are abbreviated: a type in a file can nest as deep as its writer liked.
const DEEPEST_SHOWN: usize = 12;

/// `TABLE name (` or `VIEW name (`, a line per column, `);`.
pub(super) fn schema_text(table: &TableName, schema: &Schema) -> String {
    let kind = if table.is_view { "VIEW" } else { "TABLE" };
    let names: Vec<String> = schema.fields().iter().map(|field| quoted_if_needed(field.name())).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{kind} {} (\n", quoted_if_needed(&table.name));
    let last = names.len().saturating_sub(1);
    for (index, (name, field)) in names.iter().zip(schema.fields()).enumerate() {
        let comma = if index == last { "" } else { "," };
        let not_null = if field.is_nullable() { "" } else { " NOT NULL" };
        text.push_str(&format!("  {name:widest$}  {}{not_null}{comma}\n", type_name(field.data_type(), 0)));
    }
    text.push_str(");\n");
    text
}

fn type_name(data_type: &DataType, depth: usize) -> String {
    use DataType::*;
    if depth > DEEPEST_SHOWN {
        return "…".to_owned();
    }
    let name = match data_type {
        Boolean => "BOOLEAN",
        Int8 => "TINYINT",
        Int16 => "SMALLINT",
        Int32 => "INT",
        Int64 => "BIGINT",
        UInt8 => "TINYINT UNSIGNED",
        UInt16 => "SMALLINT UNSIGNED",
        UInt32 => "INT UNSIGNED",
        UInt64 => "BIGINT UNSIGNED",
        Float16 | Float32 => "FLOAT",
        Float64 => "DOUBLE",
        Utf8 | LargeUtf8 | Utf8View => "VARCHAR",
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => "BYTEA",
        Date32 | Date64 => "DATE",
        Timestamp(_, None) => "TIMESTAMP",
        Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        List(item) | LargeList(item) | ListView(item) | LargeListView(item) | FixedSizeList(item, _) => {
            return format!("{}[]", type_name(item.data_type(), depth + 1));
        }
        Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| named_type(field, depth + 1)).collect();
            return format!("STRUCT<{}>", fields.join(", "));
        }
        Dictionary(_, value) => return type_name(value, depth + 1),
        other => return other.to_string(),
    };
    name.to_owned()
}

fn named_type(field: &Field, depth: usize) -> String {
    format!("{} {}", field.name(), type_name(field.data_type(), depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_shown_with_sql_types() {
        let boxes = DataType::new_list(DataType::Float32, true);
        let object = DataType::Struct(vec![Field::new("label", DataType::Utf8, true), Field::new("bbox", boxes, true)].into());
        let schema = Schema::new(vec![
            Field::new("sample_id", DataType::Utf8View, false),
            Field::new("objects", DataType::new_list(object, true), true),
            Field::new("Size", DataType::UInt32, true),
        ]);
        let table = TableName { name: "samples".to_owned(), columns: Vec::new(), is_view: false };
        assert_eq!(
            schema_text(&table, &schema),
            "TABLE samples (\n  sample_id  VARCHAR NOT NULL,\n  objects    STRUCT<label VARCHAR, bbox FLOAT[]>[],\n  \"Size\"     INT UNSIGNED\n);\n"
        );
    }
}
