//! Whether an answer of the API is what its description says: JSON Schema, as far as the description uses it.

use serde_json::{Map, Value, json};

/// The description's half of a request: what it says of each status.
pub struct Description(Value);

/// Words that say nothing about what fits.
const REMARKS: [&str; 6] = ["description", "example", "examples", "format", "title", "default"];

impl Description {
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// Why an answer is not what is described; nothing when it is, or when nothing is said of the path.
    pub fn objects(&self, method: &str, path: &str, status: u16, body: &Value) -> Option<String> {
        let path = path.split('?').next().unwrap_or_default();
        let operation = self.operation(&method.to_lowercase(), path)?;
        let told = match operation["responses"].get(status.to_string()) {
            Some(response) => match &response["content"]["application/json"]["schema"] {
                Value::Null if response["content"].is_null() => self.is_empty(body),
                Value::Null => Ok(()),
                schema => self.fits(body, schema),
            },
            // What every route may refuse is not repeated at each.
            None if (400..500).contains(&status) => self.fits(body, &self.0["components"]["schemas"]["Refused"]),
            None => Err("this status is not described".into()),
        };
        told.err().map(|reason| format!("{method} {path} answered {status}: {reason}: {body}"))
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let paths = self.0["paths"].as_object().unwrap();
        let found = paths.get(path).or_else(|| paths.iter().find(|(known, _)| leads_to(known, path)).map(|(_, it)| it));
        found?.get(method)
    }

    fn is_empty(&self, body: &Value) -> Result<(), String> {
        if body == "" { Ok(()) } else { Err("a body is not described".into()) }
    }

    fn fits(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err("it is not described".into()),
            Value::Object(schema) => schema,
            other => return Err(format!("no schema: {other}")),
        };
        for (word, meaning) in schema {
            match word.as_str() {
                "$ref" => self.fits(value, self.named(meaning.as_str().unwrap()))?,
                "type" if !is_of_type(value, meaning) => return Err(format!("{value} is not of type {meaning}")),
                "enum" if !meaning.as_array().unwrap().contains(value) => {
                    return Err(format!("{value} is none of {meaning}"));
                }
                "allOf" => self.fits(value, &self.together(meaning.as_array().unwrap()))?,
                "oneOf" | "anyOf" => self.fits_one(value, meaning.as_array().unwrap(), word == "oneOf")?,
                "properties" => self.fits_properties(value, schema)?,
                "required" => {
                    let missing =
                        meaning.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                    missing.map_or(Ok(()), |name| Err(format!("{name} is missing")))?;
                }
                "additionalProperties" => self.fits_others(value, schema, meaning)?,
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(Map::keys) {
                        self.fits(&Value::String(name.clone()), meaning)?;
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.fits(item, meaning)?;
                    }
                }
                "minimum" if value.as_f64() < meaning.as_f64() => return Err(format!("{value} is under {meaning}")),
                "type" | "enum" | "minimum" => {}
                remark if REMARKS.contains(&remark) => {}
                // A word that this does not know would be no check at all.
                unknown => panic!("the description uses {unknown:?}: {schema:?}"),
            }
        }
        Ok(())
    }

    fn named(&self, reference: &str) -> &Value {
        self.0.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} is not described"))
    }

    /// What several schemas of objects say together.
    fn together(&self, parts: &[Value]) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for part in parts {
            let part = part.get("$ref").map_or(part, |reference| self.named(reference.as_str().unwrap()));
            assert_eq!(part["type"], "object", "{part}");
            // One part would refuse what another asks for: nothing at all would fit.
            assert!(part.get("additionalProperties").is_none(), "{part}");
            properties.extend(part["properties"].as_object().unwrap().clone());
            required.extend(part["required"].as_array().into_iter().flatten().cloned());
        }
        json!({"type": "object", "properties": properties, "required": required})
    }

    fn fits_one(&self, value: &Value, schemas: &[Value], only: bool) -> Result<(), String> {
        let told: Vec<_> = schemas.iter().map(|schema| self.fits(value, schema)).collect();
        match told.iter().filter(|told| told.is_ok()).count() {
            0 => Err(format!("fits none: {told:?}")),
            1 => Ok(()),
            _ if only => Err("fits more than one".into()),
            _ => Ok(()),
        }
    }

    fn fits_properties(&self, value: &Value, schema: &Map<String, Value>) -> Result<(), String> {
        let Some(object) = value.as_object() else { return Ok(()) };
        for (name, value) in object {
            match schema["properties"].get(name) {
                Some(schema) => self.fits(value, schema).map_err(|reason| format!("{name}: {reason}"))?,
                // Nobody is told what is not described.
                None if schema.contains_key("additionalProperties") => {}
                None => return Err(format!("{name} is not described")),
            }
        }
        Ok(())
    }

    fn fits_others(&self, value: &Value, schema: &Map<String, Value>, others: &Value) -> Result<(), String> {
        let known = schema.get("properties");
        for (name, value) in value.as_object().into_iter().flatten() {
            if known.is_none_or(|known| known.get(name).is_none()) {
                self.fits(value, others).map_err(|reason| format!("{name}: {reason}"))?;
            }
        }
        Ok(())
    }
}

