//! Lines written in a dialect, cut where a part is full.
//!
//! Words are written one after the other; the last place to cut of each rank is remembered. When a word does not fit,
//! the part is cut at the best of them and what follows is written again, at most half a part.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use super::{
    Dialect, Limit,
    atom::{Atom, Border, atoms},
    dialect::Place,
    document::{Line, Mark},
    nest::{Frame, Kind},
};

/// Cuts lines to parts.
pub(super) fn cut(lines: &[Line], dialect: Dialect, limit: Limit) -> Vec<String> {
    let mut atoms: Vec<Atom<'_>> = lines.iter().flat_map(atoms).collect();
    let mut parts = Vec::new();
    let mut part = Part::new(dialect, limit);
    let mut at = 0;
    while let Some(atom) = atoms.get(at) {
        part.offer(at, atom);
        match part.push(atom) {
            Pushed::Whole => at += 1,
            Pushed::Not if part.is_empty() => {
                // Not one character with all its markup: without, and at worst alone and too long.
                let left = part.force(atom);
                take(&mut atoms, &mut at, left);
                part.finish_into(&mut parts);
            }
            Pushed::Begun(left) => {
                take(&mut atoms, &mut at, left);
                part.finish_into(&mut parts);
            }
            Pushed::Not => {
                at = part.back(at);
                part.finish_into(&mut parts);
            }
        }
    }
    part.finish_into(&mut parts);
    parts
}

/// Leaves the end of an atom for the next part.
fn take<'d>(atoms: &mut [Atom<'d>], at: &mut usize, left: &'d str) {
    if left.is_empty() {
        *at += 1;
    } else if let Some(atom) = atoms.get_mut(*at) {
        atom.text = left;
        atom.border = Border::Joined;
        atom.space = "";
    }
}

/// What became of an atom.
enum Pushed<'d> {
    Whole,
    /// Some of its characters are in, these are left; only in a part with nothing else to cut at.
    Begun(&'d str),
    Not,
}

/// What is open.
#[derive(Clone, Default)]
struct Open {
    frames: Rc<[Frame]>,
    marks: Rc<[Mark]>,
}

impl Open {
    fn close_marks(&self, dialect: Dialect, kept: usize, out: &mut String) {
        for mark in self.marks.iter().skip(kept).rev() {
            dialect.close_mark(mark, out);
        }
    }

    fn close_frames(&self, dialect: Dialect, kept: usize, out: &mut String) {
        for frame in self.frames.iter().skip(kept).rev() {
            dialect.close_frame(&frame.kind, out);
        }
    }
}

/// A place to cut: before which atom, and how far the part was then.
#[derive(Clone)]
struct Stop {
    before: usize,
    bytes: usize,
    units: usize,
    open: Open,
}

/// A part as far as it is written.
struct Part<'d> {
    dialect: Dialect,
    limit: Limit,
    out: String,
    units: usize,
    open: Open,
    /// The last line and character of the text.
    line: Option<&'d Line>,
    last: Option<char>,
    /// The last places before a block, a line, a word.
    places: [Option<Stop>; 3],
}

impl<'d> Part<'d> {
    fn new(dialect: Dialect, limit: Limit) -> Self {
        Self {
            dialect,
            limit,
            out: String::new(),
            units: 0,
            open: Open::default(),
            line: None,
            last: None,
            places: [None, None, None],
        }
    }

    fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Remembers that the part could end before this atom.
    fn offer(&mut self, before: usize, atom: &Atom<'_>) {
        if self.is_empty() {
            return;
        }
        let rank = match atom.border {
            Border::Line if atom.line.blank > 0 => 0,
            Border::Line => 1,
            Border::Word => 2,
            Border::Joined => return,
        };
        if let Some(place) = self.places.get_mut(rank) {
            *place = Some(Stop {
                before,
                bytes: self.out.len(),
                units: self.units,
                open: self.open.clone(),
            });
        }
    }

