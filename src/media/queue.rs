//! From a message to the files it wants fetched.

use bytes::Bytes;
use nats::{Batch, HandleError, Handler};
use schemas::{Body, ChannelKind, Envelope, MediaId, Message, Outcome, Raw};
use sha2::{Digest as _, Sha256};
use stages::{Cx, Stage};
use store::{
    Store,
    media::{MediaStored, MediaWanted, object_key},
};

use super::{is_file, sniff};
use crate::{config::MediaSettings, shelf::Objects};

/// Handler of the lane `media`.
pub(crate) struct Queue {
    store: Store,
    objects: Objects,
    normalize: Box<dyn Stage>,
    max_bytes: usize,
}

impl Queue {
    pub(crate) fn new(
        store: Store,
        objects: Objects,
        settings: &MediaSettings,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store,
            objects,
            normalize: Box::new(stages::build(&[schemas::subject::stage::NORMALIZE])?),
            max_bytes: settings.max_bytes,
        })
    }

    /// Keeps the parts of a mail, whose bytes are at hand.
    async fn keep(
        &self,
        envelope: &Envelope,
        wanted: Vec<MediaWanted>,
        mail: &[u8],
    ) -> Result<(), HandleError> {
        store::media::want(&self.store, &wanted)
            .await
            .map_err(HandleError::transient)?;
        for one in wanted {
            let part = one
                .source
                .platform_id
                .as_deref()
                .and_then(|id| stages::normalize::email::part(mail, id));
            let done = match part {
                Some(bytes) if bytes.len() <= self.max_bytes => {
                    let bytes = Bytes::from(bytes);
                    let file = describe(&bytes, one.source.content_type.as_deref());
                    self.objects
                        .put(&object_key(envelope.tenant, one.id), bytes)
                        .await
                        .map_err(|error| HandleError::transient(format!("{error:#}")))?;
                    store::media::stored(&self.store, envelope.tenant, one.id, &file).await
                }
                Some(_) => {
                    let why = format!("larger than {} bytes", self.max_bytes);
                    store::media::missed(&self.store, envelope.tenant, one.id, &why, None).await
                }
                None => {
                    let why = "the mail has no such part";
                    store::media::missed(&self.store, envelope.tenant, one.id, why, None).await
                }
            };
            done.map_err(HandleError::transient)?;
        }
        Ok(())
    }
}

impl Handler for Queue {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let mut wanted = Vec::new();
        for item in batch.items {
            // What cannot be read is a dead letter of the pipeline already.
            let Ok(envelope) = Envelope::decode(&item.payload) else {
                continue;
            };
            let Body::Raw(Raw { bytes, .. }) = &envelope.body else {
                continue;
            };
            let bytes = bytes.clone();
            let Outcome::Next(read) = self.normalize.apply(&Cx::default(), envelope) else {
                continue;
            };
            let Some(message) = read.message() else {
                continue;
            };
            let files = files(&read, message);
            match read.kind {
                ChannelKind::Email | ChannelKind::Gmail => self.keep(&read, files, &bytes).await?,
                _ => wanted.extend(files),
            }
        }
        store::media::want(&self.store, &wanted)
            .await
            .map_err(HandleError::transient)
    }
}

fn files(envelope: &Envelope, message: &Message) -> Vec<MediaWanted> {
    message
        .content
        .attachments
        .iter()
        .enumerate()
        .filter(|(_, attachment)| is_file(attachment))
        .map(|(place, attachment)| MediaWanted {
            id: MediaId::of(message.id, place),
            tenant: envelope.tenant,
            channel: envelope.channel,
            message: message.id,
            place: i32::try_from(place).unwrap_or(i32::MAX),
            source: attachment.clone(),
        })
        .collect()
}

/// What is kept of a file beside its bytes.
pub(super) fn describe(bytes: &[u8], claimed: Option<&str>) -> MediaStored {
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes);
    let sha256 = digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    });
    MediaStored {
        content_type: Some(sniff::content_type(bytes, claimed)),
        size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        sha256,
    }
}