/// Whether a path of the description, `/api/sessions/{id}`, is one that is asked.
fn leads_to(known: &str, path: &str) -> bool {
    let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
    known.len() == path.len() && known.iter().zip(&path).all(|(known, part)| known == part || known.starts_with('{'))
}

fn is_of_type(value: &Value, types: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the description uses the type {other}"),
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        other => panic!("the description uses the type {other}"),
    }
}

#[test]
fn what_is_not_as_described_is_noticed() {
    let document = json!({
        "paths": {"/api/x/{id}": {"get": {"responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}},
            "204": {"description": "nothing"},
        }}}},
        "components": {"schemas": {
            "X": {"type": "object", "required": ["a"], "properties": {
                "a": {"type": "integer", "minimum": 0},
                "b": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Y"}]},
                "c": {"type": "array", "items": {"type": ["string", "null"]}},
                "d": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "z": {"$ref": "#/components/schemas/Z"},
            }},
            "Z": {"allOf": [{"$ref": "#/components/schemas/X"}, {"type": "object", "properties": {"e": {"type": "string"}}}]},
            "Y": {"type": "string", "enum": ["yes", "no"]},
            "Refused": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        }},
    });
    let description = Description::new(document);
    let told = |status, body| description.objects("GET", "/api/x/7?y", status, &body);
    let json = |text: &str| serde_json::from_str(text).unwrap();
    assert_eq!(told(200, json(r#"{"a": 1, "b": "yes", "c": ["x", null], "d": {"any": true}}"#)), None);
    assert_eq!(told(200, json(r#"{"a": 1, "b": null, "z": {"a": 2, "e": "x"}}"#)), None);
    assert_eq!(told(204, json(r#""""#)), None);
    assert_eq!(told(404, json(r#"{"error": "gone"}"#)), None);
    assert_eq!(description.objects("GET", "/assets/x.js", 200, &Value::Null), None);
    for (status, body) in [
        (200, r#"{"b": "yes"}"#),
        (200, r#"{"a": -1}"#),
        (200, r#"{"a": "1"}"#),
        (200, r#"{"a": 1, "b": "perhaps"}"#),
        (200, r#"{"a": 1, "c": [1]}"#),
        (200, r#"{"a": 1, "d": {"any": 1}}"#),
        (200, r#"{"a": 1, "more": true}"#),
        (200, r#"{"a": 1, "z": {"a": 2, "f": 1}}"#),
        (201, r#"{"a": 1}"#),
        (204, r#"{"a": 1}"#),
        (404, r#"{"a": 1}"#),
        (500, r#"{"error": "x"}"#),
    ] {
        assert!(told(status, json(body)).is_some(), "{status} {body}");
    }
}