    /// Writes an atom if it fits with all that then has to be closed.
    fn push(&mut self, atom: &Atom<'d>) -> Pushed<'d> {
        let (mut add, open) = self.lead(atom);
        let mut tail = String::new();
        open.close_marks(self.dialect, 0, &mut tail);
        open.close_frames(self.dialect, 0, &mut tail);
        let taken = self.units + self.count(&add) + self.count(&tail);
        let Some(room) = self.limit.max.checked_sub(taken) else {
            return Pushed::Not;
        };
        let in_code = |frame: &Frame| matches!(frame.kind, Kind::Code(_));
        let place = Place {
            code: atom.line.frames.last().is_some_and(in_code)
                || matches!(atom.marks.last(), Some(Mark::Code(_))),
            address: false,
            line_start: self.is_empty() || atom.border == Border::Line,
        };
        let left = self.write(atom.text, place, room, &mut add);
        let begun = left.len() < atom.text.len() && self.places.iter().all(Option::is_none);
        if !left.is_empty() && !begun {
            return Pushed::Not;
        }
        self.units += self.count(&add);
        self.out.push_str(&add);
        self.open = open;
        self.line = Some(atom.line);
        self.last = atom.text.chars().next_back().or(self.last);
        if left.is_empty() {
            Pushed::Whole
        } else {
            Pushed::Begun(left)
        }
    }

    /// What is written before an atom's text, and what is open then.
    fn lead(&self, atom: &Atom<'_>) -> (String, Open) {
        let dialect = self.dialect;
        let mut add = String::new();
        let mut open = self.open.clone();
        let new_line = atom.border == Border::Line;
        if self.is_empty() || new_line {
            open.close_marks(dialect, 0, &mut add);
            let kept = common(&open.frames, &atom.line.frames);
            open.close_frames(dialect, kept, &mut add);
            if !self.is_empty() {
                let same = open.frames == atom.line.frames;
                self.end_line(atom.line, same, &mut add);
            }
            for frame in atom.line.frames.iter().skip(kept) {
                dialect.open_frame(&frame.kind, &mut add);
            }
            add.push_str(if new_line {
                &atom.line.prefix
            } else {
                &atom.line.again
            });
            open = Open {
                frames: atom.line.frames.clone(),
                marks: Rc::default(),
            };
        }
        let kept = common(&open.marks, atom.marks);
        let before = add.len();
        open.close_marks(dialect, kept, &mut add);
        let closed = add.len() > before;
        if new_line || !self.is_empty() {
            add.push_str(atom.space);
        }
        let mut opening = String::new();
        for mark in atom.marks.iter().skip(kept) {
            dialect.open_mark(mark, &mut opening);
        }
        let inside = atom.space.is_empty() && !new_line && !self.is_empty();
        if inside && dialect.marks_whole_words() && self.hides(atom, closed, !opening.is_empty()) {
            add.push('\u{200b}');
        }
        add.push_str(&opening);
        open.marks = atom.marks.clone();
        (add, open)
    }

    /// Whether a mark that changes here would be taken for a sign of the text, for want of a word's border.
    fn hides(&self, atom: &Atom<'_>, closed: bool, opens: bool) -> bool {
        let before = self.last.is_some_and(char::is_alphanumeric);
        let after = atom.text.starts_with(char::is_alphanumeric);
        match (closed, opens) {
            (true, true) => true,
            (true, false) => after,
            (false, true) => before,
            (false, false) => false,
        }
    }

    /// Ends a line, and writes the empty ones before the next.
    fn end_line(&self, next: &Line, same_frames: bool, add: &mut String) {
        let in_code =
            matches!(next.frames.last(), Some(frame) if matches!(frame.kind, Kind::Code(_)));
        let end = if self.dialect.is_html() && same_frames && !in_code {
            "<br>\n"
        } else {
            "\n"
        };
        add.push_str(end);
        let quoted = |line: &Line| line.again.starts_with("> ");
        let quoted =
            quoted(next) && self.line.is_some_and(quoted) && self.dialect != Dialect::WhatsApp;
        let apart = !self.dialect.is_html() || same_frames;
        for _ in 0..if apart { next.blank } else { 0 } {
            if quoted {
                add.push_str("> ");
            }
            add.push_str(end);
        }
    }

    /// Writes a text as far as there is room, and answers what is left.
    fn write<'t>(&self, text: &'t str, mut place: Place, room: usize, out: &mut String) -> &'t str {
        let address = ["https://", "http://"]
            .iter()
            .filter_map(|scheme| text.find(scheme))
            .min();
        let mut used = 0;
        for (at, character) in text.grapheme_indices(true) {
            place.address = address.is_some_and(|address| at >= address);
            let before = out.len();
            self.dialect.escape(character, place, out);
            used += self.count(out.get(before..).unwrap_or_default());
            if used > room {
                out.truncate(before);
                return text.get(at..).unwrap_or_default();
            }
            place.line_start = false;
        }
        ""
    }

    /// Writes at least one character of an atom, into a part with nothing else in it, without its markup: whole
    /// characters if one fits, else what they are made of.
    fn force(&mut self, atom: &Atom<'d>) -> &'d str {
        let place = Place {
            line_start: true,
            ..Place::default()
        };
        let mut out = String::new();
        let left = self.write(atom.text, place, self.limit.max, &mut out);
        if left.len() == atom.text.len() {
            for (at, c) in atom.text.char_indices() {
                let before = out.len();
                let character = c.encode_utf8(&mut [0; 4]).to_owned();
                self.dialect.escape(&character, place, &mut out);
                if before > 0 && self.count(&out) > self.limit.max {
                    out.truncate(before);
                    self.out = out;
                    return atom.text.get(at..).unwrap_or_default();
                }
            }
        }
        self.out = out;
        if left.len() == atom.text.len() {
            ""
        } else {
            left
        }
    }

    /// Goes back to the best place to cut, if there is any, and answers which atom comes next.
    fn back(&mut self, at: usize) -> usize {
        let half = self.limit.max / 2;
        let [block, line, word] = std::mem::take(&mut self.places);
        let full = |place: &Option<Stop>| place.as_ref().is_some_and(|place| place.units >= half);
        let best = if full(&block) {
            block
        } else if full(&line) {
            line
        } else {
            // The last of all.
            [block, line, word]
                .into_iter()
                .flatten()
                .max_by_key(|place| place.before)
        };
        match best {
            Some(place) => {
                self.out.truncate(place.bytes);
                self.open = place.open;
                place.before
            }
            None => at,
        }
    }

    /// Closes what is open and begins anew.
    fn finish_into(&mut self, parts: &mut Vec<String>) {
        let fresh = Self::new(self.dialect, self.limit);
        let done = std::mem::replace(self, fresh);
        if !done.is_empty() {
            let mut out = done.out;
            done.open.close_marks(done.dialect, 0, &mut out);
            done.open.close_frames(done.dialect, 0, &mut out);
            parts.push(out);
        }
    }

    fn count(&self, text: &str) -> usize {
        self.limit.unit.count(text)
    }
}

/// How many of the outer ones are the same.
fn common<T: PartialEq>(open: &[T], next: &[T]) -> usize {
    open.iter().zip(next).take_while(|(a, b)| a == b).count()
}
