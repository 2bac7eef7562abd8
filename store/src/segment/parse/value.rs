//! What conditions compare with: values, numbers, moments and lengths of time.

use serde_json::{Number, Value};

use super::{
    super::{
        MAX_ITEMS, SegmentError, literal,
        syntax::{Field, Moment, Order, Span, Test, Unit},
        token::Token,
    },
    MAX_TEXT, Parser,
};

/// Longest time looked back: a century of hours.
const MAX_COUNT: u32 = 876_600;

impl Parser<'_> {
    /// After `in`: values, or a time that goes back.
    pub(super) fn inside(&mut self, field: &Field) -> Result<Test, SegmentError> {
        if self.comes("last") {
            self.has_moments(field)?;
            self.next();
            return Ok(Test::InLast(self.span()?));
        }
        self.symbol("(")?;
        let mut values = vec![self.value(field)?];
        while self.peek() == &Token::Symbol(",") {
            self.next();
            if values.len() >= MAX_ITEMS {
                let expected = format!("no more than {MAX_ITEMS} values");
                return Err(self.wrong(&expected, Some("make a list of the contacts instead")));
            }
            values.push(self.value(field)?);
        }
        self.symbol(")")?;
        Ok(Test::OneOf(values))
    }

    /// A value that the field may be.
    pub(super) fn value(&mut self, field: &Field) -> Result<Value, SegmentError> {
        if matches!(field, Field::Since(_)) {
            let hint = "ask for `before`, `after` or `in last`";
            return Err(self.wrong("no exact moment", Some(hint)));
        }
        let is_attribute = matches!(field, Field::Attribute(_));
        let token = self.next();
        match &token {
            Token::Text(text) if text.len() <= MAX_TEXT => literal::text(field, text)
                .map_err(|hint| self.wrong_here(&token, "a value of this field", Some(hint))),
            Token::Number(digits) if is_attribute => self.number(digits).map(Value::Number),
            Token::Word(word) if is_attribute && word.eq_ignore_ascii_case("true") => {
                Ok(Value::Bool(true))
            }
            Token::Word(word) if is_attribute && word.eq_ignore_ascii_case("false") => {
                Ok(Value::Bool(false))
            }
            Token::Word(word) if word.eq_ignore_ascii_case("null") => {
                Err(self.wrong_here(&token, "a value", Some("write `is null` or `is not null`")))
            }
            Token::Word(_) => {
                Err(self.wrong_here(&token, "a value", Some("texts stand in quotes")))
            }
            _ if is_attribute => {
                let expected = "a text in quotes, a number, `true` or `false`";
                Err(self.wrong_here(&token, expected, None))
            }
            _ => Err(self.wrong_here(&token, "a text in quotes", Some("this field is a text"))),
        }
    }

    fn number(&self, digits: &str) -> Result<Number, SegmentError> {
        let number = match digits.parse::<i64>() {
            Ok(whole) => Some(Number::from(whole)),
            Err(_) => digits.parse().ok().and_then(Number::from_f64),
        };
        number.ok_or_else(|| self.wrong_here(&Token::Number(digits.to_owned()), "a number", None))
    }

    pub(super) fn text(&mut self, field: &Field) -> Result<String, SegmentError> {
        if matches!(field, Field::Since(_)) {
            return Err(self.wrong("a field with text", Some("this field is a moment")));
        }
        match self.next() {
            Token::Text(text) if (1..=MAX_TEXT).contains(&text.len()) => Ok(text),
            other => Err(self.wrong_here(&other, "a text in quotes", None)),
        }
    }

    /// After `<` and the like: a number, or a moment.
    pub(super) fn order(&mut self, field: &Field, order: Order) -> Result<Test, SegmentError> {
        if let (Token::Number(digits), Field::Attribute(_)) = (self.peek().clone(), field) {
            self.next();
            let number = self.number(&digits)?;
            if !self.is_unit() {
                return Ok(Test::Number(order, number));
            }
            let span = self.unit(&digits)?;
            self.expect("ago")?;
            return Ok(Test::Moment(order, Moment::Ago(span)));
        }
        Ok(Test::Moment(order, self.moment(field)?))
    }

    fn has_moments(&mut self, field: &Field) -> Result<(), SegmentError> {
        if matches!(field, Field::Since(_) | Field::Attribute(_)) {
            return Ok(());
        }
        let hint = "only created_at, updated_at and attributes are compared so";
        Err(self.wrong("no moment, for the field is a text", Some(hint)))
    }

    pub(super) fn moment(&mut self, field: &Field) -> Result<Moment, SegmentError> {
        self.has_moments(field)?;
        if self.eat("now") {
            return Ok(Moment::Now);
        }
        if let Token::Number(_) = self.peek() {
            let span = self.span()?;
            self.expect("ago")?;
            return Ok(Moment::Ago(span));
        }
        let token = self.next();
        let at = match &token {
            Token::Text(text) => literal::moment(text),
            _ => None,
        };
        at.map(Moment::At).ok_or_else(|| {
            let hint = "such as \"2026-01-31\", \"2026-01-31T08:00:00Z\" or `30 days ago`; text has no order";
            let expected = if matches!(field, Field::Attribute(_)) {
                "a number or a moment"
            } else {
                "a moment"
            };
            self.wrong_here(&token, expected, Some(hint))
        })
    }

    fn is_unit(&mut self) -> bool {
        matches!(self.peek(), Token::Word(word) if unit(word).is_some())
    }

    pub(super) fn span(&mut self) -> Result<Span, SegmentError> {
        match self.next() {
            Token::Number(digits) => self.unit(&digits),
            other => Err(self.wrong_here(&other, "a time such as `30 days`", None)),
        }
    }

    fn unit(&mut self, digits: &str) -> Result<Span, SegmentError> {
        let count = digits
            .parse()
            .ok()
            .filter(|count| (1..=MAX_COUNT).contains(count));
        let Some(count) = count else {
            let found = Token::Number(digits.to_owned());
            return Err(self.wrong_here(
                &found,
                &format!("a whole number from 1 to {MAX_COUNT}"),
                None,
            ));
        };
        match self.next() {
            Token::Word(word) if unit(&word).is_some() => Ok(Span {
                count,
                unit: unit(&word).unwrap_or(Unit::Days),
            }),
            other => Err(self.wrong_here(&other, "`hours`, `days` or `weeks`", None)),
        }
    }
}

fn unit(word: &str) -> Option<Unit> {
    match word.to_ascii_lowercase().as_str() {
        "hour" | "hours" => Some(Unit::Hours),
        "day" | "days" => Some(Unit::Days),
        "week" | "weeks" => Some(Unit::Weeks),
        _ => None,
    }
}
