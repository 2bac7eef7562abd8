//! What a campaign says to one contact.
//!
//! A template is compiled once ([`Compiled::new`]): it is checked, style sheets are written into the elements they
//! speak of, links and the pixel get their places, the plain-text part is made. What is left for each recipient
//! ([`Compiled::render`]) is to fill in words and to ask the caller's [`Links`] for addresses, some tens of
//! microseconds: HTML is never read then.
//!
//! Invariants:
//! - pure: no clock, no files, no network, no randomness;
//! - whatever a template says, compiling and rendering it ends soon, within bounded memory, and never panics;
//! - no value of a contact can add an element or an attribute to HTML, nor a line to a subject, and none can make a
//!   link run a script. This does not lean on a parser of HTML alone: a place where escaping would not be enough (a
//!   value without quotes, a script, the name of an attribute) is a [`Problem`] of the template;
//! - an undefined name is an error, never an empty gap in a letter.
//!
//! An approved message of a platform ([`schemas::PlatformTemplate`]) has its variables filled in the same way (`approved`).
//!
//! Deliberately absent: sending, tracking tokens and their keys (the caller's [`Links`]), templates of answers
//! (`stages`), includes, macros and functions.

mod approved;
mod compiled;
mod construct;
mod engine;
mod filter;
mod grammar;
mod html;
mod page;
mod problem;
mod ready;
mod recipient;
mod token;
mod words;

pub use compiled::{Compiled, Rendered, Source};
pub use page::{MAX_HTML, MAX_TEXT};
pub use problem::{Part, Problem, RenderError};
pub use recipient::{CampaignFacts, Links, Recipient};
