//! Files of messages: fetched from the platforms into object storage, so that they outlive the platforms' addresses and
//! are had without their keys.
//!
//! The pipeline hands each message with files to [`Queue`] as it came in. What a mail carries is kept at once; the
//! rest is queued in `comm_media` and fetched by [`Fetcher`], which any number of workers may run side by side.
//!
//! Invariants: an address is called only through the guard of `egress`, its redirects too; a file is in object storage
//! before its row says so; a file's id is derived from its message, so nothing is kept twice.
//! Deliberately absent: thumbnails, virus scanning.

mod fetcher;
mod keeper;
mod queue;
mod sniff;
mod source;

use schemas::{Attachment, Message};

pub(crate) use fetcher::Fetcher;
pub(crate) use keeper::Keeper;
pub(crate) use queue::Queue;
pub(crate) use source::Source;

/// Whether there is anything to fetch.
pub(crate) fn has_files(message: &Message) -> bool {
    message.content.attachments.iter().any(is_file)
}

/// Whether an attachment is a file, and not a place or a person.
fn is_file(attachment: &Attachment) -> bool {
    !matches!(attachment.kind.as_str(), "location" | "contact")
        && (attachment.url.is_some() || attachment.platform_id.is_some())
}
