//! The schema for editors: JSON Schema, draft 2020-12 (<https://json-schema.org/draft/2020-12>).

use serde_json::{Map, Value, json};

use crate::schema::{
    self,
    describe::{Mapping, Shape, paragraph},
    include::SHARED,
};

/// The JSON Schema of a main file, for completion and checks while one types. It knows keys, kinds and units; names and
/// ranges only `edge check` knows.
pub fn json_schema() -> Value {
    let mut root = schema::Config::mapping();
    // An included file may hold it instead.
    root.keys.iter_mut().filter(|key| SHARED.contains(&key.name)).for_each(|key| key.required = false);
    document("Configuration of the edge", &root)
}

/// As [`json_schema`], of a file that another includes.
pub fn json_schema_of_included() -> Value {
    let mut root = schema::Config::mapping();
    root.keys.retain(|key| matches!(key.name, "version" | "include") || SHARED.contains(&key.name));
    root.keys.iter_mut().for_each(|key| key.required = false);
    document("Included configuration of the edge", &root)
}

fn document(title: &str, root: &Mapping) -> Value {
    let mut definitions = Map::new();
    let mut schema = translate_mapping(root, &mut definitions);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = title.into();
    schema["$defs"] = definitions.into();
    schema
}

/// The schema of a shape; mappings go to the definitions, each once.
fn translate(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Mapping(mapping) => {
            if !definitions.contains_key(mapping.name) {
                // Before its keys, in case one of them holds it again.
                definitions.insert(mapping.name.into(), Value::Null);
                let schema = translate_mapping(mapping, definitions);
                definitions.insert(mapping.name.into(), schema);
            }
            json!({"$ref": format!("#/$defs/{}", mapping.name)})
        }
        Shape::Named(of) => json!({"type": "object", "additionalProperties": translate(of, definitions)}),
        Shape::List(of) => json!({"type": "array", "items": translate(of, definitions)}),
        Shape::OneOrMany(of) => {
            let item = translate(of, definitions);
            json!({"anyOf": [item, {"type": "array", "items": item}]})
        }
        Shape::Either(shapes) => {
            let each: Vec<_> = shapes.iter().map(|shape| translate(shape, definitions)).collect();
            json!({"anyOf": each})
        }
        Shape::Words(words) => json!({"enum": words}),
        Shape::Truth => json!({"type": "boolean"}),
        Shape::Number { most } => json!({"type": "integer", "minimum": 0, "maximum": most}),
        Shape::Only(number) => json!({"const": number}),
        Shape::Text(form) => {
            let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
            if !form.pattern.is_empty() {
                schema.insert("pattern".into(), form.pattern.into());
            }
            if !form.example.is_empty() {
                schema.insert("examples".into(), json!([form.example]));
            }
            schema.into()
        }
    }
}

fn translate_mapping(mapping: &Mapping, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in &mapping.keys {
        let mut schema = translate(&key.shape, definitions);
        // Beside a `$ref` this is allowed since draft 2019-09.
        schema["description"] = paragraph(key.doc).into();
        properties.insert(key.name.into(), schema);
    }
    let required: Vec<_> = mapping.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": paragraph(mapping.doc),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
