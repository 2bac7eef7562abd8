//! Bodies written as forms, as the desk keeps them: an object of texts, and of lists where a name comes several times.

use serde_json::{Map, Value};
use url::form_urlencoded;

pub(crate) fn object(body: &[u8]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::String(value.into_owned());
        match object.get_mut(name.as_ref()) {
            None => {
                object.insert(name.into_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    object
}
