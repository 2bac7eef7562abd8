//! The responses of an IMAP server (RFC 9051, RFC 3501): from bytes to what they say.
//!
//! Pure. Invariants: no input panics; memory is bounded by [`Assembler::new`]'s limit, whatever lengths the server
//! announces: a longer literal is passed over ([`Piece::Skipped`]). Deliberately absent: every response that a reader of
//! one mailbox does not need, and the free text of conditions, which may name people.

use bytes::{Bytes, BytesMut};

/// Most bytes of a response outside its literals.
const MAX_TEXT: usize = 256 * 1024;
/// Most bytes of a literal that are passed over.
const MAX_SKIPPED: u64 = 256 * 1024 * 1024;
/// Most parts of one response.
const MAX_PIECES: usize = 256;

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    Literal(Bytes),
    /// A literal that is longer than may be taken.
    Skipped(u64),
}

/// The server answers more than can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Puts one response after the other together, from bytes in whatever portions.
#[derive(Debug)]
pub(crate) struct Assembler {
    max_literal: usize,
    pieces: Vec<Piece>,
    text: Vec<u8>,
    text_bytes: usize,
    literal_bytes: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Line,
    Literal { left: usize, bytes: BytesMut },
    Skipped { left: u64, of: u64 },
}

impl Assembler {
    /// `max_literal`: most bytes of the literals of one response.
    pub(crate) fn new(max_literal: usize) -> Self {
        Self {
            max_literal,
            pieces: Vec::new(),
            text: Vec::new(),
            text_bytes: 0,
            literal_bytes: 0,
            inside: Inside::Line,
        }
    }

    /// Whether nothing of a next response has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.text.is_empty() && matches!(self.inside, Inside::Line)
    }

    /// Takes bytes: how many were used, and the response that ends with them, if one does.
    ///
    /// # Errors
    /// [`TooLong`]; nothing sensible follows.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<(usize, Option<Vec<Piece>>), TooLong> {
        match &mut self.inside {
            Inside::Line => self.feed_line(input),
            Inside::Literal { left, bytes } => {
                let (take, _) = input.split_at(input.len().min(*left));
                bytes.extend_from_slice(take);
                *left -= take.len();
                if *left == 0 {
                    let bytes = std::mem::take(bytes).freeze();
                    self.end_literal(Piece::Literal(bytes))?;
                }
                Ok((take.len(), None))
            }
            Inside::Skipped { left, of } => {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left -= take as u64;
                if *left == 0 {
                    let piece = Piece::Skipped(*of);
                    self.end_literal(piece)?;
                }
                Ok((take, None))
            }
        }
    }

    fn end_literal(&mut self, piece: Piece) -> Result<(), TooLong> {
        self.inside = Inside::Line;
        self.push(piece)
    }

    fn push(&mut self, piece: Piece) -> Result<(), TooLong> {
        if self.pieces.len() >= MAX_PIECES {
            return Err(TooLong);
        }
        self.pieces.push(piece);
        Ok(())
    }

    fn feed_line(&mut self, input: &[u8]) -> Result<(usize, Option<Vec<Piece>>), TooLong> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(input.len(), |end| end + 1);
        let (line, _) = input.split_at(used);
        self.text_bytes += line.len();
        if self.text_bytes > MAX_TEXT {
            return Err(TooLong);
        }
        self.text.extend_from_slice(line);
        if end.is_none() {
            return Ok((used, None));
        }
        let mut text = std::mem::take(&mut self.text);
        while matches!(text.last(), Some(b'\r' | b'\n')) {
            text.pop();
        }
        let Some((kept, length)) = announced(&text) else {
            self.push(Piece::Text(text))?;
            self.text_bytes = 0;
            self.literal_bytes = 0;
            return Ok((used, Some(std::mem::take(&mut self.pieces))));
        };
        text.truncate(kept);
        self.push(Piece::Text(text))?;
        let room = self.max_literal.saturating_sub(self.literal_bytes);
        self.inside = match usize::try_from(length) {
            Ok(left) if left <= room => {
                self.literal_bytes += left;
                Inside::Literal {
                    left,
                    bytes: BytesMut::new(),
                }
            }
            _ if length <= MAX_SKIPPED => Inside::Skipped {
                left: length,
                of: length,
            },
            _ => return Err(TooLong),
        };
        if length == 0 {
            self.end_literal(Piece::Literal(Bytes::new()))?;
        }
        Ok((used, None))
    }
}

