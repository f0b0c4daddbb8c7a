//! JSON schemas: whether a value is one, and whether an answer has the shape that one asks for.

use serde_json::{Map, Value};

/// The names of JSON's types, as schemas write them.
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];

/// How deep schemas may nest.
const MAX_DEPTH: usize = 64;

/// Checks that a value is a JSON schema: the keywords that say what shape a value has are used as they are meant. Others are left to the
/// endpoint, but for the wrapper in which OpenAI's API takes a schema: as a schema it would ask for nothing.
///
/// # Errors
/// What is wrong, and where.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    if schema.get("name").is_some() && schema.get("schema").is_some_and(Value::is_object) {
        return Err("it is only the wrapper of one: give what stands under 'schema' alone".into());
    }
    check("$", schema, MAX_DEPTH)
}

fn check(place: &str, schema: &Value, depth: usize) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else { return Err(format!("it is nested more than {MAX_DEPTH} levels deep")) };
    let keywords = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(keywords) => keywords,
        other => return Err(format!("{place} must be an object or a boolean, not {}", type_of(other))),
    };
    for (keyword, value) in keywords {
        let inner = format!("{place}.{keyword}");
        match keyword.as_str() {
            "type" => check_type(&inner, value)?,
            "properties" => {
                let properties = value.as_object().ok_or_else(|| format!("{inner} must be an object of schemas"))?;
                properties.iter().try_for_each(|(name, schema)| check(&format!("{inner}.{name}"), schema, depth))?;
            }
            "required" => {
                let names = value.as_array().filter(|names| names.iter().all(Value::is_string));
                names.ok_or_else(|| format!("{inner} must be a list of texts"))?;
            }
            "items" | "additionalProperties" | "not" => check(&inner, value, depth)?,
            "enum" => {
                value.as_array().filter(|values| !values.is_empty()).ok_or_else(|| format!("{inner} must be a list with a value in it"))?;
            }
            "anyOf" | "oneOf" | "allOf" => {
                let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
                let schemas = schemas.ok_or_else(|| format!("{inner} must be a list with a schema in it"))?;
                schemas.iter().enumerate().try_for_each(|(place, schema)| check(&format!("{inner}[{place}]"), schema, depth))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_type(place: &str, value: &Value) -> Result<(), String> {
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::String(_) if is_type(value) => Ok(()),
        Value::Array(names) if !names.is_empty() && names.iter().all(is_type) => Ok(()),
        _ => Err(format!("{place} must be one of {}, or a list of these", TYPES.join(", "))),
    }
}

/// Checks that a value has the type and the properties that a schema asks for at the top.
///
/// # Errors
/// What is wrong.
pub fn check_shape(schema: &Value, value: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    let types: Vec<&str> = match keywords.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_of_type(name, value)) {
        return Err(format!("it is {}, and the schema asks for {}", type_of(value), types.join(" or ")));
    }
    match value.as_object().and_then(|properties| missing(keywords, properties)) {
        Some(name) => Err(format!("it has no '{name}', which the schema asks for")),
        None => Ok(()),
    }
}

fn missing<'a>(schema: &'a Map<String, Value>, properties: &Map<String, Value>) -> Option<&'a str> {
    let required = schema.get("required").and_then(Value::as_array)?;
    required.iter().filter_map(Value::as_str).find(|name| !properties.contains_key(*name))
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        name => name == type_of(value),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_told_from_what_is_none() {
        for schema in [
            json!(true),
            json!({}),
            json!({ "type": ["string", "null"] }),
            json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": false }, "required": ["a"] }),
            json!({ "type": "array", "items": { "enum": [1, null] }, "minItems": 1 }),
            json!({ "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/x" }] }),
        ] {
            assert_eq!(check_schema(&schema), Ok(()), "{schema}");
        }
        for (schema, problem) in [
            (
                json!({ "name": "answer", "schema": { "type": "object" }, "strict": true }),
                "it is only the wrapper of one: give what stands under 'schema' alone",
            ),
            (json!("object"), "$ must be an object or a boolean, not string"),
            (json!({ "type": "text" }), "$.type must be one of null, boolean, object, array, number, integer, string, or a list of these"),
            (json!({ "type": [] }), "$.type must be one of null, boolean, object, array, number, integer, string, or a list of these"),
            (json!({ "properties": ["a"] }), "$.properties must be an object of schemas"),
            (json!({ "properties": { "a": "string" } }), "$.properties.a must be an object or a boolean, not string"),
            (json!({ "required": "a" }), "$.required must be a list of texts"),
            (json!({ "items": [1] }), "$.items must be an object or a boolean, not array"),
            (json!({ "enum": [] }), "$.enum must be a list with a value in it"),
            (json!({ "oneOf": {} }), "$.oneOf must be a list with a schema in it"),
            (json!({ "allOf": [1] }), "$.allOf[0] must be an object or a boolean, not number"),
        ] {
            assert_eq!(check_schema(&schema), Err(problem.to_owned()), "{schema}");
        }
        let deep = (0..100).fold(json!({}), |inner, _| json!({ "items": inner }));
        assert_eq!(check_schema(&deep), Err("it is nested more than 64 levels deep".to_owned()));
    }

    #[test]
    fn an_answer_has_the_type_and_the_properties_at_the_top() {
        let schema = json!({ "type": "object", "required": ["a"] });
        assert_eq!(check_shape(&schema, &json!({ "a": null, "b": 1 })), Ok(()));
        assert_eq!(check_shape(&schema, &json!({ "b": 1 })), Err("it has no 'a', which the schema asks for".to_owned()));
        assert_eq!(check_shape(&schema, &json!([1])), Err("it is array, and the schema asks for object".to_owned()));
        assert_eq!(check_shape(&json!({ "type": ["integer", "null"] }), &json!(2.0)), Ok(()));
        assert!(check_shape(&json!({ "type": "integer" }), &json!(2.5)).is_err());
        assert_eq!(check_shape(&json!(true), &json!("anything")), Ok(()));
    }
}
