//! Where a reading stands, and what comes next.

use super::{Event, Scan};
use crate::construct::{Kind, Piece};

impl<'a> Scan<'a> {
    pub(super) fn push(&mut self, event: Event) {
        self.document.events.push(event);
    }

    pub(super) fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    /// The construct that begins here.
    pub(super) fn construct(&mut self) -> Option<Piece> {
        while self
            .pieces
            .get(self.piece)
            .is_some_and(|piece| piece.range.end <= self.at)
        {
            self.piece += 1;
        }
        self.pieces
            .get(self.piece)
            .filter(|piece| piece.kind != Kind::Text && piece.range.start == self.at)
            .cloned()
    }

    pub(super) fn construct_at(&self, at: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.range.start < at);
        self.pieces
            .get(index)
            .filter(|piece| piece.kind != Kind::Text && piece.range.start == at)
    }

    /// Where the next such byte, construct or the end is.
    pub(super) fn until(&self, stop: impl Fn(u8) -> bool) -> usize {
        let end = self
            .pieces
            .get(self.piece..)
            .unwrap_or_default()
            .iter()
            .find(|piece| piece.range.end > self.at)
            .map_or(self.source.len(), |piece| {
                if piece.kind == Kind::Text {
                    piece.range.end
                } else {
                    piece.range.start.max(self.at)
                }
            });
        let bytes = self.source.as_bytes().get(self.at..end).unwrap_or_default();
        bytes
            .iter()
            .position(|byte| stop(*byte))
            .map_or(end, |at| self.at + at)
    }

    pub(super) fn skip_blanks(&self, from: usize) -> usize {
        let blanks = self
            .source
            .as_bytes()
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        from + blanks
    }
}

/// Whether a construct trims the blanks around it.
pub(super) fn trims(construct: &str) -> bool {
    construct.get(2..).is_some_and(|rest| rest.starts_with('-'))
        || construct
            .get(..construct.len().saturating_sub(2))
            .is_some_and(|rest| rest.ends_with('-'))
}