/// Where a line's text ends and how long the literal is that its end announces (`{12}`, `{12+}`, `~{12}`).
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = inner.get(open + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let length = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let before = line.get(..open)?;
    let kept = before.strip_suffix(b"~").unwrap_or(before).len();
    Some((kept, length))
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// `+`: the server waits for more.
    Continue,
    /// What became of our command with this tag.
    Tagged(String, Condition),
    /// `* OK`, `* BYE` and the like.
    Said(Condition),
    /// Everything else with a `*`.
    Data(Vec<Token>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// A status and its code in brackets: `OK [UIDNEXT 7]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: Status,
    /// In upper case; empty when there is none.
    pub(crate) code: String,
    pub(crate) argument: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Atom(String),
    Text(Bytes),
    /// A text that was longer than may be taken.
    Skipped(u64),
    Open,
    Close,
}

impl Token {
    fn is(&self, name: &str) -> bool {
        matches!(self, Self::Atom(atom) if atom.eq_ignore_ascii_case(name))
    }

    fn number<T: std::str::FromStr>(&self) -> Option<T> {
        match self {
            Self::Atom(atom) => atom.parse().ok(),
            _ => None,
        }
    }
}

/// What a response says; none when it is none.
pub(crate) fn parse(pieces: Vec<Piece>) -> Option<Response> {
    let mut pieces = pieces.into_iter();
    let Some(Piece::Text(first)) = pieces.next() else {
        return None;
    };
    if first.first() == Some(&b'+') {
        return Some(Response::Continue);
    }
    let space = first.iter().position(|byte| *byte == b' ')?;
    let (tag, rest) = first.split_at(space);
    let rest = rest.get(1..).unwrap_or_default();
    if tag != b"*" {
        let tag = std::str::from_utf8(tag).ok()?;
        return Some(Response::Tagged(tag.to_owned(), condition(rest)?));
    }
    if let Some(condition) = condition(rest) {
        return Some(Response::Said(condition));
    }
    let mut tokens = Vec::new();
    tokenize(rest, &mut tokens);
    for piece in pieces {
        match piece {
            Piece::Text(text) => tokenize(&text, &mut tokens),
            Piece::Literal(bytes) => tokens.push(Token::Text(bytes)),
            Piece::Skipped(length) => tokens.push(Token::Skipped(length)),
        }
    }
    Some(Response::Data(tokens))
}

fn condition(text: &[u8]) -> Option<Condition> {
    let text = String::from_utf8_lossy(text);
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let status = match word.to_ascii_uppercase().as_str() {
        "OK" => Status::Ok,
        "NO" => Status::No,
        "BAD" => Status::Bad,
        "BYE" => Status::Bye,
        "PREAUTH" => Status::Preauth,
        _ => return None,
    };
    let inner = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map_or("", |(inner, _)| inner);
    let (code, argument) = inner.split_once(' ').unwrap_or((inner, ""));
    Some(Condition {
        status,
        code: code.to_ascii_uppercase(),
        argument: argument.to_owned(),
    })
}

fn tokenize(text: &[u8], tokens: &mut Vec<Token>) {
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' => {}
            b'(' => tokens.push(Token::Open),
            b')' => tokens.push(Token::Close),
            b'"' => {
                let mut quoted = Vec::new();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => quoted.extend(bytes.next()),
                        _ => quoted.push(byte),
                    }
                }
                tokens.push(Token::Text(quoted.into()));
            }
            _ => {
                let mut atom = vec![byte];
                let mut depth = usize::from(byte == b'[');
                while let Some(byte) =
                    bytes.next_if(|next| depth > 0 || !matches!(next, b' ' | b'(' | b')' | b'"'))
                {
                    match byte {
                        b'[' => depth += 1,
                        b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    atom.push(byte);
                }
                tokens.push(Token::Atom(String::from_utf8_lossy(&atom).into_owned()));
            }
        }
    }
}

/// What `FETCH` said of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) uid: u32,
    /// `RFC822.SIZE`.
    pub(crate) size_bytes: Option<u64>,
    /// `INTERNALDATE`, as the server wrote it.
    pub(crate) date: Option<String>,
    pub(crate) body: Option<Fill>,
}

/// A body, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Whole(Bytes),
    TooLarge(u64),
}

/// `* 12 FETCH (UID 34 …)`; none when it is something else, or names no message.
pub(crate) fn fetched(tokens: &[Token]) -> Option<Fetched> {
    let [_, word, Token::Open, items @ ..] = tokens else {
        return None;
    };
    if !word.is("FETCH") {
        return None;
    }
    let mut fetched = Fetched::default();
    let mut items = items.iter();
    while let Some(Token::Atom(name)) = items.next() {
        let value = items.next()?;
        if *value == Token::Open {
            // Flags and other lists.
            let mut depth = 1_usize;
            while depth > 0 {
                match items.next()? {
                    Token::Open => depth += 1,
                    Token::Close => depth -= 1,
                    _ => {}
                }
            }
            continue;
        }
        let name = name.to_ascii_uppercase();
        match (name.as_str(), value) {
            ("UID", value) => fetched.uid = value.number().unwrap_or(0),
            ("RFC822.SIZE", value) => fetched.size_bytes = value.number(),
            ("INTERNALDATE", Token::Text(date)) => {
                fetched.date = std::str::from_utf8(date).ok().map(str::to_owned);
            }
            (name, Token::Text(body)) if name.starts_with("BODY[") => {
                fetched.body = Some(Fill::Whole(body.clone()));
            }
            (name, Token::Skipped(length)) if name.starts_with("BODY[") => {
                fetched.body = Some(Fill::TooLarge(*length));
            }
            _ => {}
        }
    }
    (fetched.uid > 0).then_some(fetched)
}

/// `* 12 EXISTS`.
pub(crate) fn exists(tokens: &[Token]) -> Option<u32> {
    match tokens {
        [count, word] if word.is("EXISTS") => count.number(),
        _ => None,
    }
}

/// `* CAPABILITY …`, in upper case.
pub(crate) fn capabilities(tokens: &[Token]) -> Option<Vec<String>> {
    let (word, names) = tokens.split_first()?;
    word.is("CAPABILITY").then(|| {
        names
            .iter()
            .filter_map(|name| match name {
                Token::Atom(name) => Some(name.to_ascii_uppercase()),
                _ => None,
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
