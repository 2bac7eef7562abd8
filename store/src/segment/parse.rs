//! Tokens read as an expression: by binding powers (Pratt, "Top Down Operator Precedence", 1973) for `or`, `and` and `not`,
//! by hand for conditions, which read like a sentence.
//!
//! Invariants: pure; bounded in depth and size; every error says where, what was found and what should be there.

mod value;

use uuid::Uuid;

use super::{
    MAX_CONDITIONS, MAX_DEPTH, SegmentError, Source, literal,
    syntax::{Column, Condition, Deed, Expression, Field, Named, Order, Since, Test},
    token::{Placed, Token, tokens},
};

/// How strongly an operator holds its sides.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;

/// Longest text of a condition, in bytes.
const MAX_TEXT: usize = 1024;

pub(super) fn parse(source: &str) -> Result<Expression, SegmentError> {
    let mut parser = Parser {
        source: Source(source),
        tokens: tokens(source)?.into_iter().peekable(),
        at: 0,
        conditions: 0,
    };
    let expression = parser.expression(0, 0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        Token::Symbol(")") => Err(parser.wrong("the end", Some("there is no `(` it closes"))),
        _ => Err(parser.wrong("`and`, `or` or the end", None)),
    }
}

struct Parser<'a> {
    source: Source<'a>,
    tokens: std::iter::Peekable<std::vec::IntoIter<Placed>>,
    /// Where the last token began.
    at: usize,
    conditions: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> &Token {
        self.tokens
            .peek()
            .map_or(&Token::End, |placed| &placed.token)
    }

    fn next(&mut self) -> Token {
        match self.tokens.next() {
            Some(placed) => {
                self.at = placed.at;
                placed.token
            }
            None => Token::End,
        }
    }

    /// An error about the token that comes.
    fn wrong(&mut self, expected: &str, hint: Option<&str>) -> SegmentError {
        let (at, found) = match self.tokens.peek() {
            Some(placed) => (placed.at, placed.token.to_string()),
            None => (self.source.0.len(), Token::End.to_string()),
        };
        self.source
            .error(at, found, expected, hint.map(str::to_owned))
    }

    /// An error about the token that was taken last.
    fn wrong_here(&self, found: &Token, expected: &str, hint: Option<&str>) -> SegmentError {
        self.source.error(
            self.at,
            found.to_string(),
            expected,
            hint.map(str::to_owned),
        )
    }

    /// Takes a keyword, if it comes; keywords have no case.
    fn eat(&mut self, keyword: &str) -> bool {
        let comes = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        if comes {
            self.next();
        }
        comes
    }

    fn expect(&mut self, keyword: &str) -> Result<(), SegmentError> {
        if self.eat(keyword) {
            return Ok(());
        }
        Err(self.wrong(&format!("`{keyword}`"), None))
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), SegmentError> {
        if self.peek() == &Token::Symbol(symbol) {
            self.next();
            return Ok(());
        }
        Err(self.wrong(&format!("`{symbol}`"), None))
    }

    /// What is held together at least so strongly.
    fn expression(&mut self, power: u8, depth: usize) -> Result<Expression, SegmentError> {
        if depth > MAX_DEPTH {
            let expected = format!("no more than {MAX_DEPTH} parentheses and `not` in each other");
            return Err(self.wrong(&expected, None));
        }
        let mut left = self.operand(depth)?;
        loop {
            let mut parts = vec![left];
            if power <= AND && self.comes("and") {
                while self.eat("and") {
                    parts.push(self.expression(AND + 1, depth)?);
                }
                left = Expression::All(parts);
            } else if power <= OR && self.comes("or") {
                while self.eat("or") {
                    parts.push(self.expression(OR + 1, depth)?);
                }
                left = Expression::Any(parts);
            } else {
                return Ok(parts.swap_remove(0));
            }
        }
    }

    fn comes(&mut self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn operand(&mut self, depth: usize) -> Result<Expression, SegmentError> {
        if self.eat("not") {
            let inner = self.expression(NOT, depth + 1)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.peek() == &Token::Symbol("(") {
            self.next();
            let inner = self.expression(0, depth + 1)?;
            self.symbol(")")?;
            return Ok(inner);
        }
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            let expected = format!("no more than {MAX_CONDITIONS} conditions");
            return Err(self.wrong(&expected, Some("put values into `in (…)`")));
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Expression, SegmentError> {
        let Token::Word(word) = self.peek().clone() else {
            let hint = "a condition begins with a field, such as `attributes.plan`, with `in list`, or with a deed, such as `opened`";
            return Err(self.wrong("a condition", Some(hint)));
        };
        let lower = word.to_ascii_lowercase();
        if lower == "in" {
            self.next();
            self.expect("list")?;
            return Ok(Expression::Is(Condition::Member(self.named()?)));
        }
        if let Some(deed) = Deed::ALL.into_iter().find(|deed| deed.name() == lower) {
            self.next();
            return self.did(deed);
        }
        let field = self.field(&lower)?;
        self.test(field)
    }

    fn did(&mut self, deed: Deed) -> Result<Expression, SegmentError> {
        let campaign = if self.eat("campaign") {
            Some(self.named()?)
        } else if self.eat("any") {
            None
        } else {
            return Err(self.wrong("`any` or `campaign \"…\"`", None));
        };
        let within = if self.eat("in") {
            self.expect("last")?;
            Some(self.span()?)
        } else {
            None
        };
        Ok(Expression::Is(Condition::Did {
            deed,
            campaign,
            within,
        }))
    }

    fn named(&mut self) -> Result<Named, SegmentError> {
        match self.next() {
            Token::Text(text) if !text.is_empty() && text.chars().nth(255).is_none() => {
                Ok(Uuid::try_parse(&text).map_or(Named::Name(text), Named::Id))
            }
            other => Err(self.wrong_here(&other, "a name or an id in quotes", None)),
        }
    }

    fn field(&mut self, word: &str) -> Result<Field, SegmentError> {
        let field = if let Some(column) = Column::ALL.into_iter().find(|c| c.name() == word) {
            Field::Column(column)
        } else if let Some(since) = Since::ALL.into_iter().find(|s| s.name() == word) {
            Field::Since(since)
        } else if word == "address" {
            Field::Address(None)
        } else if word == "consent" {
            self.next();
            return self.consent();
        } else if word == "attributes" {
            self.next();
            return self.attribute();
        } else if let Some(kind) = kind(word) {
            Field::Address(Some(kind))
        } else {
            let hint = literal::nearest(word);
            return Err(self.wrong(
                "a field, `in list`, or a deed such as `opened`",
                Some(&hint),
            ));
        };
        self.next();
        Ok(field)
    }

    fn consent(&mut self) -> Result<Field, SegmentError> {
        if self.peek() != &Token::Symbol(".") {
            return Ok(Field::Consent(None));
        }
        self.next();
        match self.next() {
            Token::Word(word) if kind(&word.to_ascii_lowercase()).is_some() => {
                Ok(Field::Consent(kind(&word.to_ascii_lowercase())))
            }
            other => {
                let hint = "email, phone, whatsapp, telegram and the other kinds of addresses";
                Err(self.wrong_here(&other, "a kind of address", Some(hint)))
            }
        }
    }

    fn attribute(&mut self) -> Result<Field, SegmentError> {
        let mut path = Vec::new();
        while self.peek() == &Token::Symbol(".") {
            self.next();
            match self.next() {
                Token::Word(key) | Token::Text(key)
                    if !key.is_empty() && key.len() <= MAX_TEXT && path.len() < 8 =>
                {
                    path.push(key);
                }
                other => {
                    return Err(self.wrong_here(&other, "the name of an attribute", None));
                }
            }
        }
        if path.is_empty() {
            return Err(self.wrong("`.` and the name of an attribute", None));
        }
        Ok(Field::Attribute(path))
    }

    /// What is asked of a field.
    fn test(&mut self, field: Field) -> Result<Expression, SegmentError> {
        let mut is_negative = self.eat("not");
        let test = match self.next() {
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "in" => self.inside(&field)?,
                "contains" => Test::Contains(self.text(&field)?),
                "starts" => {
                    self.expect("with")?;
                    Test::StartsWith(self.text(&field)?)
                }
                "ends" => {
                    self.expect("with")?;
                    Test::EndsWith(self.text(&field)?)
                }
                "before" if !is_negative => Test::Moment(Order::Less, self.moment(&field)?),
                "after" if !is_negative => Test::Moment(Order::More, self.moment(&field)?),
                "is" if !is_negative => {
                    is_negative = self.eat("not");
                    self.expect("null")?;
                    Test::IsNull
                }
                _ => return Err(self.no_operator(&Token::Word(word), is_negative)),
            },
            Token::Symbol("=") if !is_negative => Test::OneOf(vec![self.value(&field)?]),
            Token::Symbol("!=") if !is_negative => {
                is_negative = true;
                Test::OneOf(vec![self.value(&field)?])
            }
            Token::Symbol("<") if !is_negative => self.order(&field, Order::Less)?,
            Token::Symbol("<=") if !is_negative => self.order(&field, Order::AtMost)?,
            Token::Symbol(">") if !is_negative => self.order(&field, Order::More)?,
            Token::Symbol(">=") if !is_negative => self.order(&field, Order::AtLeast)?,
            other => return Err(self.no_operator(&other, is_negative)),
        };
        let is = Expression::Is(Condition::Field(field, test));
        Ok(if is_negative {
            Expression::Not(Box::new(is))
        } else {
            is
        })
    }

    fn no_operator(&self, found: &Token, is_negative: bool) -> SegmentError {
        let expected = if is_negative {
            "`in`, `contains`, `starts with` or `ends with`"
        } else {
            "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains`, `starts with`, `ends with`, `before`, `after` or `is null`"
        };
        self.wrong_here(found, expected, None)
    }
}

/// A kind of address by its own name.
fn kind(word: &str) -> Option<&'static str> {
    schemas::address::kind(word).filter(|kind| *kind == word)
}
